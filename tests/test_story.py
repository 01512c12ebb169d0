"""What the log says of a collection's completeness: once where it is news, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter import app, logs
from tests import crawling

Lines = list[dict[str, Any]]
BAD_ROW = "504:rows=25,collection=carriers"
QUICK = {"limits.retries": 0, "collections.carriers.page_size": 10}


@pytest.fixture(autouse=True)
def lines() -> Iterator[Lines]:
    """What is logged at info and above, whatever another test asked for."""
    logs.configure("info", "json")
    with capture_logs() as said:
        yield said  # type: ignore[misc]


async def crawl(built: app.Runtime) -> None:
    """A full crawl of the carriers."""
    poller = crawling.poller(built, "carriers")
    await poller.refresh("full")


def told(lines: Lines) -> list[tuple[str, str]]:
    """Level and event of all lines so far."""
    return [(line["log_level"], line["event"]) for line in lines]


async def test_a_crawl_that_turns_out_incomplete_is_told_once_and_so_is_its_end(
    tmp_path: Path, lines: Lines
) -> None:
    async with crawling.house(tmp_path, QUICK) as (simulator, built):
        await crawl(built)
        crawling.trouble(simulator, BAD_ROW)
        for _ in range(3):
            await crawl(built)
        assert told(lines) == [("info", "initial crawl complete"), ("warning", "crawl incomplete")]
        warning = lines[-1]
        assert (warning["collection"], warning["retained"], warning["held_back"]) == ("carriers", 1, 0)
        assert warning["problem"] == crawling.poller(built, "carriers").recorder.problem != ""
        assert "bad_rows of /api/v1/status" in warning["hint"]
        crawling.trouble(simulator)
        await crawl(built)
        await crawl(built)
        assert told(lines)[2:] == [("info", "crawl complete again")]
        assert lines[-1]["records"] == 50


async def test_a_first_crawl_that_is_incomplete_says_why_and_is_not_told_twice(
    tmp_path: Path, lines: Lines
) -> None:
    async with crawling.house(tmp_path, QUICK, faults=(BAD_ROW,)) as (_, built):
        await crawl(built)
        await crawl(built)
        assert told(lines) == [("warning", "initial crawl incomplete")]
        assert lines[0]["records"] == 49
        assert "504" in lines[0]["problem"] and "bad_rows" in lines[0]["hint"]


async def test_a_first_crawl_that_is_complete_has_nothing_to_hint(tmp_path: Path, lines: Lines) -> None:
    async with crawling.house(tmp_path) as (_, built):
        await crawl(built)
        assert told(lines) == [("info", "initial crawl complete")]
        assert not {"problem", "hint"} & set(lines[0])


async def test_incomplete_at_the_first_success_after_failures_is_told_beside_the_recovery(
    tmp_path: Path, lines: Lines
) -> None:
    async with crawling.house(tmp_path, QUICK, faults=("html",)) as (simulator, built):
        await crawl(built)
        crawling.trouble(simulator, BAD_ROW)
        await crawl(built)
        assert told(lines) == [
            ("warning", "refresh failed"),
            ("info", "refresh recovered"),
            ("warning", "crawl incomplete"),
        ]


async def test_a_failure_in_between_does_not_make_the_same_incompleteness_news_again(
    tmp_path: Path, lines: Lines
) -> None:
    async with crawling.house(tmp_path, QUICK, faults=(BAD_ROW,)) as (simulator, built):
        await crawl(built)
        crawling.trouble(simulator, "html")
        await crawl(built)
        crawling.trouble(simulator, BAD_ROW)
        await crawl(built)
        assert told(lines)[1:] == [("warning", "refresh failed"), ("info", "refresh recovered")]


async def test_the_shrink_guard_is_told_when_it_begins_to_hold_and_when_it_lets_go(
    tmp_path: Path, lines: Lines
) -> None:
    async with crawling.house(tmp_path) as (simulator, built):
        await crawl(built)
        for ident in list(crawling.poller(built, "carriers").snapshot.records)[10:]:
            simulator.fleet.remove(ident)
        for _ in range(3):
            await crawl(built)
        assert told(lines)[1:] == [("warning", "crawl incomplete"), ("info", "crawl complete again")]
        warning, end = lines[1:]
        assert (warning["held_back"], warning["retained"]) == (40, 40)
        assert "40 removals are pending" in warning["problem"]
        assert "SIGUSR1" in warning["hint"]
        assert end["records"] == 10


async def test_the_shrink_guard_that_begins_to_hold_is_news_where_it_was_incomplete_before(
    tmp_path: Path, lines: Lines
) -> None:
    async with crawling.house(tmp_path, QUICK, faults=(BAD_ROW,)) as (simulator, built):
        await crawl(built)
        crawling.trouble(simulator)
        poller = crawling.poller(built, "carriers")
        for ident in list(poller.snapshot.records)[10:]:
            simulator.fleet.remove(ident)
        await crawl(built)
        await crawl(built)
        assert told(lines)[1:] == [("warning", "crawl incomplete")]
        assert lines[-1]["held_back"] > 0


async def test_counts_that_do_not_match_say_where_to_look(tmp_path: Path, lines: Lines) -> None:
    async with crawling.house(tmp_path, dialect="tmf-v4", quirks=("total-wrong=7",)) as (_, built):
        await crawl(built)
        assert told(lines) == [("warning", "initial crawl incomplete")]
        assert "announced 57, received 50" in lines[0]["problem"]
        assert "`check` tries" in lines[0]["hint"]
