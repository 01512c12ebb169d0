"""What is read by collectors that speak OpenMetrics, and by browsers behind a proxy that adds a path."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed
from pytest_aiohttp import AiohttpClient

from exporter.web import server
from tests import crawling
from tests.web.invented import InventedSite

BEHIND = "https://monitoring.example.net/inventory/"


async def test_o10_info_families_are_gauges_of_their_whole_name_in_openmetrics(tmp_path: Path) -> None:
    async with crawling.house(tmp_path) as (_, built):
        for poller in built.pollers:
            await poller.refresh()
        openmetrics = b"".join(built.store.scrape("openmetrics", "identity", ())[1]).decode()
        plain = b"".join(built.store.scrape("text", "identity", ())[1]).decode()
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", openmetrics, re.MULTILINE))
    infos = set(re.findall(r"^(\w+_info)\{", openmetrics, re.MULTILINE))
    assert {"ses_inventory_service_info", "ses_inventory_exporter_build_info", "python_info"} <= infos
    assert {types.get(name) for name in infos} == {"gauge"}
    assert "info" not in types.values()
    assert infos == set(re.findall(r"^(\w+_info)\{", plain, re.MULTILINE))
    gauges = [family for family in parsed(openmetrics) if family.type == "gauge"]
    assert infos <= {family.name for family in gauges}


class Links(HTMLParser):
    """The addresses that a page leads to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("href", "src", "action")]


async def test_o13_the_links_of_the_page_hold_behind_a_path(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(server.application(InventedSite()))
    page = await (await client.get("/")).text()
    addresses = {urljoin(BEHIND, link) for link in Links(page).found if not link.startswith("data:")}
    assert f"{BEHIND}metrics" in addresses
    for address in addresses:
        assert address.startswith(BEHIND)
        parts = urlsplit(address.removeprefix(BEHIND))
        # what a proxy asks the exporter, which removes the path that it added
        answer = await client.get(f"/{parts.path}?{parts.query}")
        assert answer.status == 200, address


async def test_o13_no_answer_sends_a_browser_to_an_absolute_path(aiohttp_client: AiohttpClient) -> None:
    client = await aiohttp_client(server.application(InventedSite()))
    for path in ("/nowhere", "/metrics/", "/-/reload", "/metrics?collect[]=none"):
        answer = await client.get(path, allow_redirects=False)
        assert answer.status in (400, 404)
        assert "Location" not in answer.headers
        assert answer.content_type == "text/plain", "which has no links"
