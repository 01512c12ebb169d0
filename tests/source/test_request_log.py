"""Every request to an API is a log line at level debug, which shows the query and no credential."""

from __future__ import annotations

import logging

import pytest
import structlog
from structlog.testing import capture_logs

from exporter import errors
from tests.source.endpoint import endpoint, tokens
from tests.source.servers import asking, says, serving, whole

CANARY = "c4n4ry-s3cret"


async def test_a_request_is_logged_with_its_query_and_what_came() -> None:
    with capture_logs() as lines:
        async with serving(says(whole(b'[{"id":1}]'))) as server, asking(server.url) as client:
            await client.get(f"{server.url}/service", (("@type", "A B"), ("limit", "40")))
    (line,) = [line for line in lines if line["event"] == "request"]
    assert 0 <= line.pop("ms") < 5000
    assert line == {
        "event": "request",
        "log_level": "debug",
        "api": "tmf638",
        "method": "GET",
        "path": "/service",
        "query": "@type=A B&limit=40",
        "status": 200,
        "bytes": 10,
    }


async def test_credentials_in_a_link_of_the_api_are_not_logged() -> None:
    with capture_logs() as lines:
        async with (
            serving(says(whole())) as server,
            asking(server.url, basic_auth={"username": "monitor", "password": CANARY}) as client,
        ):
            await client.get(f"{server.url}/{CANARY}?page=2&echo={CANARY}&sig=abc&api_key=def", ())
    (line,) = [line for line in lines if line["event"] == "request"]
    assert (line["path"], line["query"]) == ("/***", "page=2&echo=***&sig=***&api_key=***")


async def test_a_request_that_fails_is_logged_too() -> None:
    with capture_logs() as lines:
        async with serving(says(whole(b"{}", status="403 Forbidden"))) as server:
            url = server.url
            async with asking(url) as client:
                with pytest.raises(errors.Refused):
                    await client.get(f"{url}/service", ())
        async with asking(url, limits={"retries": 0}) as client:
            with pytest.raises(errors.Unreachable):
                await client.get(f"{url}/service", ())
    seen = [(line["status"], line["bytes"]) for line in lines if line["event"] == "request"]
    assert seen == [(403, 0), (0, 0)]


async def test_a_request_for_a_token_is_logged_without_the_token() -> None:
    with capture_logs() as lines:
        async with endpoint(tokens()) as desk, serving(says(whole())) as server:
            oauth2 = {"token_url": desk.url, "client_id": "me", "client_secret": CANARY}
            async with asking(server.url, oauth2=oauth2) as client:
                await client.get(f"{server.url}/service", ())
    sent = [(line["method"], line["path"], line["status"]) for line in lines if line["event"] == "request"]
    assert sent == [("POST", "/token", 200), ("GET", "/service", 200)]
    assert CANARY not in str(lines)


async def test_nothing_is_logged_at_level_info() -> None:
    lines: list[structlog.typing.EventDict] = []
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    try:
        with capture_logs() as lines:
            async with serving(says(whole())) as server, asking(server.url) as client:
                await client.get(f"{server.url}/service", ())
    finally:
        structlog.configure(**before)
    assert not lines
