"""Everything secret is replaced at once, three times over, while four scrapers read without a pause.

The API's password, the authority it is believed by and our certificate for it; the users who may scrape and
the certificate they are shown. With `-s` it prints how many scrapes there were meanwhile, how many failed,
and after how many seconds each of the new secrets was used.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from exporter.simulator.server import Options, Simulator
from tests.end_to_end import running, watching
from tests.end_to_end.gateway import Gateway, guarding
from tests.end_to_end.rotating import ROTATIONS, Scene, Secrets, until
from tests.end_to_end.watching import Watcher

ROUNDS = 3
IN_FLIGHT = 8  # requests of one refresh of everything: those that may have been on their way
SMALL = Options(listen_port=0, services=30, carriers=50, resources=60)


def configure(folder: Path, simulator: Simulator, gateway: Gateway, port: int) -> Path:
    """The settings, in which everything secret is a file."""
    config = yaml.safe_load(simulator.configuration(f"127.0.0.1:{port}"))
    for name, api in config["apis"].items():
        api["url"] = f"{gateway.url}{simulator.dialect.bases[name]}"
        api["basic_auth"] = {"username": "monitor", "password_file": "password"}
        api["tls_config"] = {"ca_file": "api-ca.crt", "cert_file": "client.crt", "key_file": "client.key"}
    for collection in config["collections"].values():
        collection |= {"refresh_interval": "1s", "full_refresh_interval": "1s"}
    config["web"]["config_file"] = "web.yml"
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder / "config.yaml"


@asynccontextmanager
async def scene(folder: Path) -> AsyncIterator[Scene]:
    """The exporter as a process of its own, which is still there in the end, and everybody around it."""
    secrets, port = Secrets(folder), running.free_port()
    url, believed = f"https://127.0.0.1:{port}", secrets.scrapers()
    async with Simulator(SMALL) as simulator, guarding(simulator, secrets.ours, secrets.theirs) as gateway:
        secrets.password(gateway.password)
        secrets.believe(secrets.theirs)
        secrets.let_in("scraper 0")
        await secrets.certify("client", "exporter@example.net")
        await secrets.certify("server", "127.0.0.1")
        file = configure(folder, simulator, gateway, port)
        watchers = [Watcher(url, "scraper 0", believed, keeps=place < 2) for place in range(4)]
        there = Scene(secrets, gateway, watchers, url)
        async with running.process(running.COMMAND, "serve", "--config.file", str(file)) as exporter:

            async def is_ready() -> bool:
                try:
                    return (await there.ask("/-/ready", "scraper 0"))[0] == 200
                except OSError:
                    return False

            await until(is_ready)
            yield there
            assert exporter.returncode is None


async def beginning(there: Scene, user: str) -> list[str]:
    """Since when the process runs, and how often a refresh failed in it."""
    _, text = await there.ask("/metrics", user)
    failures = running.samples(text, "ses_inventory_exporter_refresh_failures_total")
    return [
        *(line for line in text.splitlines() if line.startswith("process_start_time_seconds ")),
        *(line for line in failures if not line.endswith((" 0", " 0.0"))),
    ]


async def test_everything_secret_rotates_under_load_and_no_scrape_fails(tmp_path: Path) -> None:
    async with scene(tmp_path) as there:
        began = await beginning(there, "scraper 0")
        async with watching.at_work(there.watchers):
            print()
            for number in range(1, ROUNDS + 1):
                took = await asyncio.gather(*(turn(there, number) for turn in ROTATIONS.values()))
                for what, seconds in zip(ROTATIONS, took, strict=True):
                    print(f"round {number}: {what} used after {seconds:.2f} s")
                place = len(there.gateway.seen) + IN_FLIGHT
                await until(lambda place=place: len(there.gateway.seen) > place + 10)
                (later,) = set(there.gateway.seen[place:])
                assert later[::2] == (f"password {number}", there.gateway.number)
                assert (await there.ask("/metrics", f"scraper {number - 1}"))[0] == 401
        scrapes = sum(watcher.done.total() for watcher in there.watchers)
        failed = [failure for watcher in there.watchers for failure in watcher.failed]
        print(f"{scrapes} scrapes, {len(failed)} failed; {len(there.gateway.seen)} requests to the API were")
        print(f"let in, {there.gateway.refused} came with the former password and were sent again")
        assert not failed
        assert len(began) == 1
        assert await beginning(there, f"scraper {ROUNDS}") == began
