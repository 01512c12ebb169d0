"""Collections: when each is crawled, its status, and what is served of it.

A `PollerGroup` has the pollers and clients of one configuration. A new configuration makes a new group,
which serves what the old one stored until it has crawled. Two groups never send requests at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from exporter import settings
from exporter.client import Client
from exporter.collections.poller import Poller
from exporter.collections.recorder import StatusRecorder
from exporter.collections.store import Store
from exporter.state_file import SavedCollection
from exporter.supervisor import Supervisor
from exporter.telemetry import Telemetry

log = structlog.get_logger()


class PollerGroup:
    """Pollers and clients, made by `prepared`. `open` before work, `close` after.

    It goes on with the recorders of the group `before`, and with the clients of APIs with unchanged
    settings: they know the concurrency that the API supports, and how much of its hourly budget is left.
    """

    def __init__(
        self,
        config: settings.Settings,
        telemetry: Telemetry,
        store: Store,
        clients: Mapping[str, Client],
        before: PollerGroup | None,
    ) -> None:
        self.config = config
        self._telemetry = telemetry
        self._store = store
        self._before = before
        self._clients = clients
        pollers = []
        for target in config.targets():
            client = clients[target.api]
            recorder = before._recorders.get(target.collection) if before else None
            recorder = recorder or StatusRecorder(target, telemetry, client.redact, store.monotonic)
            pollers.append(Poller(target, config, client, recorder, store))
        self.pollers = tuple(pollers)

    @property
    def _recorders(self) -> Mapping[str, StatusRecorder]:
        return {poller.target.collection: poller.recorder for poller in self.pollers}

    @classmethod
    async def prepared(
        cls,
        config: settings.Settings,
        telemetry: Telemetry,
        store: Store,
        before: PollerGroup | None = None,
    ) -> PollerGroup:
        """A group for `config`; raises `ConfigError` for files that cannot be used.

        The clients are made first, in a thread: they read certificates, which may be on a mount that
        does not respond, and may raise, while a new recorder has series at once.
        """
        clients = await asyncio.to_thread(cls._made, config, telemetry, before)
        return cls(config, telemetry, store, clients, before)

    @staticmethod
    def _made(
        config: settings.Settings, telemetry: Telemetry, before: PollerGroup | None
    ) -> dict[str, Client]:
        """A client for each API by its name: the one there is, if its settings are the same."""
        clients: dict[str, Client] = {}
        for target in config.targets():
            name = target.api
            if name in clients:
                continue
            if before is not None and name in before._clients:
                then = before.config
                if config.limits == then.limits and getattr(config.apis, name) == getattr(then.apis, name):
                    clients[name] = before._clients[name]
                    continue
            clients[name] = Client(name, target.http, config.limits, telemetry)
        return clients

    async def open(self) -> None:
        """Opens the clients, without a request."""
        known = self._before._clients.values() if self._before else ()
        for client in self._clients.values():
            if client not in known:
                await client.__aenter__()
        for poller in self.pollers:
            redact = self._clients[poller.target.api].redact
            poller.recorder.aim(poller.target, redact, poller.coverage)
        self._before = None

    async def close(self, after: PollerGroup | None = None) -> None:
        """Closes the clients that the group `after` does not go on with."""
        known = after._clients.values() if after else ()
        for client in self._clients.values():
            if client not in known:
                await client.__aexit__(None, None, None)

    def serve(self, config: settings.Settings) -> None:
        """From now on the store serves the collections of this group, with these settings."""
        self.config = config
        accept = {poller.target.collection: poller.accept for poller in self.pollers}
        self._store.employ(config, self._recorders, accept)

    async def work(self, supervisor: Supervisor) -> None:
        """Refreshes every collection until cancelled."""
        async with asyncio.TaskGroup() as group:
            for poller in self.pollers:
                group.create_task(supervisor.supervise(poller.target.collection, poller.run))

    def saved(self) -> Mapping[str, SavedCollection]:
        """What the state file keeps of the collections that have a snapshot."""
        return {poller.target.collection: poller.saved() for poller in self.pollers if poller.published}

    async def restore(self, saved: Mapping[str, SavedCollection]) -> None:
        """Serves what was saved until the first crawl; to be called before `work`."""
        for poller in self.pollers:
            name = poller.target.collection
            if name in saved and not await poller.restore(saved[name]):
                log.warning(
                    "snapshot not restored", collection=name, reason="the settings now ask for other records"
                )

    def request_rates(self) -> None:
        """Exports the requests an hour that each API gets, if crawls take as many as the last ones did."""
        for name in self._clients:
            pollers = [poller for poller in self.pollers if poller.target.api == name]
            predicted = sum(poller.requests_per_hour() for poller in pollers)
            self._telemetry.request_rate(name, predicted, pollers[0].target.http.requests_per_hour)
