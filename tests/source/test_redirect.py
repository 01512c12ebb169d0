"""Redirects: how far they are followed, and what never goes along."""

from __future__ import annotations

import asyncio

import pytest
import yarl

from exporter import errors
from exporter.client import response as http
from tests.source.servers import Script, Server, Told, asking, says, serving, whole

START = yarl.URL("https://api.example/a?limit=1")


@pytest.mark.parametrize(
    ("location", "end"),
    [
        ("/b?limit=1", "https://api.example/b?limit=1"),
        ("c%2Fd?q=%7B", "https://api.example/c%2Fd?q=%7B"),
        ("https://api.example:443/b#x", "https://api.example/b"),
        ("//api.example/b", "https://api.example/b"),
        ("https://user:pw@API.example/b", "https://API.example/b"),
    ],
)
def test_a_redirect_within_the_origin_is_followed_to_the_letter(location: str, end: str) -> None:
    redirects = http.Redirects(START, {})
    assert redirects.follow(302, location)
    assert str(redirects.url) == end


@pytest.mark.parametrize(
    "location",
    [
        "http://api.example/a",
        "https://api.example:8443/a",
        "https://evil.example/a",
        "https://api.example.evil.example/",
        "//evil.example",
        "https://api.example/a?limit=1",
        "?limit=1#there",
        "http://[broken",
        "https://api.example:99999/",
        "javascript:x",
        "",
    ],
)
def test_f22_a_redirect_elsewhere_or_in_a_circle_is_not(location: str) -> None:
    redirects = http.Redirects(START, {})
    assert not redirects.follow(302, location)
    assert redirects.url == START


@pytest.mark.parametrize(
    ("status", "goes"), [(301, True), (303, True), (307, True), (308, True), (300, False), (304, False)]
)
def test_only_some_of_the_3xx_are_redirects(status: int, goes: bool) -> None:
    assert http.Redirects(START, {}).follow(status, "/b") is goes


def counting(last: int) -> Script:
    """Sends on from /0 to /1 and so on, and answers at `last`."""

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        number = int(head.split()[1].rpartition("/")[2].partition("?")[0])
        onward = whole(b"gone", f"Location: /{number + 1}?x=1", status="307 Temporary Redirect")
        writer.write(whole(b"[7]") if number == last else onward)

    return script


async def test_f22_redirects_are_followed_with_credentials_if_that_is_wanted() -> None:
    told = Told()
    auth = {"username": "u", "password": "p"}
    async with serving(counting(5)) as server:
        async with asking(server.url, told, follow_redirects=True, basic_auth=auth) as client:
            page = await client.get(f"{server.url}/0", (("limit", "40"),))
    assert (page.body, page.url) == (b"[7]", f"{server.url}/5")
    assert page.params == (("limit", "40"),)
    assert len(server.heads) == 6
    assert all("Authorization: Basic" in head for head in server.heads)
    assert told.codes == {"307": 5, "200": 1}


async def test_f22_too_many_redirects_are_refused() -> None:
    async with serving(counting(6)) as server, asking(server.url, follow_redirects=True) as client:
        with pytest.raises(errors.Refused) as caught:
            await client.get(f"{server.url}/0", ())
    assert (caught.value.reason, len(server.heads)) == ("redirect", 6)


@pytest.mark.parametrize("location", ["/a", "http://127.0.0.2:1/a", "https://127.0.0.1/a"])
async def test_f22_a_loop_and_another_origin_are_refused(location: str) -> None:
    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(whole(b"", f"Location: {location}", status="301 Moved"))

    async with serving(script) as server, asking(server.url, follow_redirects=True) as client:
        with pytest.raises(errors.Refused) as caught:
            await client.get(f"{server.url}/a", ())
    assert (caught.value.reason, len(server.heads)) == ("redirect", 1)


async def test_f22_the_client_asks_nobody_but_its_api() -> None:
    async with asking("http://127.0.0.1:1", authorization={"credentials": "t0k"}) as client:
        with pytest.raises(errors.Refused, match="where the credentials belong") as caught:
            await client.get("http://127.0.0.1:2/a?x=y", ())
    assert caught.value.reason == "redirect"
    assert "x=y" not in str(caught.value)


def moving(status: str, location: str = "/b/{query}") -> Script:
    """Moves `/a` to `/b/`, which has the pages."""

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        path, mark, query = head.split()[1].partition("?")
        target = location.format(query=f"{mark}{query}")
        moved = whole(b"", f"Location: {target}", status=status)
        writer.write(whole(b"[7]") if path == "/b/" else moved)

    return script


def targets(server: Server) -> list[str]:
    return [head.split()[1] for head in server.heads]


@pytest.mark.parametrize("status", ["301 Moved Permanently", "308 Permanent Redirect"])
async def test_a_permanent_redirect_is_remembered_so_that_one_request_is_sent_twice(status: str) -> None:
    async with serving(moving(status)) as server, asking(server.url, follow_redirects=True) as client:
        for offset in ("0", "40", "8%30"):
            page = await client.get(f"{server.url}/a", (("offset", offset), ("@type", "x")))
            assert (page.body, page.url) == (b"[7]", f"{server.url}/b/")
    assert targets(server) == [
        "/a?offset=0&@type=x",
        "/b/?offset=0&@type=x",
        "/b/?offset=40&@type=x",
        "/b/?offset=8%2530&@type=x",
    ]


@pytest.mark.parametrize(
    ("status", "location"),
    [("302 Found", "/b/{query}"), ("307 Temporary Redirect", "/b/{query}"), ("301 Moved", "/b/?x=1")],
)
async def test_another_redirect_is_not_remembered(status: str, location: str) -> None:
    script = moving(status, location)
    async with serving(script) as server, asking(server.url, follow_redirects=True) as client:
        for offset in ("0", "40"):
            await client.get(f"{server.url}/a", (("offset", offset),))
    assert [target.partition("?")[0] for target in targets(server)] == ["/a", "/b/"] * 2


async def test_a_redirect_that_leads_nowhere_any_more_is_forgotten() -> None:
    async with serving(moving("301 Moved")) as server, asking(server.url, follow_redirects=True) as client:
        await client.get(f"{server.url}/a", ())
        server.script = says(whole(b"", status="404 Not Found"))
        with pytest.raises(errors.Refused):
            await client.get(f"{server.url}/a", ())
        server.script = says(whole(b"[8]"))
        assert (await client.get(f"{server.url}/a", ())).body == b"[8]"
    assert targets(server) == ["/a", "/b/", "/b/", "/a"]


@pytest.mark.parametrize(("before", "after"), [("/a", "/a/"), ("/a/", "/a")])
async def test_a_redirect_to_the_trailing_slash_keeps_the_query(before: str, after: str) -> None:
    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        is_there = head.split()[1].partition("?")[0] == after
        writer.write(whole(b"[7]") if is_there else whole(b"", f"Location: {after}", status="301 Moved"))

    async with serving(script) as server, asking(server.url, follow_redirects=True) as client:
        for offset in ("0", "40"):
            await client.get(f"{server.url}{before}", (("offset", offset),))
    assert targets(server) == [f"{before}?offset=0", f"{after}?offset=0", f"{after}?offset=40"]
