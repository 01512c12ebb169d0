"""The surface with access before it, on loopback as the program serves it, and a folder of its files."""

from __future__ import annotations

import base64
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import trustme
from aiohttp import web

from exporter.web import listener, server
from exporter.web.sockets import Address
from exporter.web.web_config import AccessControl
from tests.web.guarded import PATIENT, Told
from tests.web.invented import InventedSite

Who = tuple[str, str]
"""A user and a password."""
ALICE: Who = ("alice", "alice's secret")
BOB: Who = ("bob", "bob's secret")
HASHES = {
    "alice": "$2a$04$MwL/RvKtRpeXaeYY6C7ag.rThiEVvNbYXCJU2XQ8GJIZNoPRfPGVy",
    "bob": "$2a$04$cJnmvEZQoeBdGzuC9BuWnugIAq0A3kBsXf9v6dzD4fjktzgZkz9JG",
}
"""Cheap ones, of cost 4."""
USERS = f"basic_auth_users:\n  alice: {HASHES['alice']}\n"
TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"
STRICT = f"{TLS}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n"


def write(path: Path, content: bytes | str) -> Path:
    """Puts a whole file in place of the former, as whoever rotates certificates does."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(content if isinstance(content, bytes) else content.encode())
    return fresh.replace(path)


UNHURRIED = 30.0
"""Seconds that a request waits for changed files where a test is about what they say."""


@dataclass(frozen=True)
class Folder:
    """A web configuration file `web.yml` with what it may name: server.crt, server.key and ca.crt."""

    path: Path
    authority: trustme.CA = field(default_factory=trustme.CA)

    def __post_init__(self) -> None:
        self.certify()
        write(self.path / "ca.crt", self.authority.cert_pem.bytes())

    def certify(self) -> None:
        """A new certificate and key for the server."""
        made = self.authority.issue_cert("127.0.0.1")
        write(self.path / "server.crt", b"".join(pem.bytes() for pem in made.cert_chain_pems))
        write(self.path / "server.key", made.private_key_pem.bytes())

    def web(self, text: str | bytes) -> Path:
        """The file, with this text from now on."""
        return write(self.path / "web.yml", text)

    def client(self, *names: str, by: trustme.CA | None = None) -> ssl.SSLContext:
        """A client that trusts the server and shows a certificate of these names, if there are any."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if names:
            (by or self.authority).issue_cert(*names).configure_cert(context)
        return context


def shown(who: Who | None) -> dict[str, str]:
    """The header by which a client says who it is."""
    return {"Authorization": f"Basic {base64.b64encode(':'.join(who).encode()).decode()}"} if who else {}


@dataclass(frozen=True)
class Served:
    """Where it is, and why how many were turned away."""

    url: str
    port: int
    away: Counter[str]

    async def get(
        self,
        path: str = "/metrics",
        auth: Who | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers of one answer, on a connection of its own."""
        connector = aiohttp.TCPConnector(force_close=True)
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"{self.url}{path}"
            async with session.get(url, ssl=tls or True, headers=shown(auth)) as answer:
                return answer.status, await answer.text(), dict(answer.headers)


@asynccontextmanager
async def served(file: Path | None, deadline: float = UNHURRIED) -> AsyncIterator[Served]:
    """Serves by the rules of the file; a request waits `deadline` seconds for it and what it names."""
    away: Counter[str] = Counter()

    def count(reason: str) -> None:
        away[reason] += 1

    access = AccessControl(file, count, deadline)
    app = server.application(InventedSite(), access=access)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        bound = listener.Listener(runner, [Address("127.0.0.1", 0)], PATIENT, Told(), access.tls)
        await bound.start()
        port = bound.listening[0].address.port
        yield Served(f"http{'s' if access.tls else ''}://127.0.0.1:{port}", port, away)
    finally:
        await runner.cleanup()
