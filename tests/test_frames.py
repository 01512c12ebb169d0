"""How many functions of the exporter a refresh passes through before a request is sent."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import aiohttp
import pytest

import exporter
from tests import crawling

CODE = Path(exporter.__file__).parent
MOST = 11


def ours(codes: Iterator[CodeType]) -> list[str]:
    """The functions among these that are the exporter's, as `module.name`."""
    files = ((Path(code.co_filename), code.co_qualname) for code in codes)
    return [
        f"{file.relative_to(CODE).with_suffix('')} {name}" for file, name in files if CODE in file.parents
    ]


def awaited(task: asyncio.Task[None]) -> Iterator[CodeType]:
    """The coroutines of a task, each awaiting the next one."""
    coroutine = task.get_coro()
    while inspect.iscoroutine(coroutine):
        yield coroutine.cr_code
        coroutine = coroutine.cr_await


def stack() -> Iterator[CodeType]:
    """The functions that run now, the innermost first."""
    frame = sys._getframe(1)
    while frame:
        yield frame.f_code
        frame = frame.f_back


async def test_a_request_is_at_most_eleven_functions_away_from_the_poller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = asyncio.get_running_loop().create_future()

    def request(*_: object, **__: object) -> None:
        if not sent.done():
            sent.set_result(list(reversed(ours(stack()))))
        raise aiohttp.ClientConnectionError

    async with crawling.house(tmp_path) as (_, built):
        monkeypatch.setattr(aiohttp.ClientSession, "request", request)
        running = asyncio.create_task(crawling.poller(built, "carriers").run())
        requesting = asyncio.ensure_future(sent)
        of_the_request = await requesting
        of_the_poller = ours(awaited(running))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    way = [*of_the_poller, *of_the_request]
    print(*way, sep="\n")
    assert way[0] == "collections/poller Poller.run"
    assert "Client._send" in way[-1]
    assert len(way) <= MOST, way
