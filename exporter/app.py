"""The composition root: builds each object once, in reading order, and runs them until told to stop.

It owns lifetimes and signals and nothing else. Invariants: the web side is up before the first request to an
inventory goes out, so that even a start against a dead API can be seen; on a stop, scrapes under way finish.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from aiohttp import web

from exporter import __version__, errors, settings
from exporter.poller import Poller
from exporter.site import Site
from exporter.source.client import Client
from exporter.telemetry import Telemetry
from exporter.web import server

log = structlog.get_logger()

_LAST_SCRAPES = 5.0  # seconds that scrapes under way may take to finish on a stop
_LAG_SAMPLE = 0.5  # seconds between two looks at the event loop
_LAG_WINDOW = 120  # looks: the worst of a minute is told


@dataclass(frozen=True)
class House:
    """The rooms, joined."""

    config: settings.Settings
    telemetry: Telemetry
    site: Site
    pollers: Sequence[Poller]


_LATER: Sequence[str] = ("state_file", "web.config_file", "web.enable_lifecycle")
"""Settings that are part of the contract and not yet acted upon; using one is refused, never ignored."""


def refuse_what_is_missing(config: settings.Settings) -> None:
    """Raises `ConfigError` for a setting that this version would have to ignore."""
    for path in _LATER:
        value: object = config
        for step in path.split("."):
            value = getattr(value, step, None)
        if value:
            raise errors.ConfigError("this version cannot do that yet", path=path, mend="leave it out")


Watch = Callable[[House, str], Coroutine[None, None, None]]
"""Looks at a house at work; is given the address it serves, empty where it serves none."""


@asynccontextmanager
async def built(config: settings.Settings) -> AsyncIterator[House]:
    """Everything but the web side; clients are closed on the way out."""
    refuse_what_is_missing(config)
    telemetry = Telemetry(revision=os.environ.get("EXPORTER_REVISION", ""))
    telemetry.series_limit(config.limits.series_per_family)
    telemetry.reloaded(1, time.time())
    site = Site(config, telemetry, revision=os.environ.get("EXPORTER_REVISION", ""))
    async with AsyncExitStack() as stack:
        clients: dict[str, Client] = {}
        pollers = []
        for target in config.targets():
            if target.api not in clients:
                client = Client(target.api, target.http, config.limits, telemetry)
                clients[target.api] = await stack.enter_async_context(client)
                telemetry.concurrency(target.api, config.limits.concurrency)
            publish = partial(site.publish, target.collection)
            pollers.append(Poller(target, config, clients[target.api], telemetry, publish))
        site.pollers = pollers
        yield House(config, telemetry, site, pollers)


async def serve(config: settings.Settings, watch: Watch) -> None:
    """Crawls and serves until SIGTERM or SIGINT. `watch` runs beside it, from when the address is served.

    Raises `ConfigError` where the address cannot be listened on.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with built(config) as house:
        runner = web.AppRunner(
            server.application(house.site),
            access_log=None,
            shutdown_timeout=_LAST_SCRAPES,
            handle_signals=False,
        )
        await runner.setup()
        try:
            address = await _listen(runner, config)
            log.info("listening", address=address, version=__version__)
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(poller.run()) for poller in house.pollers]
                tasks.append(group.create_task(_watch_loop(house.telemetry)))
                tasks.append(group.create_task(watch(house, address)))
                await stop.wait()
                log.info("stopping")
                for task in tasks:
                    task.cancel()
        finally:
            await runner.cleanup()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


async def _listen(runner: web.AppRunner, config: settings.Settings) -> str:
    host, port = config.web.host, config.web.port
    try:
        await web.TCPSite(runner, host, port, backlog=512).start()
    except OSError as error:
        raise errors.ConfigError(
            f"cannot listen on {config.web.listen_address}: {error.strerror or error}",
            path="web.listen_address",
            mend="is another exporter running? choose another address with --web.listen-address",
        ) from error
    bound = runner.addresses[0]
    shown = host if host and host not in ("0.0.0.0", "::") else "localhost"  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{bound[1]}" if ":" in shown else f"http://{shown}:{bound[1]}"


async def _watch_loop(telemetry: Telemetry) -> None:
    """Measures how late the event loop is; the worst of the last minute is told."""
    late = [0.0] * _LAG_WINDOW
    turn = 0
    while True:
        before = time.monotonic()
        await asyncio.sleep(_LAG_SAMPLE)
        late[turn % _LAG_WINDOW] = max(0.0, time.monotonic() - before - _LAG_SAMPLE)
        telemetry.loop_lag(max(late))
        turn += 1


async def once(config: settings.Settings, watch: Watch) -> tuple[House, bytes]:
    """One crawl of every collection, `watch` beside it; the house as it then is, and the exposition."""
    async with built(config) as house:
        async with asyncio.TaskGroup() as group:
            crawls = [group.create_task(poller.refresh()) for poller in house.pollers]
            watching = group.create_task(watch(house, ""))
            await asyncio.wait(crawls)
            watching.cancel()
        text = b"".join(house.site.scrape("text", "identity", ())[1])
        return house, text
