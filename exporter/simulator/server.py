"""The HTTP server of the simulated inventory: two lists, basic authentication, latency, faults and quirks.

The fleet changes only when it is read: each request first applies the changes due since the last one. Without
the password a client receives nothing but a 401.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hmac
import socket
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import yaml
from aiohttp import web

from exporter.simulator import (
    fault,
    generator,
    list_request,
    listing,
    outage,
    quirk,
    quirk_effects,
    status_shares,
)
from exporter.simulator.dialect import DIALECTS, ENTITIES
from exporter.simulator.fault_injection import FaultInjection
from exporter.simulator.fleet import Fleet
from exporter.simulator.list_disturbances import AccessRules
from exporter.simulator.record import RESOURCE, FleetRecord

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, not bound
"""Where a simulator that listens on all addresses can be reached."""

_EXCLUDED_TYPES = ("Card", "BandwidthSegment", "LogicalPort", "Multicast", "Slot", "Port", "Circuit")
"""Resource types that are rarely wanted as series."""

_COLLECTIONS = {"services": "tmf638", "carriers": "tmf638", "resources": "tmf639"}


@dataclass(frozen=True)
class Options:
    """What to simulate.

    `listen_port` 0 is any free port. `resources` counts the default types only. `latency` is seconds per
    request, `change_rate` changed records per second. `faults` are written as `fault.parse` reads them,
    `quirks` as `quirk.parse` does, `outages` as `outage.parse`, `shares` as `status_shares.parse`.
    """

    listen_host: str = "127.0.0.1"
    listen_port: int = 10680
    dialect: str = "ses"
    services: int = 400
    carriers: int = 600
    resources: int = 900
    seed: int = 638
    latency: float = 0.0
    change_rate: float = 0.0
    faults: tuple[str, ...] = ()
    quirks: tuple[str, ...] = ()
    outages: tuple[str, ...] = ()
    shares: tuple[str, ...] = ()
    username: str = "monitor"
    password: str = "simulator"  # noqa: S105 - public, printed for the user


MOST: Mapping[str, int] = {
    "services": 1_000_000,
    "carriers": 1_000_000,
    "resources": 1_000_000,
    "latency": 86_400,
    "change_rate": 1_000_000,
    "listen_port": 65_535,
}
"""The maximum of each number: a record takes 1.4 kB of memory and 15 microseconds."""


class Simulator:
    """One running inventory. Raises ValueError for invalid options; `start` raises OSError where the address
    cannot be used. `clock` is the time in Unix seconds.
    """

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        if options.dialect not in DIALECTS:
            raise ValueError(f"there is no dialect {options.dialect!r}; use one of {', '.join(DIALECTS)}")
        for name, most in MOST.items():
            if not 0 <= getattr(options, name) <= most:
                raise ValueError(f"{name} is {getattr(options, name)}; use 0 to {most:,}")
        self.options = options
        quirks = [quirk.parse(text) for text in options.quirks]
        self.dialect = quirk_effects.apply(DIALECTS[options.dialect], quirks)
        self.requests = 0
        shares = status_shares.parse(options.shares)
        sizes = generator.Sizes(options.services, options.carriers, options.resources, shares)
        self._clock = clock
        self.fleet = Fleet(sizes, options.seed, clock())
        outages = [outage.parse(text) for text in options.outages]
        self._outages = outage.Outages(outages, self.fleet, options.seed)
        self.access_rules = AccessRules(self.dialect.response.hidden_share, options.seed, self.fleet)
        self._pages = listing.Pages(self.dialect, self.access_rules)
        self.inject(*options.faults)
        credentials = f"{options.username}:{options.password}".encode()
        self._authorization = f"Basic {base64.b64encode(credentials).decode()}".encode()
        self._port = options.listen_port
        self._runner: web.AppRunner | None = None

    def inject(self, *faults: str) -> None:
        """Replaces all faults, written as in `Options.faults`. Raises ValueError."""
        self._faults = FaultInjection([fault.parse(text) for text in faults], self.options.seed)
        repeats = self._faults.repeats if self._faults.duplicates_records else None
        self._listing = listing.Listing(self.dialect, self.fleet, repeats)
        self._encoder = listing.RecordEncoder(self._format)

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Listens, on these sockets or else on host and port of the options; they are closed by `stop`.

        Returns once connections are accepted. Can be started again after `stop`.
        """
        application = web.Application(middlewares=[self._authenticate])
        for api, base in self.dialect.bases.items():
            path = f"{base}/{ENTITIES[api]}"
            application.router.add_get(path, functools.partial(self._list, api))
            application.router.add_get(f"{path}/{{code}}", functools.partial(self._record, api))
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            for listener in sockets:
                await web.SockSite(runner, listener).start()
            if not sockets:
                await web.TCPSite(runner, self.options.listen_host, self.options.listen_port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = self.options.listen_port or runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """Closes the sockets that are open."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url638(self) -> str:
        """The URL of TMF638, without `/service`. With `listen_port` 0 it is known after `start`."""
        return self._url("tmf638")

    @property
    def url639(self) -> str:
        """The URL of TMF639, without `/resource`."""
        return self._url("tmf639")

    def configuration(self, listen_address: str = "127.0.0.1:10638") -> str:
        """A configuration file (YAML) with which the exporter reads this simulator and listens on that
        address.
        """
        credentials = {"username": self.options.username, "password": self.options.password}
        collections = {name: self._collection(name) for name in _COLLECTIONS}
        collections["resources"]["exclude_types"] = list(_EXCLUDED_TYPES)
        content = {
            "apis": {
                api: {"url": self._url(api), "dialect": self.dialect.name, "basic_auth": dict(credentials)}
                for api in ENTITIES
            },
            "collections": collections,
            "web": {"listen_address": listen_address},
        }
        comment = "# A configuration of ses-inventory-exporter for its own simulator, password included."
        return f"{comment}\n{yaml.safe_dump(content, sort_keys=False, allow_unicode=True)}"

    def _collection(self, name: str) -> dict[str, object]:
        dialect = self.dialect
        queries = [dict(query) for query in dialect.queries[name]]
        query = queries if len(queries) > 1 else queries[0]
        return {
            "api": _COLLECTIONS[name],
            "path": ENTITIES[_COLLECTIONS[name]],
            **({"query": query} if query else {}),
            "page_size": dialect.page_size,
            **({"paging": dict(dialect.settings)} if dialect.settings else {}),
            "refresh_interval": "30s",
            "full_refresh_interval": "5m",
        }

    def _url(self, api: str) -> str:
        host = self.options.listen_host
        reachable = _LOOPBACK.get(host, f"[{host}]" if ":" in host else host)
        return f"http://{reachable}:{self._port}{self.dialect.bases[api]}"

    def _format(self, record: FleetRecord) -> dict[str, Any]:
        return self._faults.change_record(record, self.dialect.shape(record))

    @web.middleware
    async def _authenticate(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts the request, checks the password, waits for the latency, applies the changes due."""
        self.requests += 1
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._authorization):
            challenge = {"WWW-Authenticate": 'Basic realm="inventory"'}
            refusal = listing.problem(401, "User is not authenticated: send basic authentication", challenge)
            return _response(refusal)
        if self.options.latency:
            await asyncio.sleep(self.options.latency)
        self._advance(self._clock())
        return await handler(request)

    def _advance(self, now: float) -> None:
        """Applies the changes and outages up to now, in the order of their times."""
        for moment in self._outages.moments(now):
            self.fleet.change(self.options.change_rate, moment)
            self.fleet.impose(self._outages.statuses(moment), moment)
        self.fleet.change(self.options.change_rate, now)

    async def _list(self, api: str, request: web.Request) -> web.Response:
        if self.dialect.needs_accept and not accepts_json(request.headers.get("Accept", "")):
            return _response(listing.problem(406, "Accept is required: application/json"))
        try:
            range_header = request.headers.get("Range", "")
            requested = list_request.parse(self.dialect, api, request.query, range_header)
        except list_request.BadQuery as error:
            return _response(listing.problem(error.status, str(error)))
        url = f"{request.url.origin()}{request.path}"
        records = self._listing.records(requested, self._clock())
        reply = self._pages.reply(requested, records, self._encoder, url)
        return _response(self._faults.change_reply(requested, reply))

    async def _record(self, api: str, request: web.Request) -> web.Response:
        """A single record by its code."""
        code = request.match_info["code"].rpartition(":")[2]  # it may be the end of a URN
        try:
            record = self.fleet.find(code)
        except KeyError:
            return _response(listing.problem(404, f"no record {code!r}"))
        hidden = record.status in self.dialect.hidden or self.access_rules.hides(record)
        if hidden or (record.kind == RESOURCE) != (api == "tmf639"):
            return _response(listing.problem(404, f"no record {code!r} here"))
        return _response(listing.Reply(200, self._encoder.object(record)))


def accepts_json(accept: str) -> bool:
    """Whether an Accept header allows JSON; a missing one does not."""
    media_types = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return not media_types.isdisjoint(("application/json", "application/*", "*/*"))


def _response(reply: listing.Reply) -> web.Response:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    return web.Response(status=reply.status, body=reply.body, headers=headers)
