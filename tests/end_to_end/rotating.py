"""A folder of secrets and those who replace them: each writes the new one, and waits until it is used.

Files are replaced as whoever rotates secrets does: one after the other, each in one step, a certificate some
time before its key. Invariant: what is right for the other side changes no later than what we are told.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import bcrypt
import trustme
import yaml
from cryptography import x509

from tests.end_to_end import watching
from tests.end_to_end.gateway import Gateway
from tests.end_to_end.watching import Watcher
from tests.web.web_config.served import write

PAUSE = 0.2  # seconds between a certificate and its key: long enough to be seen
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


@dataclass
class Secrets:
    """The folder, and who issues what is in it: `ours` is our own authority, `theirs` the API's."""

    folder: Path
    ours: trustme.CA = field(default_factory=trustme.CA)
    theirs: trustme.CA = field(default_factory=trustme.CA)

    def password(self, text: str) -> None:
        """The API's."""
        write(self.folder / "password", f"{text}\n")

    async def certify(self, name: str, who: str) -> int:
        """A new certificate and, some time later, its key; the number of it."""
        leaf = self.ours.issue_cert(who)
        (chain,) = leaf.cert_chain_pems
        write(self.folder / f"{name}.crt", chain.bytes())
        await asyncio.sleep(PAUSE)
        write(self.folder / f"{name}.key", leaf.private_key_pem.bytes())
        return x509.load_pem_x509_certificate(chain.bytes()).serial_number

    def believe(self, *authorities: trustme.CA) -> None:
        """Whom the API is believed to be."""
        write(self.folder / "api-ca.crt", b"".join(one.cert_pem.bytes() for one in authorities))

    def let_in(self, *users: str) -> None:
        """Who may scrape."""
        hashes = {user: bcrypt.hashpw(user.encode(), bcrypt.gensalt(10)).decode() for user in users}
        write(self.folder / "web.yml", f"{TLS}{yaml.safe_dump({'basic_auth_users': hashes})}")

    def scrapers(self) -> ssl.SSLContext:
        """What a scraper believes."""
        context = ssl.create_default_context()
        self.ours.configure_trust(context)
        return context


@dataclass
class Scene:
    """Everybody who takes part."""

    secrets: Secrets
    gateway: Gateway
    watchers: list[Watcher]
    url: str

    async def ask(self, path: str, user: str) -> tuple[int, str]:
        """Status and text of one answer of the exporter."""
        return await watching.once(f"{self.url}{path}", user, self.watchers[0].believed)


async def until(look: Callable[[], bool | Awaitable[bool]]) -> float:
    """The seconds until something is so."""
    began = time.monotonic()
    async with asyncio.timeout(60):
        while True:
            found = look()
            if found if isinstance(found, bool) else await found:
                return time.monotonic() - began
            await asyncio.sleep(0.005)


async def of_the_password(there: Scene, number: int) -> float:
    """The former one is wrong in the very moment in which the new one is told."""
    there.secrets.password(f"password {number}")
    there.gateway.password = f"password {number}"
    return await until(lambda: there.gateway.seen[-1].password == there.gateway.password)


async def of_their_authority(there: Scene, _: int) -> float:
    """We believe both before the API shows the new one, and the new one alone after that."""
    before, there.secrets.theirs = there.secrets.theirs, trustme.CA()
    there.secrets.believe(before, there.secrets.theirs)
    there.gateway.shows(there.secrets.theirs)
    seconds = await until(lambda: there.gateway.seen[-1].server == there.gateway.number)
    there.secrets.believe(there.secrets.theirs)
    return seconds


async def of_our_certificate(there: Scene, _: int) -> float:
    """The one that the API sees."""
    client = await there.secrets.certify("client", "exporter@example.net")
    return await until(lambda: there.gateway.seen[-1].client == client)


async def of_the_users(there: Scene, number: int) -> float:
    """Both may scrape before the scrapers use the new one, and the new one alone after that."""
    user = f"scraper {number}"
    there.secrets.let_in(f"scraper {number - 1}", user)
    for watcher in there.watchers:
        watcher.user = user
    seconds = await until(lambda: all(watcher.done[user] for watcher in there.watchers))
    there.secrets.let_in(user)
    return seconds


async def of_the_server(there: Scene, _: int) -> float:
    """The one that scrapers see."""
    server = await there.secrets.certify("server", "127.0.0.1")

    async def is_shown() -> bool:
        return await watching.shown(there.url, there.watchers[0].believed) == server

    return await until(is_shown)


ROTATIONS = {
    "password of the API": of_the_password,
    "authority of the API": of_their_authority,
    "our certificate for the API": of_our_certificate,
    "users who may scrape": of_the_users,
    "our certificate for scrapers": of_the_server,
}
"""What is replaced; each gives the seconds from then until it was used."""
