"""Scrapers that never pause, and notice whatever goes wrong: what the tests under load have in common.

Each scrapes over one connection that is kept, or over a new one each time. Invariant: a scrape that fails in
any way is in `failed`, in words.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp


@dataclass
class Watcher:
    """Scrapes `url` as `user`, which is its password too; `believed` says who is the exporter."""

    url: str
    user: str
    believed: ssl.SSLContext
    keeps: bool
    done: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    async def work(self) -> None:
        """Scrapes until cancelled; counts by user."""
        connector = aiohttp.TCPConnector(force_close=not self.keeps)
        async with aiohttp.ClientSession(connector=connector) as session:
            while True:
                user = self.user
                await self._scrape(session, user)
                self.done[user] += 1

    async def _scrape(self, session: aiohttp.ClientSession, user: str) -> None:
        try:
            status, text = await ask(session, f"{self.url}/metrics", user, self.believed)
        except (aiohttp.ClientError, OSError) as error:
            self.failed.append(repr(error))
            return
        if status != 200 or "ses_inventory_carrier_info{" not in text:
            self.failed.append(f"{status} for {user}: {text[:100]}")


async def ask(
    session: aiohttp.ClientSession, url: str, user: str, believed: ssl.SSLContext
) -> tuple[int, str]:
    """Status and text of one answer."""
    headers = {"Authorization": aiohttp.encode_basic_auth(user, user)}
    async with session.get(url, ssl=believed, headers=headers) as answer:
        return answer.status, await answer.text()


async def once(url: str, user: str, believed: ssl.SSLContext) -> tuple[int, str]:
    """As `ask`, over a connection of its own."""
    async with aiohttp.ClientSession() as session:
        return await ask(session, url, user, believed)


async def shown(url: str, believed: ssl.SSLContext) -> int:
    """The serial number of the certificate that a new connection is shown."""
    port = int(url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=believed, server_hostname="127.0.0.1")
    line: ssl.SSLObject = writer.get_extra_info("ssl_object")
    serial = str((line.getpeercert() or {})["serialNumber"])
    writer.close()
    return int(serial, 16)


@asynccontextmanager
async def at_work(watchers: list[Watcher]) -> AsyncIterator[None]:
    """All of them scrape meanwhile."""
    tasks = [asyncio.create_task(watcher.work()) for watcher in watchers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
