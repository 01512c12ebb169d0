"""Builds each object once, in reading order, and runs them until a signal to stop; reloads the configuration.

Invariants: the first scrape serves what the state file has; the HTTP server is up before the first request to
an inventory, so that a start against a dead API can be seen; a new configuration that cannot be used changes
nothing; on a stop, scrapes in flight end, whatever signals come then.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial

import structlog

from exporter import errors, logs, settings
from exporter.collections import PollerGroup
from exporter.collections.poller import Poller
from exporter.collections.store import Store
from exporter.state_file import StateFile
from exporter.supervisor import Notifier, Supervisor, watchdog_interval
from exporter.telemetry import Telemetry
from exporter.web import server
from exporter.web.web_config import AccessControl

log = structlog.get_logger()

_RELOADABLE = ("max_scrapes", "startup_grace")  # of the settings of `web`; the others need a restart
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
_SWITCH_INTERVAL = 0.0005
"""Seconds after which a thread that decodes or renders gives way to the event loop.

With Python's 5 ms, each system call waits for the thread: a scrape in many pieces then takes 100 ms longer.
"""

Answer = asyncio.Future[tuple[bool, str]]
"""Whether a reload succeeded, and a sentence."""


class Reloads:
    """Reload requests, by a signal or over HTTP; those that come while one waits are one.

    Each request is answered, by a reload that began after it, or because the exporter stops.
    """

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._waiting: Answer | None = None

    def ask(self) -> Answer:
        """Requests a reload."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        self._asked.set()
        return self._waiting

    async def wait(self) -> tuple[bool, str]:
        """Requests a reload and waits for its result."""
        return await asyncio.shield(self.ask())

    def end(self) -> None:
        """From now on no request succeeds."""
        _answer(self.ask(), (False, "The exporter is stopping; the settings were not reloaded."))

    @asynccontextmanager
    async def next(self) -> AsyncIterator[Answer]:
        """Waits for a request, and gives what is to be answered; without an answer the reload failed."""
        await self._asked.wait()
        self._asked.clear()
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            raise RuntimeError("a reload was asked for by nobody")
        try:
            yield waiting
        finally:
            _answer(waiting, (False, "The settings could not be reloaded."))


def _answer(waiting: Answer, result: tuple[bool, str]) -> None:
    if not waiting.done():
        waiting.set_result(result)


@dataclass
class Runtime:
    """All objects. `config` and `group` are the current ones, `web` is what the HTTP server began with."""

    config: settings.Settings
    web: settings.Web
    telemetry: Telemetry
    supervisor: Supervisor
    store: Store
    group: PollerGroup
    state_file: StateFile
    reloads: Reloads
    notifier: Notifier

    @property
    def pollers(self) -> Sequence[Poller]:
        """The current pollers."""
        return self.group.pollers


Watch = Callable[[Runtime, str], Coroutine[None, None, None]]
"""Runs next to a runtime; gets the first URL that it serves, "" if it serves none."""

Load = Callable[[], settings.Settings]
"""Loads the configuration again; raises `ConfigError`."""


@asynccontextmanager
async def built(
    config: settings.Settings, monotonic: Callable[[], float] | None = None
) -> AsyncIterator[Runtime]:
    """Everything but the HTTP server; on exit the clients are closed.

    `monotonic` is the clock, in seconds, by which intervals and the ages of snapshots are counted; by
    default that of the event loop.
    """
    clock = monotonic or asyncio.get_running_loop().time
    revision = os.environ.get("EXPORTER_REVISION", "")
    telemetry = Telemetry(revision=revision)
    telemetry.reloaded(1, time.time())
    supervisor = Supervisor(telemetry)
    reloads = Reloads()
    store = Store(config, telemetry, supervisor, reloads.wait, revision=revision, monotonic=clock)
    group = await PollerGroup.prepared(config, telemetry, store)
    group.serve(config)
    state_file, notifier = StateFile(config.state_file, telemetry), Notifier(os.environ)
    runtime = Runtime(config, config.web, telemetry, supervisor, store, group, state_file, reloads, notifier)
    await group.open()
    try:
        yield runtime
    finally:
        await runtime.group.close()


async def serve(config: settings.Settings, watch: Watch, load: Load | None = None) -> None:
    """Crawls and serves until SIGTERM or SIGINT. `watch` runs next to it, once an address is served.

    SIGHUP reloads the configuration with `load`, SIGUSR1 accepts pending removals. Raises `ConfigError` if an
    address cannot be listened on.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()  # a full collection then skips what was imported: 2 ms instead of 45 ms
    stop = asyncio.Event()
    with _handling_signals({signal.SIGTERM: stop.set, signal.SIGINT: stop.set}) as handlers:
        async with built(config) as runtime:
            logs.report_dropped(runtime.telemetry.log_lines_dropped)
            handlers[signal.SIGHUP] = runtime.reloads.ask
            handlers[signal.SIGUSR1] = partial(_accept, runtime.store)
            access = AccessControl(config.web.config_file, runtime.telemetry.turned_away)
            # before the first scrape, which must not have only a part of the collections
            if not await _done_before(stop, _restore(runtime)):
                log.info("stopping")
                return  # the state file stays, as it was not restored
            async with server.serving(runtime.store, config, runtime.telemetry, access) as urls:
                runtime.notifier.ready(f"Serving {', '.join(urls)}")
                try:
                    await _run(runtime, stop, partial(watch, runtime, urls[0]), load or (lambda: config))
                finally:
                    runtime.reloads.end()  # a request that waits for one would delay the stop
            await runtime.state_file.close(runtime.group.saved())


async def _restore(runtime: Runtime) -> None:
    await runtime.group.restore(await runtime.state_file.load())


async def _done_before(stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Whether the work ended before `stop`, which cancels it."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    finally:
        working.cancel()
        stopping.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)
    if working.cancelled():
        return False
    working.result()
    return True


async def _run(
    runtime: Runtime, stop: asyncio.Event, watch: Callable[[], Coroutine[None, None, None]], load: Load
) -> None:
    """Runs every task until `stop`."""
    supervise = runtime.supervisor.supervise
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(supervise("event_loop", runtime.supervisor.monitor_loop)),
            group.create_task(supervise("pollers", partial(_run_groups, runtime, load))),
            group.create_task(supervise("state_file", partial(_save_after_refreshes, runtime))),
            group.create_task(supervise("expiry", runtime.store.watch_expiry)),
            group.create_task(supervise("progress", watch)),
            group.create_task(supervise("watchdog", partial(_notify_watchdog, runtime))),
        ]
        await stop.wait()
        log.info("stopping")
        runtime.notifier.stopping()
        for task in tasks:
            task.cancel()


async def _run_groups(runtime: Runtime, load: Load) -> None:
    """Runs one group of pollers after another: the next one when a new configuration can be used."""
    while True:
        work = asyncio.create_task(runtime.group.work(runtime.supervisor))
        try:
            group = await _next_group(runtime, load)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await _replace_group(runtime, group)


async def _next_group(runtime: Runtime, load: Load) -> PollerGroup:
    """Waits for a new configuration that can be used and needs other pollers; returns these."""
    while True:
        async with runtime.reloads.next() as answer, _notifying_of_a_reload(runtime.notifier):
            try:
                config = await asyncio.to_thread(load)
                group = await PollerGroup.prepared(config, runtime.telemetry, runtime.store, runtime.group)
            except errors.ConfigError as error:
                runtime.telemetry.reloaded(0, time.time())
                log.error("configuration reload failed", error=str(error))  # noqa: TRY400
                _answer(answer, (False, f"The old settings stay: {error}"))
                continue
            runtime.telemetry.reloaded(1, time.time())
            if config.log != runtime.config.log:
                logs.configure(config.log.level, config.log.format)
            _warn_of_restart(runtime.web, config.web)
            runtime.state_file.path = config.state_file
            log.info("configuration reloaded")
            _answer(answer, (True, "The settings are reloaded."))
            if not _needs_other_pollers(runtime.config, config):
                runtime.config = config
                runtime.group.serve(config)
                continue
            return group


@asynccontextmanager
async def _notifying_of_a_reload(notifier: Notifier) -> AsyncIterator[None]:
    notifier.reloading(time.monotonic())
    try:
        yield
    finally:
        notifier.ready()


async def _notify_watchdog(runtime: Runtime) -> None:
    """Notifies systemd that the process is alive, as often as the unit asks for."""
    interval = watchdog_interval(os.environ)
    while interval is not None:
        if runtime.store.healthy()[0]:
            runtime.notifier.alive(runtime.store.ready()[1])
        await asyncio.sleep(interval)


async def _replace_group(runtime: Runtime, group: PollerGroup) -> None:
    """The new group gets what the old one stored; connections that it does not use are closed."""
    old = runtime.group
    try:
        await group.open()
        await group.restore(old.saved())
    except BaseException:  # also where the process stops: nothing else closes the new clients
        await group.close(old)
        raise
    runtime.group, runtime.config = group, group.config
    group.serve(group.config)
    await old.close(group)


def _needs_other_pollers(old: settings.Settings, new: settings.Settings) -> bool:
    parts = ("apis", "collections", "retention", "limits", "shard")
    return any(getattr(old, part) != getattr(new, part) for part in parts)


def _warn_of_restart(begun: settings.Web, new: settings.Web) -> None:
    """Logs which changed settings need a restart."""
    start_only = [name for name in type(new).model_fields if name not in _RELOADABLE]
    changed = [name for name in start_only if getattr(begun, name) != getattr(new, name)]
    if changed:
        log.warning("restart needed", settings=", ".join(f"web.{name}" for name in changed))


async def _save_after_refreshes(runtime: Runtime) -> None:
    """After refreshes: exports the request rates, and writes the state file."""
    while True:
        await runtime.store.news.wait()
        runtime.store.news.clear()
        runtime.group.request_rates()
        await runtime.state_file.due()
        await runtime.state_file.write(runtime.group.saved())


def _accept(store: Store) -> None:
    log.warning("removals accepted", by="SIGUSR1", result=store.accept(()))


@contextmanager
def _handling_signals(
    handlers: dict[signal.Signals, Callable[[], object]],
) -> Iterator[dict[signal.Signals, Callable[[], object]]]:
    """During this no signal ends the process by itself; one that `handlers` lacks does nothing."""
    loop = asyncio.get_running_loop()

    def handle(number: signal.Signals) -> None:
        handlers.get(number, lambda: None)()

    for number in _SIGNALS:
        loop.add_signal_handler(number, handle, number)
    try:
        yield handlers
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
