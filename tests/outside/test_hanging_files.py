"""Secrets and certificates on a mount that no longer answers; a pipe nobody writes to stands for it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
import yaml
from structlog.testing import capture_logs

from exporter import errors, files
from exporter.client import Client, Page
from exporter.web.web_config import reloader
from exporter.web.web_config.reloader import Reloader
from tests.end_to_end import running
from tests.source.certificates import CERTIFICATES
from tests.source.servers import Told, asking, says, serving, whole
from tests.web.web_config.served import ALICE, BOB, HASHES, TLS, USERS, Folder, served


def hang(path: Path) -> None:
    """Puts a file in its place that never answers."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def answer(path: Path, content: str) -> None:
    """Lets whoever waits for the file have this, and puts a file with it in its place."""
    pipe = path.rename(path.with_suffix(".pipe"))
    path.write_text(content)
    pipe.write_text(content)


async def eventually(client: Client, url: str) -> Page:
    """A page, as soon as the thread that hung has ended."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await client.get(url, ())
            except errors.SourceError:
                await asyncio.sleep(0)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines that a test may wait for."""
    monkeypatch.setattr(files, "DEADLINE", 0.2)
    monkeypatch.setattr(files.Calls.__init__, "__defaults__", (0.2,))
    monkeypatch.setattr(files.Contents.__init__, "__defaults__", (0.2,))


def configurations(folder: Path) -> dict[str, dict[str, object]]:
    """Every key of a secret's file, with a file that is there; the token endpoint's are tried below."""
    secret = folder / "secret"
    return {
        "password_file": {"basic_auth": {"username": "me", "password_file": secret}},
        "username_file": {"basic_auth": {"username_file": secret, "password": "x"}},
        "credentials_file": {"authorization": {"credentials_file": secret}},
        "files": {"http_headers": {"X-Key": {"files": [secret]}}},
    }


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("key", ["password_file", "username_file", "credentials_file", "files"])
async def test_o05_a_request_fails_with_a_sentence_and_the_next_works_again(key: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("first")
    told = Told()
    async with serving(says(whole(b"[1]"))) as server:
        async with asking(server.url, told, **configurations(tmp_path)[key]) as client:
            await client.get(server.url, ())
            hang(secret)
            for _ in range(3):
                with pytest.raises(errors.Refused, match=f"{key}: timeout reading {secret}") as caught:
                    await client.get(server.url, ())
                assert caught.value.reason == "auth"
                assert "mount" in caught.value.hint
            assert len(server.heads) == 1, "nothing is sent without its credentials"
            answer(secret, "second")
            assert (await eventually(client, server.url)).body == b"[1]"
            assert told.retries == 0


@pytest.mark.usefixtures("_impatient")
async def test_o05_a_client_secret_that_hangs(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    hang(secret)
    oauth2 = {"client_id": "me", "client_secret_file": secret, "token_url": "http://127.0.0.1:1/token"}
    async with asking("http://127.0.0.1:1", oauth2=oauth2) as client:
        with pytest.raises(errors.Refused, match=f"client_secret_file: timeout reading {secret}"):
            await client.get("http://127.0.0.1:1", ())


@pytest.mark.usefixtures("_impatient")
async def test_o05_certificates_that_hang_leave_the_former_in_use(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes((CERTIFICATES / "ca.pem").read_bytes())
    serve = serving(says(whole(b"[1]")), certificate="localhost.pem")
    async with serve as server, asking(server.url, tls_config={"ca_file": ca_file}) as client:
        hang(ca_file)
        with capture_logs() as logged:
            for _ in range(3):
                assert (await client.get(server.url, ())).body == b"[1]"
        events = [line["event"] for line in logged if line["log_level"] != "debug"]
        assert events == ["certificates cannot be read"]


@pytest.mark.usefixtures("_impatient")
async def test_o05_certificates_that_hang_from_the_start_fail_the_requests(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    hang(ca_file)
    async with serving(says(whole(b"[1]")), certificate="localhost.pem") as server:
        async with asking(server.url, tls_config={"ca_file": ca_file}) as client:
            with pytest.raises(errors.Unreachable, match=f"timeout reading {ca_file}"):
                await client.get(server.url, ())
            answer(ca_file, (CERTIFICATES / "ca.pem").read_text())
            assert (await eventually(client, server.url)).body == b"[1]"


async def test_o05_a_file_is_read_when_it_has_changed_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, reads = tmp_path / "secret", []

    def counted(path: Path) -> bytes:
        reads.append(path)
        return path.read_bytes()

    monkeypatch.setattr(files, "read", counted)
    contents = files.Contents([secret])
    secret.write_text("first")
    os.utime(secret, (1, 1))
    for _ in range(5):
        await contents.refresh()
    assert (contents.read(secret), len(reads)) == (b"first", 1)
    secret.write_text("other")  # just now: the next change may bear the same time and size
    for text in ("again", "later"):
        await contents.refresh()
        secret.write_text(text)
        await contents.refresh()
        assert contents.read(secret) == text.encode()


async def test_o05_the_event_loop_goes_on_meanwhile_and_no_second_thread_hangs(tmp_path: Path) -> None:
    secret, threads = tmp_path / "secret", []
    hang(secret)
    contents = files.Contents([secret], 0.1)
    real = files.read

    def counted(path: Path) -> bytes:
        threads.append(path)
        return real(path)

    files.read, before = counted, time.monotonic()
    try:
        ticking = asyncio.create_task(asyncio.sleep(0))
        await asyncio.gather(*(contents.refresh() for _ in range(50)), ticking)
        for _ in range(50):
            await contents.refresh()
    finally:
        files.read = real
    assert len(threads) == 1
    assert time.monotonic() - before < 30
    with pytest.raises(TimeoutError):
        contents.read(secret)


@pytest.mark.parametrize("name", ["web.yml", "server.crt"])
async def test_o05_the_former_users_and_certificates_stay_in_use(name: str, tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    async with served(folder.web(f"{TLS}{USERS}"), deadline=0.2) as there:
        tls = folder.client()
        kept = (tmp_path / name).read_text()
        hang(tmp_path / name)
        with capture_logs() as logged:
            assert [(await there.get(auth=who, tls=tls))[0] for who in (ALICE, BOB)] == [200, 401]
        assert len([line for line in logged if "timeout reading" in line.get("error", "")]) == 1
        answer(tmp_path / name, kept)
        folder.web(f"{TLS}basic_auth_users:\n  bob: {HASHES['bob']}\n")
        async with asyncio.timeout(60):
            while (await there.get(auth=BOB, tls=tls))[0] != 200:
                pass
        assert (await there.get(auth=ALICE, tls=tls))[0] == 401


def test_o05_a_web_configuration_that_hangs_at_the_start_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "DEADLINE", 0.1)
    file = tmp_path / "web.yml"
    hang(file)
    with pytest.raises(errors.ConfigError, match="timeout reading"):
        Reloader(file)
    assert reloader.files is files


def configured(folder: Path, simulated: Path) -> Path:
    """The simulator's settings; the password of one of the two APIs in a file."""
    config = yaml.safe_load(simulated.read_text())
    basic = config["apis"]["tmf638"]["basic_auth"]
    (folder / "password").write_text(basic.pop("password"))
    basic["password_file"] = str(folder / "password")
    for collection in config["collections"].values():
        collection |= {"refresh_interval": "1s", "full_refresh_interval": "1s"}
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    return file


@pytest.mark.parametrize("when", ["from the start", "later"])
async def test_o05_metrics_the_other_api_and_sigterm_go_on(when: str, tmp_path: Path) -> None:
    async with running.simulated(tmp_path, "--carriers", "5") as simulated:
        file, address = configured(tmp_path, simulated), f"127.0.0.1:{running.free_port()}"
        if when == "from the start":
            hang(tmp_path / "password")
        command = (running.COMMAND, "serve", "--config.file", str(file), "--web.listen-address", address)
        async with running.process(*command) as exporter:

            def collections() -> dict[str, dict[str, object]]:
                found = json.loads(running.get(f"http://{address}/api/v1/status"))["data"]["collections"]
                return {one["name"]: one for one in found}

            if when == "later":
                await running.until(lambda: running.get(f"http://{address}/-/ready"))
                hang(tmp_path / "password")
            await running.until(lambda: "timeout reading" in str(collections()["services"]["last_error"]))
            done = str(collections()["resources"])
            await running.until(lambda: str(collections()["resources"]) != done)
            assert not collections()["resources"]["last_error"]
            began = time.monotonic()
            text = await asyncio.to_thread(running.get, f"http://{address}/metrics")
            print(f"/metrics after {time.monotonic() - began:.3f} s")
            assert running.samples(text, "ses_inventory_resources")
            began = time.monotonic()
            exporter.terminate()
            await asyncio.wait_for(exporter.communicate(), 10)
            print(f"SIGTERM ended it after {time.monotonic() - began:.3f} s")
            assert exporter.returncode == 0
