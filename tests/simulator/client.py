"""Asks a running simulator as a client would: with a password, page after page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from exporter.simulator.server import Simulator

Json = dict[str, Any]

API_OF = {"services": "tmf638", "carriers": "tmf638", "resources": "tmf639"}


def credentials(username: str = "monitor", password: str = "simulator") -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(username, password)}


def url(simulator: Simulator, collection: str) -> str:
    if API_OF[collection] == "tmf638":
        return f"{simulator.url638}/service"
    return f"{simulator.url639}/resource"


class Walker:
    """One client of one simulator; `headers` and `statuses` are those of the answers so far."""

    def __init__(self, session: aiohttp.ClientSession, simulator: Simulator) -> None:
        self._session = session
        self.simulator = simulator
        self.statuses: list[int] = []
        self.headers: list[Mapping[str, str]] = []

    async def ask(self, collection: str, **params: str) -> aiohttp.ClientResponse:
        """One page of the collection, with the dialect's own query (the first), `params` on top of it."""
        query = {**self.simulator.dialect.queries[collection][0], **params}
        return await self.ask_raw(url(self.simulator, collection), query)

    async def ask_raw(
        self, where: str | URL, query: Mapping[str, str] | None = None, **headers: str
    ) -> aiohttp.ClientResponse:
        sent = {**credentials(), **headers}
        response = await self._session.get(where, params=query, headers=sent)
        self.statuses.append(response.status)
        self.headers.append(response.headers)
        await response.read()
        return response

    async def page(self, collection: str, **params: str) -> list[Json]:
        found: list[Json] = await (await self.ask(collection, **params)).json()
        return found

    async def walk(self, collection: str, size: int = 100, **params: str) -> list[Json]:
        """All records of all the dialect's queries, each until a page is empty."""
        paging = self.simulator.dialect.paging
        step = 1 if paging.style == "page" else size
        found: list[Json] = []
        for query in self.simulator.dialect.queries[collection]:
            place = paging.first
            while True:
                position = {paging.size_param: str(size), paging.position_param: str(place)}
                part = await self.page(collection, **query, **position, **params)
                if not part:
                    break
                found += part
                place += step
        return found

    async def follow(self, collection: str, size: int = 20) -> list[Json]:
        """All records, along the links to the next page."""
        where = url(self.simulator, collection)
        query = {
            **self.simulator.dialect.queries[collection][0],
            self.simulator.dialect.paging.size_param: str(size),
        }
        response = await self.ask_raw(where, query)
        found: list[Json] = await response.json()
        while "next" in response.links:
            response = await self.ask_raw(response.links["next"]["url"])
            found += await response.json()
        return found
