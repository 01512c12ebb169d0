"""The file and its certificates change while the exporter runs."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
import trustme
from structlog.testing import capture_logs

from exporter import files
from exporter.errors import ConfigError
from exporter.web.web_config import reloader
from exporter.web.web_config.reloader import Reloader

from .served import ALICE, BOB, HASHES, STRICT, TLS, UNHURRIED, USERS, Folder, served, write
from .test_tls_context import connected, refused


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def unhurried(file: Path, clock: Callable[[], float] = time.monotonic) -> Reloader:
    """The rules of the file, for tests of what is read and not of how long is waited."""
    return Reloader(file, clock, UNHURRIED)


async def shown(port: int, tls: ssl.SSLContext, name: str | None = "127.0.0.1") -> bytes:
    """The certificate that the server shows to a new connection; `name` None sends no server's name."""
    if name is None:
        tls.check_hostname = False
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=name or "")
    found: ssl.SSLObject = writer.get_extra_info("ssl_object")
    writer.close()
    return found.getpeercert(True) or b""


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", None])
async def test_new_connections_see_a_new_certificate_and_old_ones_go_on(
    folder: Folder, name: str | None
) -> None:
    tls = folder.client()
    tls.check_hostname = False
    async with served(folder.web(TLS)) as there, aiohttp.ClientSession() as session:
        url = f"{there.url}/-/healthy"
        async with session.get(url, ssl=tls) as answer:
            assert answer.status == 200
        before = await shown(there.port, tls, name)
        folder.certify()
        after = await shown(there.port, tls, name)
        assert before != after
        assert await shown(there.port, tls, name) == after
        async with session.get(url, ssl=tls) as answer:
            assert answer.status == 200


@pytest.mark.real_time
async def test_certificates_and_passwords_rotate_under_load_without_a_failed_request(folder: Folder) -> None:
    users = "basic_auth_users:\n  alice: {alice}\n  bob: {bob}\n".format(**HASHES)
    tls = folder.client()
    async with served(folder.web(f"{TLS}{users}")) as there:
        over, statuses, seen = asyncio.Event(), [], set()

        async def scrape() -> None:
            while not over.is_set():
                statuses.append((await there.get("/-/healthy", ALICE, tls))[0])

        scrapers = [asyncio.create_task(scrape()) for _ in range(4)]
        for number in range(10):
            folder.certify()
            folder.web(f"# {number}\n{TLS}{users}")
            seen.add(await shown(there.port, tls))
            so_far = len(statuses)
            while len(statuses) < so_far + 8:
                await asyncio.sleep(0.001)
        over.set()
        await asyncio.gather(*scrapers)
        assert len(seen) == 10
        assert set(statuses) == {200}


async def test_users_come_and_go_with_the_next_request(folder: Folder) -> None:
    async with served(folder.web(USERS)) as there:
        assert [(await there.get(auth=who))[0] for who in (ALICE, BOB)] == [200, 401]
        folder.web(f"basic_auth_users:\n  bob: {HASHES['bob']}\n")
        assert [(await there.get(auth=who))[0] for who in (ALICE, BOB)] == [401, 200]


async def test_an_authority_that_is_taken_away_is_believed_no_more(folder: Folder) -> None:
    former, latter = folder.client("prometheus"), trustme.CA()
    async with served(folder.web(STRICT)) as there:
        await connected(there, former)
        write(folder.path / "ca.crt", latter.cert_pem.bytes())
        await refused(there, former)
        await connected(there, folder.client("prometheus", by=latter))


async def test_a_certificate_is_asked_for_from_the_next_connection_on(folder: Folder) -> None:
    async with served(folder.web(TLS)) as there:
        await connected(there, folder.client())
        folder.web(f"{STRICT}  min_version: TLS13\n")
        await refused(there, folder.client())
        assert (await connected(there, folder.client("prometheus"))).version() == "TLSv1.3"


async def test_a_new_file_that_is_wrong_leaves_the_old_rules_and_is_logged_once(folder: Folder) -> None:
    async with served(folder.web(USERS)) as there:
        with capture_logs() as logged:
            folder.web("basic_auth_users: [canary-9f2c]")
            assert [(await there.get(auth=who))[0] for who in (ALICE, BOB, None)] == [200, 401, 401]
        (line,) = [line for line in logged if line["log_level"] == "error"]
        assert line["event"] == "web configuration reload failed"
        assert "basic_auth_users: must be a mapping" in line["error"]
        assert "canary" not in str(logged)
        with capture_logs() as logged:
            (folder.path / "web.yml").unlink()
            assert (await there.get(auth=ALICE))[0] == 200
            assert (await there.get(auth=ALICE))[0] == 200
        assert ["No such file" in line["error"] for line in logged if line["log_level"] == "error"] == [True]
        with capture_logs() as logged:
            folder.web(f"{USERS}  bob: {HASHES['bob']}\n")
            assert (await there.get(auth=BOB))[0] == 200
        assert [line["event"] for line in logged if line["log_level"] == "info"] == [
            "web configuration reloaded"
        ]


async def test_a_certificate_whose_key_is_late_keeps_the_old_tls_and_nobody_who_is_gone(
    folder: Folder,
) -> None:
    tls = folder.client()
    async with served(folder.web(f"{TLS}{USERS}")) as there:
        before = await shown(there.port, tls)
        key = (folder.path / "server.key").read_bytes()
        folder.certify()
        late = (folder.path / "server.key").read_bytes()
        write(folder.path / "server.key", key)
        folder.web(f"{TLS}basic_auth_users:\n  bob: {HASHES['bob']}\n")
        assert [(await there.get(auth=who, tls=tls))[0] for who in (ALICE, BOB)] == [401, 200]
        assert await shown(there.port, tls) == before
        write(folder.path / "server.key", late)
        assert await shown(there.port, tls) != before


async def renewed(now: Reloader) -> ssl.SSLContext:
    """The TLS of a connection that begins now."""
    return await now.context()


async def test_what_is_wrong_again_after_it_was_mended_is_logged_again(folder: Folder) -> None:
    clock = Clock()
    now = unhurried(folder.web(USERS), clock)
    with capture_logs() as logged:
        for text in ("tls: {}", USERS, "tls: {}", USERS):
            folder.web(text)
            await now.refresh()
        clock.now += reloader._RETRY
        await now.refresh()
    assert [line["log_level"] for line in logged] == ["error", "info", "error", "info"]


async def test_a_certificate_and_a_key_that_do_not_yet_fit_wait_for_one_another(folder: Folder) -> None:
    now = unhurried(folder.web(TLS))
    before = await renewed(now)
    assert await renewed(now) is before, "nothing is read where nothing has changed"
    fresh = trustme.CA().issue_cert("127.0.0.1")
    with capture_logs() as logged:
        write(folder.path / "server.crt", fresh.cert_chain_pems[0].bytes())
        assert await renewed(now) is before
        assert await renewed(now) is before
        write(folder.path / "server.key", fresh.private_key_pem.bytes())
        assert await renewed(now) is not before
    assert [line["log_level"] for line in logged] == ["error", "info"]


async def test_a_certificate_that_is_named_before_it_is_there_is_read_when_it_comes(folder: Folder) -> None:
    now = unhurried(folder.web(TLS))
    before = await renewed(now)
    folder.web(TLS.replace("server.", "later."))
    assert await renewed(now) is before
    for kind in ("crt", "key"):
        write(folder.path / f"later.{kind}", (folder.path / f"server.{kind}").read_bytes())
    assert await renewed(now) is not before


async def test_a_file_that_could_not_be_read_for_a_moment_is_tried_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    now = unhurried(folder.web(USERS), clock)
    real = files.read
    monkeypatch.setattr(files, "read", _fail)
    folder.web(f"rate_limit: {{interval: 1s, burst: 1}}\n{USERS}")
    with capture_logs() as logged:
        assert not (await now.refresh()).rate_limit.burst
        clock.now += reloader._RETRY
        assert not (await now.refresh()).rate_limit.burst
        monkeypatch.setattr(files, "read", real)
        assert not (await now.refresh()).rate_limit.burst
        clock.now += reloader._RETRY
        assert (await now.refresh()).rate_limit.burst == 1
    assert [line["log_level"] for line in logged] == ["error", "info"]


def _fail(path: Path) -> bytes:
    raise OSError(24, os.strerror(24))


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (TLS, "", "tls_server_config"),
        ("", TLS, "tls_server_config"),
        (USERS, "", "basic_auth_users"),
        (STRICT, TLS, "tls_server_config.client_auth_type"),
        (f"{STRICT}  client_allowed_sans: [a]\n", STRICT, "tls_server_config.client_allowed_sans"),
    ],
)
async def test_a_barrier_is_not_taken_away_as_a_file_that_is_half_written_would(
    folder: Folder, old: str, new: str, path: str
) -> None:
    now = unhurried(folder.web(old))
    before = await now.refresh()
    folder.web(new)
    with capture_logs() as logged:
        assert await now.refresh() is before
        assert await now.refresh() is before
    (line,) = logged
    assert f"{path}: cannot be " in line["error"]
    assert "taken away while the exporter runs" in line["error"]


def test_what_is_wrong_at_the_start_is_an_error(folder: Folder) -> None:
    with pytest.raises(ConfigError, match="is an unknown key"):
        Reloader(folder.web("tls: {}"))


async def test_only_what_is_secured_has_a_context() -> None:
    now = Reloader(None)
    assert not now.encrypted
    with pytest.raises(RuntimeError, match="not encrypted"):
        await now.context()
