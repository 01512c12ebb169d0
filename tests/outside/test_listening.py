"""Where the exporter listens: on every address that it is told and that the machine has."""

from __future__ import annotations

import asyncio
import json
import random
import re
import socket
import sys
import urllib.error
import urllib.parse
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter import cli, settings
from exporter.errors import ConfigError
from tests.end_to_end import running
from tests.web.guarded import connect

ELSEWHERE = "203.0.113.77"
"""An address for documentation (RFC 5737): no machine has it."""
ELSEWHERE_V6 = "2001:db8::77"
"""The same of IPv6 (RFC 3849): it cannot be bound, whether the machine has IPv6 or not."""
NAME = "names.test"
SCENE = """
import errno, json, os, socket, sys

names, families = json.loads(os.environ["SCENE"])
resolve = socket.getaddrinfo


def resolved(host, port, *more, **named):
    return [one for ip in names.get(host, [host]) for one in resolve(ip, port, *more, **named)]


class Socket(socket.socket):
    def __init__(self, family=-1, *more, **named):
        if int(family) not in families:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        super().__init__(family, *more, **named)


socket.getaddrinfo, socket.socket = resolved, Socket
from exporter import cli
sys.exit(cli.main())
"""
"""The exporter where names resolve to given addresses and sockets have given families only."""
EVERY = (-1, socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
NO_IPV6 = EVERY[:-1]


def free_port() -> int:
    """A port that is free on every address, and that the kernel gives to nobody who asks for any."""
    while True:
        port = random.randrange(20_000, 30_000)
        with suppress(OSError), socket.create_server(("", port)):
            return port


def ipv6_urls(port: int) -> list[str]:
    """The exporter's URL on ::1 where the machine has it."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return []
    return [f"http://[::1]:{port}"]


@dataclass(frozen=True)
class Started:
    """A process, and what it has written until it listened or ended."""

    process: asyncio.subprocess.Process
    log: str

    @property
    def port(self) -> int:
        """The port of the first of them."""
        return int(self.listening[0].rpartition(":")[2])

    @property
    def listening(self) -> list[str]:
        """The addresses that the log names."""
        return re.findall(r"event=listening address=(\S+)", self.log)

    async def ended(self) -> tuple[int | None, str]:
        """The exit status, and everything that was written."""
        rest, _ = await asyncio.wait_for(self.process.communicate(), 60)
        return self.process.returncode, f"{self.log}{rest.decode()}"


@asynccontextmanager
async def started(
    folder: Path,
    addresses: Sequence[str],
    names: Mapping[str, Sequence[str]] | None = None,
    families: Sequence[int] = EVERY,
    web: Mapping[str, object] | None = None,
) -> AsyncIterator[Started]:
    """The exporter told to listen on these addresses, once it listens on as many or has ended."""
    file = folder / "config.yaml"
    file.write_text(json.dumps({"apis": {"tmf638": {"url": "http://127.0.0.1:9/x"}}, "web": web or {}}))
    flags = [f"--web.listen-address={address}" for address in addresses]
    scene = f"SCENE={json.dumps([names or {}, [int(family) for family in families]])}"
    command = ("env", scene, sys.executable, "-c", SCENE, "serve", "--config.file", str(file), *flags)
    async with running.process(*command) as process:
        assert process.stdout is not None
        log = ""
        while log.count("event=listening ") < max(1, len(addresses)):
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            if not line:
                break
            log = f"{log}{line.decode()}"
        yield Started(process, log)


async def reached(*urls: str) -> list[str]:
    """Those of the URLs at which the exporter answers."""
    found = []
    for url in urls:
        try:
            await asyncio.to_thread(running.get, f"{url}/-/healthy")
        except OSError:
            continue
        found.append(url)
    return found


@pytest.mark.parametrize("host", ["", "[::]", "[0::0]"])
async def test_o09_an_address_for_all_takes_ipv4_and_ipv6(tmp_path: Path, host: str) -> None:
    async with started(tmp_path, [f"{host}:0"]) as there:
        urls = [f"http://127.0.0.1:{there.port}", *ipv6_urls(there.port)]
        assert await reached(*urls) == urls, there.log
        assert there.listening == [f"http://localhost:{there.port}"]


@pytest.mark.parametrize("host", ["", "[::]", NAME])
async def test_o09_without_ipv6_it_listens_on_ipv4(tmp_path: Path, host: str) -> None:
    names = {NAME: ["::1", "127.0.0.1"]}
    async with started(tmp_path, [f"{host}:0"], names, NO_IPV6) as there:
        url = f"http://127.0.0.1:{there.port}"
        assert await reached(url) == [url], there.log
        assert there.log.count('event="address left out"') == 1


@pytest.mark.parametrize(
    "addresses", [[ELSEWHERE_V6, "127.0.0.1"], ["127.0.0.1", ELSEWHERE_V6], [ELSEWHERE, "127.0.0.1"]]
)
async def test_o09_addresses_of_a_name_that_the_machine_does_not_have_are_left_out(
    tmp_path: Path, addresses: list[str]
) -> None:
    async with started(tmp_path, ["localhost:0"], {"localhost": addresses}) as there:
        url = f"http://127.0.0.1:{there.port}"
        assert await reached(url) == [url], there.log
        assert there.listening == [f"http://localhost:{there.port}"]
        assert "cannot listen on localhost:0: " in there.log


async def test_o09_every_address_of_a_name_is_listened_on(tmp_path: Path) -> None:
    port = free_port()
    urls = [f"http://127.0.0.1:{port}", f"http://127.0.0.2:{port}", *ipv6_urls(port)]
    names = {NAME: ["::1", "127.0.0.1", "127.0.0.2", "127.0.0.1"]}
    async with started(tmp_path, [f"{NAME}:{port}"], names) as there:
        assert await reached(*urls) == urls, there.log


async def test_o09_a_name_of_which_no_address_can_be_had_is_an_error(tmp_path: Path) -> None:
    port = free_port()
    names = {NAME: [ELSEWHERE, ELSEWHERE_V6]}
    async with started(tmp_path, [f"{NAME}:{port}"], names) as there:
        status, said = await there.ended()
    assert status == 2
    assert said == (
        f"web.listen_address: cannot listen on {NAME}:{port}: {ELSEWHERE}: Cannot assign requested address "
        "(choose another address with --web.listen-address)\n"
    )


@pytest.mark.parametrize("host", [ELSEWHERE, "a..b", "[fe80::1%none]"])
async def test_o09_an_address_that_cannot_be_had_is_an_error_beside_others(tmp_path: Path, host: str) -> None:
    port = free_port()
    async with started(tmp_path, [f"127.0.0.1:{port}", f"{host}:{port}"]) as there:
        status, said = await there.ended()
    assert status == 2
    assert said.startswith(f"web.listen_address: cannot listen on {host}:{port}: ")
    assert said.count("\n") == 1


async def test_o09_an_address_in_use_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        names = {NAME: ["127.0.0.1", "127.0.0.2"]}
        async with started(tmp_path, [f"{NAME}:{port}"], names) as there:
            status, said = await there.ended()
        assert status == 2
        assert f"cannot listen on {NAME}:{port}: 127.0.0.2: Address already in use (is another" in said
        for address in (f":{port}", f"[::]:{port}"):
            async with started(tmp_path, [f"127.0.0.1:{free_port()}", address]) as there:
                status, said = await there.ended()
            assert status == 2
            assert f"cannot listen on {address}: 0.0.0.0: Address already in use" in said


async def test_o09_several_addresses_are_listened_on(tmp_path: Path) -> None:
    urls = [f"http://127.0.0.1:{free_port()}", f"http://127.0.0.2:{free_port()}"]
    async with started(tmp_path, [url.removeprefix("http://") for url in urls]) as there:
        assert await reached(*urls) == urls, there.log
        assert there.listening == urls
        there.process.terminate()
        assert (await there.ended())[0] == 0


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1:{}", "127.0.0.1:{}"],
        ["127.0.0.1:{}", ":{}"],
        [":{}", "127.0.0.1:{}"],
        ["0.0.0.0:{}", "[::]:{}"],
        ["[::]:{}", "0.0.0.0:{}", ":{}"],
        ["localhost:{}", "127.0.0.1:{}", ":{}"],
    ],
    ids=" ".join,
)
async def test_o09_an_address_that_another_one_includes_is_listened_on_once(
    tmp_path: Path, addresses: list[str]
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    web = {"listen_address": [address.format(port) for address in addresses]}
    async with started(tmp_path, [], web=web) as there:
        assert await reached(url) == [url], there.log


async def test_o09_a_free_port_is_the_same_on_every_address(tmp_path: Path) -> None:
    names = {NAME: ["127.0.0.1", "127.0.0.2"]}
    async with started(tmp_path, [f"{NAME}:0", ":0"], names) as there:
        first, second = (int(url.rpartition(":")[2]) for url in there.listening)
        urls = [
            *(f"http://127.0.0.1:{first}", f"http://127.0.0.2:{first}"),
            *(f"http://127.0.0.1:{second}", *ipv6_urls(second)),
        ]
        assert await reached(*urls) == urls, there.log


async def test_o09_all_addresses_share_one_limit_of_connections(tmp_path: Path) -> None:
    ports = (free_port(), free_port())
    addresses = [f"127.0.0.1:{port}" for port in ports]
    async with started(tmp_path, addresses, web={"max_connections": 2}):
        crowd = [await connect(ports[0]) for _ in range(2)]
        other = await connect(ports[1])
        assert await asyncio.wait_for(crowd[0].rest(), 30) == b"", "the oldest makes room"
        for client in (*crowd, other):
            client.leave()


FILE = "apis: {tmf638: {url: 'https://inventory.example.net'}}\n"


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        ("'[::1]:9'", [("::1", 9)]),
        ("[':8', '[::1]:9', ':8']", [(None, 8), ("::1", 9)]),
        ('["localhost:9"]', [("localhost", 9)]),
    ],
)
def test_o09_the_setting_is_an_address_or_a_list(
    tmp_path: Path, written: str, addresses: list[tuple[str | None, int]]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"{FILE}web: {{listen_address: {written}}}\n")
    assert list(settings.load(file, {}).web.addresses) == addresses


@pytest.mark.parametrize(
    ("written", "addresses"),
    [
        (":9", [(None, 9)]),
        ("[::]:9", [("::", 9)]),
        ('["[::1]:9", ":8"]', [("::1", 9), (None, 8)]),
    ],
)
def test_o09_the_environment_says_an_address_or_a_list(
    tmp_path: Path, written: str, addresses: list[tuple[str | None, int]]
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"{FILE}web: {{listen_address: ':1'}}\n")
    config = settings.load(file, {"SES_INVENTORY_WEB__LISTEN_ADDRESS": written})
    assert list(config.web.addresses) == addresses


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("[':9', 'x', ':99999']", ["[1]: 'x' is not an address", "[2]: ':99999' is not an address"]),
        ("['x']", [": 'x' is not an address to listen on (write HOST:PORT"]),
        ("[]", [": is an empty list (write an address"]),
        ("{a: 1}", [": must be an address or a list of them (write "]),
        ("[[':9'], 7]", ["[0]: \"[':9']\" is not an address", "[1]: '7' is not an address"]),
        ("true", [": 'true' is not an address"]),
    ],
)
def test_o09_each_address_that_is_none_is_named(tmp_path: Path, written: str, said: list[str]) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"{FILE}web: {{listen_address: {written}}}\n")
    with pytest.raises(ConfigError) as caught:
        settings.load(file, {})
    lines = str(caught.value).splitlines()
    assert len(lines) == len(said)
    for line, start in zip(lines, said, strict=True):
        assert line.startswith(f"{file}: web.listen_address{start}")


def test_o09_a_bracket_that_begins_no_address_is_read_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SES_INVENTORY_WEB__LISTEN_ADDRESS", '[":9"')
        assert cli.main(["check", "--offline"]) == 2
    assert "web.listen_address: is not valid JSON at character" in capsys.readouterr().err


@asynccontextmanager
async def simulating(*addresses: str) -> AsyncIterator[str]:
    """The simulator on these addresses, once it has said where it is, which this gives."""
    flags = [f"--listen-address={address}" for address in addresses]
    async with running.process(running.COMMAND, "simulate", "--carriers", "1", *flags) as process:
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readline(), 60)
        yield said.decode().removeprefix("TMF638 at ").strip()


def refuses(url: str) -> bool:
    """Whether something there asks for a password."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        running.get(url)
    with caught.value as answer:
        return answer.code == 401


async def test_o09_the_simulator_listens_on_ipv4_and_ipv6_and_on_several_addresses() -> None:
    port = free_port()
    async with simulating("[::]:0", f"127.0.0.2:{port}") as said:
        first = urllib.parse.urlsplit(said).port
        assert first and first != port
        hosts = [f"http://127.0.0.1:{first}", *ipv6_urls(first), f"http://127.0.0.2:{port}"]
        for host in hosts:
            assert await asyncio.to_thread(refuses, f"{host}/")


async def test_o09_the_demo_listens_on_several_addresses() -> None:
    urls = [f"http://127.0.0.1:{free_port()}", f"http://127.0.0.2:{free_port()}"]
    flags = [f"--web.listen-address={url.removeprefix('http://')}" for url in urls]
    command = (running.COMMAND, "demo", "--carriers", "1", "--services", "1", "--resources", "1", *flags)
    async with running.process(*command) as process:
        assert process.stdout is not None
        said = b""
        while b"Ctrl-C" not in said:
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            assert line, said.decode()
            said += line
        assert await reached(*urls) == urls
