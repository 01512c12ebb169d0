"""The composition root: builds each object once, in reading order, and runs them until a signal to stop.

It owns lifetimes and signals and nothing else. Invariants: what a state file holds is served by the very
first scrape; the web side is up before the first request to an inventory goes out, so that even a start
against a dead API can be seen; new settings that cannot be used change nothing; on a stop, scrapes under way
finish, whatever signals come then.
"""

from __future__ import annotations

import asyncio
import errno
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
from aiohttp import web

from exporter import __version__, errors, logs, settings
from exporter.collections import PollerGroup
from exporter.collections.poller import Poller
from exporter.collections.store import Store
from exporter.state_file import StateFile
from exporter.supervisor import Notifier, Supervisor, watchdog_interval
from exporter.telemetry import Telemetry
from exporter.web import connections, listener, listening, server
from exporter.web.web_config import AccessControl

log = structlog.get_logger()

_LAST_SCRAPES = 5.0  # seconds that scrapes under way may take to finish on a stop
_AT_ONCE = ("max_scrapes", "startup_grace")  # of the settings of `web`: `store` takes them at a reload
_HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
_LISTEN_ELSEWHERE = "choose another address with --web.listen-address"
_LISTEN_HINTS = {
    errno.EADDRINUSE: f"is another exporter running? {_LISTEN_ELSEWHERE}",
    errno.EACCES: f"ports below 1024 need a privilege: {_LISTEN_ELSEWHERE}",
}
Answer = asyncio.Future[tuple[bool, str]]
"""Whether a reload succeeded, and a sentence."""

_SWITCH = 0.0005
"""Seconds after which a thread that decodes or renders lets the event loop have its turn.

Python's 5 ms are waited for at each system call: a page in many pieces then held scrapes up for 100 ms.
"""


class Reloads:
    """Reload requests, by a signal or over HTTP; those that come while one waits are one.

    Everybody who asks is answered, by a reload that began after they asked, or by the end.
    """

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._waiting: Answer | None = None

    def ask(self) -> Answer:
        """Requests a reload; the future is whether it succeeded, and a sentence."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_future()
        self._asked.set()
        return self._waiting

    async def wait(self) -> tuple[bool, str]:
        """Requests a reload and waits for its result."""
        return await asyncio.shield(self.ask())

    def end(self) -> None:
        """From now on every request is answered that the exporter is stopping."""
        _answer(self.ask(), (False, "The exporter is stopping; the settings were not reloaded."))

    @asynccontextmanager
    async def next(self) -> AsyncIterator[Answer]:
        """Waits until a reload is requested; if the answer has no result in the end, the reload failed."""
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
    """The rooms, joined. `runtime` and `config` are those now at work, `web` what the web side began with."""

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
        """The pollers now at work."""
        return self.group.pollers


Watch = Callable[[Runtime, str], Coroutine[None, None, None]]
"""Runs beside a runtime; is given the first address it serves, empty where it serves none."""

Bells = dict[signal.Signals, Callable[[], object]]
"""What each signal does; one that is not in it does nothing."""

Again = Callable[[], settings.Settings]
"""Loads the settings again, as they are now; raises `ConfigError`."""


@asynccontextmanager
async def built(
    config: settings.Settings, monotonic: Callable[[], float] | None = None
) -> AsyncIterator[Runtime]:
    """Everything but the web side; clients are closed on the way out.

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


async def serve(config: settings.Settings, watch: Watch, again: Again | None = None) -> None:
    """Crawls and serves until SIGTERM or SIGINT. `watch` runs beside it, from when the address is served.

    SIGHUP loads the settings with `again`, SIGUSR1 accepts what the shrink guard holds back. Raises
    `ConfigError` where an address cannot be listened on.
    """
    sys.setswitchinterval(_SWITCH)
    gc.collect()
    gc.freeze()  # a full collection then passes over what was imported: 2 ms instead of 45 ms
    stop = asyncio.Event()
    with _listening_to({signal.SIGTERM: stop.set, signal.SIGINT: stop.set}) as bells:
        async with built(config) as runtime:
            logs.report_dropped(runtime.telemetry.log_lines_dropped)
            bells[signal.SIGHUP] = runtime.reloads.ask
            bells[signal.SIGUSR1] = partial(_accept, runtime.store)
            access = AccessControl(config.web.config_file, runtime.telemetry.turned_away)
            # before anybody can scrape: no scrape must see only some of what was kept
            if not await _done_before(stop, _restore(runtime)):
                log.info("stopping")
                return  # what was not restored must not be written over
            await _open(runtime, access, partial(_live, runtime, stop, watch, again or (lambda: config)))
            await runtime.state_file.close(runtime.group.saved())


async def _restore(runtime: Runtime) -> None:
    await runtime.group.restore(await runtime.state_file.load())


async def _done_before(stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Whether the work came to its end; it is given up where `stop` comes first."""
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


async def _open(
    runtime: Runtime, access: AccessControl, live: Callable[[str], Coroutine[None, None, None]]
) -> None:
    """Serves while `live`, given the first address, is at work, and until scrapes under way are over."""
    config = runtime.config
    orders = server.AdminRequests(accept=config.web.enable_admin_api, reload=config.web.enable_lifecycle)
    runner = web.AppRunner(
        server.application(runtime.store, patience=config.web.write_timeout, enabled=orders, access=access),
        access_log=None,
        shutdown_timeout=_LAST_SCRAPES,
        handle_signals=False,
    )
    await runner.setup()
    try:
        addresses = await _listen(runner, config, runtime.telemetry, access.tls)
        for address in addresses:
            log.info("listening", address=address, version=__version__)
        runtime.notifier.ready(f"Serving {', '.join(addresses)}")
        await live(addresses[0])
    finally:
        runtime.reloads.end()  # who waits for one would hold the stop up
        await runner.cleanup()


async def _live(runtime: Runtime, stop: asyncio.Event, watch: Watch, again: Again, address: str) -> None:
    """Runs every task until `stop`."""
    keep = runtime.supervisor.supervise
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(keep("pulse", runtime.supervisor.monitor_loop)),
            group.create_task(keep("shifts", partial(_shifts, runtime, again))),
            group.create_task(keep("clerk", partial(_clerk, runtime))),
            group.create_task(keep("expiry", runtime.store.watch_expiry)),
            group.create_task(keep("watch", partial(watch, runtime, address))),
            group.create_task(keep("report", partial(_report, runtime))),
        ]
        await stop.wait()
        log.info("stopping")
        runtime.notifier.stopping()
        for task in tasks:
            task.cancel()


async def _shifts(runtime: Runtime, again: Again) -> None:
    """Runs one group of pollers after another: the next as soon as a new configuration can be used."""
    while True:
        work = asyncio.create_task(runtime.group.work(runtime.supervisor))
        try:
            group = await _successor(runtime, again)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
        await _hand_over(runtime, group)


async def _successor(runtime: Runtime, again: Again) -> PollerGroup:
    """Waits for a configuration that is new and can be used; returns its group of pollers."""
    while True:
        async with runtime.reloads.next() as answer, _telling_of_a_reload(runtime.notifier):
            try:
                config = await asyncio.to_thread(again)
                group = await PollerGroup.prepared(config, runtime.telemetry, runtime.store, runtime.group)
            except errors.ConfigError as error:
                runtime.telemetry.reloaded(0, time.time())
                log.error("configuration reload failed", error=str(error))  # noqa: TRY400
                _answer(answer, (False, f"The old settings stay: {error}"))
                continue
            runtime.telemetry.reloaded(1, time.time())
            if config.log != runtime.config.log:
                logs.configure(config.log.level, config.log.format)
            _warn_of_what_stays(runtime.web, config.web)
            runtime.state_file.path = config.state_file
            log.info("configuration reloaded")
            _answer(answer, (True, "The settings are reloaded."))
            if _is_the_same_work(runtime.config, config):
                runtime.config = config
                runtime.group.serve(config)
                continue
            return group


@asynccontextmanager
async def _telling_of_a_reload(notifier: Notifier) -> AsyncIterator[None]:
    notifier.reloading(time.monotonic())
    try:
        yield
    finally:
        notifier.ready()


async def _report(runtime: Runtime) -> None:
    """Tells the service manager that all is well, as often as it wants to hear it."""
    interval = watchdog_interval(os.environ)
    while interval is not None:
        if runtime.store.healthy()[0]:
            runtime.notifier.alive(runtime.store.ready()[1])
        await asyncio.sleep(interval)


async def _hand_over(runtime: Runtime, group: PollerGroup) -> None:
    """The new group has what the old one held; the old one's connections are closed."""
    old = runtime.group
    try:
        await group.open()
        await group.restore(old.saved())
    except BaseException:  # a stop too: nobody else would close what the old one has not
        await group.close(old)
        raise
    runtime.group, runtime.config = group, group.config
    group.serve(group.config)
    await old.close(group)


def _is_the_same_work(old: settings.Settings, new: settings.Settings) -> bool:
    """Whether the group need not change."""
    return all(
        getattr(old, part) == getattr(new, part)
        for part in ("apis", "collections", "retention", "limits", "shard")
    )


def _warn_of_what_stays(begun: settings.Web, new: settings.Web) -> None:
    """Says which settings are not in force, for they were read at the start."""
    start_only = [name for name in type(new).model_fields if name not in _AT_ONCE]
    changed = [name for name in start_only if getattr(begun, name) != getattr(new, name)]
    if changed:
        log.warning("restart needed", settings=", ".join(f"web.{name}" for name in changed))


async def _clerk(runtime: Runtime) -> None:
    """After refreshes: updates the predicted request rates and writes the state file."""
    while True:
        await runtime.store.news.wait()
        runtime.store.news.clear()
        runtime.group.request_rates()
        await runtime.state_file.due()
        await runtime.state_file.write(runtime.group.saved())


def _accept(store: Store) -> None:
    log.warning("removals accepted", by="SIGUSR1", result=store.accept(()))


@contextmanager
def _listening_to(bells: Bells) -> Iterator[Bells]:
    """While this is so, no signal ends the process by itself: it does what `bells` then says."""
    loop = asyncio.get_running_loop()

    def ring(number: signal.Signals) -> None:
        bells.get(number, lambda: None)()

    for number in _HEARD:
        loop.add_signal_handler(number, ring, number)
    try:
        yield bells
    finally:
        for number in _HEARD:
            loop.remove_signal_handler(number)


def _connections(config: settings.Settings) -> int:
    """How many connections may be open: `web.max_connections`, or as many as there are descriptors for."""
    limit, wanted = connections.raise_descriptor_limit(), config.web.max_connections
    apis = {target.api for target in config.targets()}
    requests = len(apis) * config.limits.concurrency
    possible = connections.max_connections(wanted, limit, requests=requests, beyond=listener.BEYOND)
    if possible < wanted:
        hint = f"raise the limit of open files, which is {limit}, or lower web.max_connections"
        log.warning("fewer connections than configured", limit=possible, configured=wanted, hint=hint)
    return possible


async def _listen(
    runner: web.AppRunner,
    config: settings.Settings,
    telemetry: Telemetry,
    tls: listener.CurrentContext | None,
) -> list[str]:
    """Listens on every address of the settings; their URLs. Raises `ConfigError` where one cannot be had."""
    addresses = [listening.Address(*one) for one in config.web.addresses]
    limits = connections.Limits(_connections(config), config.web.header_timeout, config.web.write_timeout)
    store = listener.Listener(runner, addresses, limits, telemetry, tls)
    try:
        await store.start()
    except listening.CannotListenError as error:
        hint = _LISTEN_HINTS.get(error.errno or 0, _LISTEN_ELSEWHERE)
        raise errors.ConfigError(str(error), path="web.listen_address", hint=hint) from error
    for problem in (problem for one in store.listening for problem in one.absent):
        log.info("address left out", reason=str(problem))
    scheme = "https" if tls else "http"
    return [f"{scheme}://{_reachable(one.address)}" for one in store.listening]


def _reachable(address: listening.Address) -> listening.Address:
    """An address that a browser on this machine can be given."""
    return address._replace(host="localhost") if address.is_wildcard else address
