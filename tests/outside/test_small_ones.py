"""Small faults that add up: interim answers, requests that time out, control characters, forged files."""

from __future__ import annotations

import gzip
import json
import math
import time
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from exporter import app, errors, logs, state_file
from exporter.client import response
from exporter.inventory import record
from tests.faults import inventory
from tests.faults.inventory import own, poller, records, refresh


async def test_a12_a_request_that_timed_out_at_the_server_is_tried_again(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(25), {"limits.retries": 2}) as (source, built):
        refusals = iter(range(2))

        async def late(request: web.Request) -> web.StreamResponse:
            return (
                web.Response(status=408) if next(refusals, None) is not None else await source.page(request)
            )

        source.answer = late
        await refresh(built)
        assert own(built, "complete") == 1, poller(built).recorder.error


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_a12_a_log_line_has_no_control_characters(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", form)
    logs.log.info("refresh failed", error="\x1b[2J\x00\x07\x85\u2028gone\nnext")
    (line,) = capsys.readouterr().err.splitlines()
    assert all(character.isprintable() for character in line)
    assert "gone" in line
    if form == "json":
        assert "\\x1b[2J" in json.loads(line)["error"]


async def test_a12_bytes_that_are_no_json_are_named_with_their_url_and_a_hint(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(5)) as (source, built):

        async def broken(_: web.Request) -> web.StreamResponse:
            return web.Response(body=b'[{"id":', content_type="application/json")

        source.answer = broken
        await refresh(built)
        recorder = poller(built).recorder
        assert source.url in recorder.error
        assert poller(built).status.last_error_hint


@pytest.mark.parametrize("moment", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("place", ["last_success", "since", "updated"])
async def test_a12_a_forged_state_file_is_set_aside(tmp_path: Path, moment: float, place: str) -> None:
    async with inventory.over(tmp_path, records(5)) as (_, built):
        await refresh(built)
        kept = dict(built.group.saved())
        (held,) = list(kept["services"].snapshot.records.values())[:1]
        if place == "last_success":
            kept["services"] = msgspec.structs.replace(kept["services"], last_success=moment)
        else:
            packed = record.pack(msgspec.structs.replace(held.record, updated=moment))
            change = {"since": moment} if place == "since" else {"packed": packed}
            forged = msgspec.structs.replace(held, **change)
            snapshot = msgspec.structs.replace(
                kept["services"].snapshot,
                records={**kept["services"].snapshot.records, held.id: forged},
            )
            kept["services"] = msgspec.structs.replace(kept["services"], snapshot=snapshot)
        state_file.write(tmp_path / "state", kept, 1.0)
        with pytest.raises(errors.StateError, match="is not a time"):
            state_file.read(tmp_path / "state")


def test_a12_a_body_of_empty_parts_without_end_is_refused() -> None:
    taken = response.BodyReader("gzip", 1000, "http://inventory.example/service")
    with pytest.raises(errors.Malformed) as caught:
        for _ in range(100):
            taken.feed(gzip.compress(b"") * 1000)
    assert caught.value.reason == "encoding"


async def test_a12_what_was_stored_in_the_future_counts_as_stale(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(5)) as (_, built):
        await refresh(built)
        kept = dict(built.group.saved())
        ahead = msgspec.structs.replace(kept["services"], last_success=time.time() + 86_400)
        async with app.built(built.config) as other:
            await other.group.restore({"services": ahead})
            assert len(inventory.ids(other)) == 5
            assert own(other, "stale") == 1
