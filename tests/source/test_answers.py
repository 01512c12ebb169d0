"""What the client makes of an answer: a page, another attempt, or an error that says what to do."""

from __future__ import annotations

import traceback

import pytest
from aioresponses import aioresponses

from exporter import errors
from exporter.client.response import as_utf8
from exporter.inventory.dialects import Paging
from tests.source.canned import URL, Answer, Response, answering
from tests.source.servers import Told, asking
from tests.source.test_client import refusal


async def test_f12_a_403_is_not_tried_with_other_credentials() -> None:
    with answering(Answer(403)) as requests:
        error = await refusal(URL, errors.Refused)
    assert (error.reason, len(requests)) == ("forbidden", 1)


async def test_f13_a_401_for_ever_is_asked_once_and_names_the_setting() -> None:
    with answering(Answer(401)) as requests:
        error = await refusal(URL, errors.Refused)
    assert (error.reason, len(requests)) == ("auth", 1)
    assert "username and password" in error.hint
    assert "apis.tmf638" in error.hint


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, "status"),
        (404, "not_found"),
        (407, "proxy"),
        (410, "not_found"),
        (416, "status"),
        (422, "status"),
        (499, "status"),
    ],
)
async def test_f15_an_answer_that_says_no_is_not_asked_again(status: int, reason: str) -> None:
    told = Told()
    with answering(Answer(status, b"{}")) as requests:
        error = await refusal(URL, errors.Refused, told)
    assert isinstance(error, errors.Refused)
    assert (error.status, error.reason, len(requests)) == (status, reason, 1)
    assert str(status) in str(error)
    assert "apis." in error.hint
    assert told.failures == {reason: 1}


@pytest.mark.parametrize("status", [429, 503])
async def test_f16_a_server_that_asks_to_wait_is_asked_again(status: int) -> None:
    told, busy = Told(), Answer(status, b"", {"Retry-After": "0"})
    with answering(busy, busy, Answer(body=b"[2]")):
        async with asking(URL, told) as client:
            assert (await client.get(URL, ())).body == b"[2]"
    assert (told.retries, told.failures) == (2, {"throttled": 2})


async def test_f16_a_server_that_asks_to_wait_for_ever_is_throttled() -> None:
    with answering(Answer(429)) as requests:
        error = await refusal(URL, errors.Throttled)
    assert (error.reason, len(requests)) == ("throttled", 3)
    assert isinstance(error, errors.Throttled)
    assert error.wait is None


async def test_f17_a_burst_of_5xx_is_survived() -> None:
    told, bad = Told(), Answer(502, b"<html>")
    with answering(bad, bad, Answer(body=b"[3]")):
        async with asking(URL, told) as client:
            assert (await client.get(URL, ())).body == b"[3]"
    assert (told.retries, told.failures) == (2, {"server": 2})


@pytest.mark.parametrize("status", [500, 503, 504, 599])
async def test_f18_a_page_that_always_answers_5xx_is_broken_after_its_retries(status: int) -> None:
    with answering(Answer(status)) as requests:
        error = await refusal(URL, errors.Broken)
    assert isinstance(error, errors.Broken)
    assert (error.status, error.reason, len(requests)) == (status, "server", 3)


LOGIN = b"<!doctype html>\n<html><head><title>Log in &amp;\n wait</title></head></html>"


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (LOGIN, "text/html; charset=utf-8", "'Log in & wait'"),
        (LOGIN, "application/json", "'Log in & wait'"),
        (b"\n<p>We are <b>down</b>.</p>", "text/html", "'We are down .'"),
        (b"down", "text/html", "'down'"),
    ],
)
async def test_f19_a_web_page_is_a_failure_and_not_an_empty_list(body: bytes, kind: str, words: str) -> None:
    with answering(Answer(200, body, {"Content-Type": kind})) as requests:
        error = await refusal(URL, errors.Malformed)
    assert (error.reason, len(requests)) == ("html", 1)
    assert words in error.hint


@pytest.mark.parametrize("header", ["X-Total-Count", "X-Record-Count"])
async def test_f20_an_answer_without_a_body_that_announces_no_records_is_an_empty_list(header: str) -> None:
    with answering(Answer(204, b"", {header: "0"})):
        async with asking(URL) as client:
            assert (await client.get(URL, (), paging=Paging(total_header=header))).body == b"[]"


@pytest.mark.parametrize("status", [200, 201, 206])
async def test_f21_any_2xx_with_a_body_is_a_page(status: int) -> None:
    with answering(Answer(status, b"[4]")):
        async with asking(URL) as client:
            page = await client.get(URL, ())
    assert (page.status, page.body) == (status, b"[4]")


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://login.example.net/?token=abc", "redirects to another host"),
        ("/moved/service?limit=40", "/moved/service"),
        ("http://[broken", "redirects to an invalid URL"),
        ("", f"redirects to {URL}"),
    ],
)
async def test_f22_a_redirect_is_not_followed(location: str, shown: str) -> None:
    with answering(Answer(302, b"", {"Location": location})) as requests:
        error = await refusal(URL, errors.Refused)
    assert (error.reason, len(requests)) == ("redirect", 1)
    assert shown in str(error)
    assert "token" not in str(error)
    assert "apis.tmf638.url" in error.hint


@pytest.mark.parametrize(
    ("location", "words", "hint"),
    [
        ("/service/?limit=40", "/service/, the same URL with / at its end", "write / at the end"),
        ("https://inventory.example/service", "redirects to https://", "write https:// into apis.tmf638.url"),
        ("https://inventory.example/service/", "redirects to https://", "write https:// into"),
        ("/other", f"redirects to {URL}/other", "final URL"),
    ],
)
async def test_f22_the_hint_of_a_redirect_says_what_to_write(location: str, words: str, hint: str) -> None:
    with answering(Answer(301, b"", {"Location": location})):
        error = await refusal(URL, errors.Refused)
    assert words in str(error)
    assert hint in error.hint


async def test_a_login_that_sets_a_cookie_is_asked_about() -> None:
    with answering(Answer(401, b"", {"Set-Cookie": "session=c4n4ry"})):
        error = await refusal(URL, errors.Refused)
    assert "cookie check" in error.hint
    assert "c4n4ry" not in f"{error}{error.hint}"


async def test_four_functions_stand_between_a_query_and_aiohttp() -> None:
    frames: list[str] = []

    def note(url: object, **options: object) -> None:
        found = [frame for frame in traceback.extract_stack() if "/exporter/" in frame.filename]
        frames.extend(frame.name for frame in found)

    with aioresponses() as mocked:
        mocked.get(URL, callback=note, body=b"[]", response_class=Response)
        async with asking(URL) as client:
            await client.get(URL, ())
    assert frames == ["get", "_retry", "_authorize", "_send"]


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ['["é"]', ' {"é": 1}', "[]"])
def test_a_body_in_utf_16_or_32_is_known_without_a_mark(coding: str, text: str) -> None:
    assert as_utf8(text.encode(coding), "", URL) == text.encode()


def test_a_body_in_utf_8_is_taken_as_it_is_whatever_its_header_declares() -> None:
    body = '["é"]'.encode()
    assert as_utf8(body, "iso-8859-1", URL) == body
    assert as_utf8('["é"]'.encode("latin-1"), "iso-8859-1", URL) == body
