"""The operator's own headers."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from exporter import errors
from tests.source.servers import asking, says, serving, whole

CANARY = "c4n4ry-s3cret"


async def test_every_value_becomes_a_line_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("third\n")
    headers = {
        "X-Api-Key": {"values": ["first"], "secrets": ["second"], "files": [file]},
        "X-Tenant": {"values": ["acme"]},
    }
    async with serving(says(whole())) as server, asking(server.url, http_headers=headers) as client:
        await client.get(server.url, ())
        file.write_text("rotated")
        await client.get(server.url, ())
    lines = [line for line in server.heads[0].split("\r\n") if line.startswith("X-")]
    assert lines == ["X-Api-Key: first", "X-Api-Key: second", "X-Api-Key: third", "X-Tenant: acme"]
    assert "X-Api-Key: rotated\r\n" in server.heads[1]


async def test_the_headers_of_a_query_and_the_credentials_come_beside_them() -> None:
    api = {"http_headers": {"range": {"values": ["mine"]}}, "authorization": {"credentials": "t0k"}}
    async with serving(says(whole())) as server, asking(server.url, **api) as client:  # type: ignore[arg-type]
        await client.get(server.url, (), {"Range": "items=1-40"})
    head = server.heads[0].lower()
    assert "range: items=1-40\r\n" in head
    assert "mine" not in head
    assert "authorization: bearer t0k\r\n" in head


async def test_f62_a_file_that_has_gone_is_named_and_no_value_is(tmp_path: Path) -> None:
    headers = {"X-Key": {"secrets": [CANARY], "files": [tmp_path / "gone"]}}
    async with asking("http://127.0.0.1:1", http_headers=headers) as client:
        with pytest.raises(errors.Refused) as caught:
            await client.get("http://127.0.0.1:1", ())
    error = caught.value
    assert error.reason == "auth"
    assert "apis.tmf638.http_headers.X-Key.files: " in str(error)
    assert CANARY not in "".join(traceback.format_exception(error))
