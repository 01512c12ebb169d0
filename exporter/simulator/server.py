"""The inventory's HTTP edge: two lists, basic authentication, latency, the faults and quirks asked for.

Owns the socket and who may come in; everything it says comes from `fleet` through `listing` and `page`.
The world moves only when it is looked at: each request first lets the time since the last one pass.
Invariant: nothing is told to a client that does not know the password.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from exporter.simulator import (
    configuration,
    fault,
    generator,
    list_disturbances,
    listing,
    page,
    position,
    quirk,
    quirk_effects,
    reply,
)
from exporter.simulator.body import Bodies
from exporter.simulator.dialect import DIALECTS, ENTITIES
from exporter.simulator.fault_injection import FaultInjection
from exporter.simulator.fleet import Fleet
from exporter.simulator.record import RESOURCE, FleetRecord

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

ANY_HOST = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - read, not bound
"""What to say instead of an address that means all of them."""


@dataclass(frozen=True)
class Options:
    """What to simulate.

    `listen_port` 0 is any free one. `resources` counts the kept types only. `latency` is seconds a request,
    `change_rate` records changed a second. `faults` are spelt as `fault.parse` reads them,
    `quirks` as `quirk.parse` does.
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
    username: str = "monitor"
    password: str = "simulator"  # noqa: S105 - made up, and printed for the user


MOST: Mapping[str, int] = {
    "services": 1_000_000,
    "carriers": 1_000_000,
    "resources": 1_000_000,
    "latency": 86_400,
    "change_rate": 1_000_000,
    "listen_port": 65_535,
}
"""The largest of the numbers that can be served: a record takes 1.4 kB of memory, made in 15 microseconds."""


class Simulator:
    """One running inventory. Raises ValueError for options that make no sense; `start` raises OSError
    where the address cannot be had.
    """

    def __init__(self, options: Options) -> None:
        if options.dialect not in DIALECTS:
            raise ValueError(f"there is no dialect {options.dialect!r}; use one of {', '.join(DIALECTS)}")
        for name, most in MOST.items():
            if not 0 <= getattr(options, name) <= most:
                raise ValueError(f"{name} is {getattr(options, name)}; use 0 to {most:,}")
        self.options = options
        quirks = [quirk.parse(text) for text in options.quirks]
        self.dialect = quirk_effects.apply(DIALECTS[options.dialect], quirks)
        self.requests = 0
        self._trouble = FaultInjection([fault.parse(text) for text in options.faults], options.seed)
        sizes = generator.Sizes(options.services, options.carriers, options.resources)
        self.fleet = Fleet(sizes, options.seed, time.time())
        self._bodies = Bodies(self._show)
        self._access = list_disturbances.AccessRules(
            self.dialect.response.hidden_share, options.seed, self.fleet
        )
        lists = listing.Listing(self.dialect, self.fleet, self._trouble.repeats)
        self._pages = page.Pages(self.dialect, lists, self._bodies, self._access)
        credentials = f"{options.username}:{options.password}".encode()
        self._authorization = f"Basic {base64.b64encode(credentials).decode()}".encode()
        self._port = options.listen_port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens; returns once connections are accepted. Starting again after `stop` is fine."""
        application = web.Application(middlewares=[self._guard])
        for api, path in self.dialect.bases.items():
            where = f"{path}/{ENTITIES[api]}"
            application.router.add_get(where, functools.partial(self._list, api))
            application.router.add_get(f"{where}/{{code}}", functools.partial(self._one, api))
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, self.options.listen_host, self.options.listen_port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = runner.addresses[0][1]
        self._runner = runner

    async def stop(self) -> None:
        """Closes the socket; without effect where it is not open."""
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
        """Where TMF638 is; `/service` is appended to it. With `listen_port` 0 it is known after `start`."""
        return self._url("tmf638")

    @property
    def url639(self) -> str:
        """Where TMF639 is; `/resource` is appended to it."""
        return self._url("tmf639")

    def configuration(self, listen_address: str = "127.0.0.1:10638") -> str:
        """A configuration file (YAML) with which the exporter reads this simulator and listens there."""
        urls = {"tmf638": self.url638, "tmf639": self.url639}
        credentials = (self.options.username, self.options.password)
        return configuration.document(self.dialect, urls, credentials, listen_address)

    def _url(self, api: str) -> str:
        host = self.options.listen_host
        shown = ANY_HOST.get(host, f"[{host}]" if ":" in host else host)
        return f"http://{shown}:{self._port}{self.dialect.bases[api]}"

    def _show(self, record: FleetRecord) -> dict[str, Any]:
        return self._trouble.spoil(record, self.dialect.shape(record))

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts the request, checks the password, takes its time, lets the world move."""
        self.requests += 1
        given = request.headers.get("Authorization", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._authorization):
            refusal = reply.problem(401, "User is not authenticated: send basic authentication")
            return _response(replace(refusal, headers={"WWW-Authenticate": 'Basic realm="inventory"'}))
        if self.options.latency:
            await asyncio.sleep(self.options.latency)
        self.fleet.change(self.options.change_rate, time.time())
        return await handler(request)

    async def _list(self, api: str, request: web.Request) -> web.Response:
        if self.dialect.needs_accept and not acceptable(request.headers.get("Accept", "")):
            return _response(reply.problem(406, "Accept is required: application/json"))
        try:
            ask = listing.read(self.dialect, api, request.query, request.headers.get("Range", ""))
        except position.BadQuery as error:
            return _response(reply.problem(error.status, str(error)))
        where = f"{request.url.origin()}{request.path}"
        answer = self._pages.reply(ask, where, time.time())
        for one in self._trouble.strikes(ask):
            answer = reply.spoiled(one, answer)
        return _response(answer)

    async def _one(self, api: str, request: web.Request) -> web.Response:
        """A single record by its code."""
        code = request.match_info["code"].rpartition(":")[2]  # it may be the end of a URN
        try:
            record = self.fleet.find(code)
        except KeyError:
            return _response(reply.problem(404, f"no record {code!r}"))
        gone = record.status in self.dialect.hidden or self._access.hides(record)
        if gone or (record.kind == RESOURCE) != (api == "tmf639"):
            return _response(reply.problem(404, f"no record {code!r} here"))
        return _response(reply.Reply(200, self._bodies.record(record)))


def acceptable(accept: str) -> bool:
    """Whether an Accept header lets JSON through; one that is missing does not."""
    kinds = {one.partition(";")[0].strip().lower() for one in accept.split(",")}
    return not kinds.isdisjoint(("application/json", "application/*", "*/*"))


def _response(answer: reply.Reply) -> web.Response:
    headers = {"Content-Type": answer.content_type, **answer.headers}
    return web.Response(status=answer.status, body=answer.body, headers=headers)
