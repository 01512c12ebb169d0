"""The pollers of one configuration, their clients, and how the group of the next one takes over from them.

A new configuration makes a new group; what the old one stored is served until the new one has crawled. It
owns the clients and the tasks of its pollers. Invariant: two groups never ask an inventory at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from exporter import settings
from exporter.client import Client
from exporter.collections.poller import Poller, Publisher
from exporter.collections.status import StatusRecorder
from exporter.state_file import SavedCollection
from exporter.supervisor import Supervisor
from exporter.telemetry import Telemetry

log = structlog.get_logger()


class PollerGroup:
    """Pollers and clients, made by `prepared`. `open` before work, `close` after.

    The recorders of the group `before` go on, and so do its clients of APIs whose settings are the same: they
    know the pace that the API bears, and how much of its hourly budget is left.
    """

    def __init__(
        self,
        config: settings.Settings,
        telemetry: Telemetry,
        publisher: Publisher,
        clients: Mapping[str, Client],
        before: PollerGroup | None,
    ) -> None:
        self.config = config
        self._telemetry = telemetry
        self._before = before
        self._clients = clients
        self._recorders: dict[str, StatusRecorder] = {}
        pollers = []
        for target in config.targets():
            name = target.collection
            client = self._clients[target.api]
            recorder = before._recorders.get(name) if before else None
            self._recorders[name] = recorder or StatusRecorder(
                target, telemetry, client.redact, publisher.monotonic
            )
            pollers.append(Poller(target, config, client, self._recorders[name], publisher))
        self.pollers = tuple(pollers)

    @classmethod
    async def prepared(
        cls,
        config: settings.Settings,
        telemetry: Telemetry,
        publisher: Publisher,
        before: PollerGroup | None = None,
    ) -> PollerGroup:
        """A group for `config`; raises `ConfigError` for files that cannot be used.

        The clients are made first, in a thread: they read certificates, whose mount may not answer, and may
        raise, while a new recorder has series at once.
        """
        clients = await asyncio.to_thread(cls._made, config, telemetry, before)
        return cls(config, telemetry, publisher, clients, before)

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
        """Gets the clients ready; nothing is asked yet."""
        known = self._before._clients.values() if self._before else ()
        for client in self._clients.values():
            if client not in known:
                await client.__aenter__()
        for poller in self.pollers:
            self._recorders[poller.target.collection].aim(
                poller.target, self._clients[poller.target.api].redact
            )
        self._before = None

    async def close(self, after: PollerGroup | None = None) -> None:
        """Closes the clients that the group `after` does not go on with."""
        known = after._clients.values() if after else ()
        for client in self._clients.values():
            if client not in known:
                await client.__aexit__(None, None, None)

    async def work(self, supervisor: Supervisor) -> None:
        """Refreshes every collection for ever."""
        async with asyncio.TaskGroup() as group:
            for poller in self.pollers:
                group.create_task(supervisor.supervise(poller.target.collection, poller.run))

    def kept(self) -> Mapping[str, SavedCollection]:
        """What is worth keeping of the collections that have a snapshot."""
        return {poller.target.collection: poller.kept() for poller in self.pollers if poller.published}

    async def restore(self, kept: Mapping[str, SavedCollection]) -> None:
        """Serves what was kept until the first crawl; called before any work."""
        for poller in self.pollers:
            name = poller.target.collection
            if name in kept and not await poller.restore(kept[name]):
                log.warning(
                    "snapshot not restored", collection=name, reason="the settings now ask for other records"
                )

    def request_rates(self) -> None:
        """Tells the requests an hour that these settings cause, by API, from what the last crawls took."""
        for name in self._clients:
            pollers = [poller for poller in self.pollers if poller.target.api == name]
            predicted = sum(poller.requests_per_hour() for poller in pollers)
            budget = pollers[0].target.http.requests_per_hour
            self._telemetry.request_rate(name, predicted, budget)
