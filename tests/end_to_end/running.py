"""Starts the processes of the end-to-end tests; each is ended by the handle that started it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
COMMAND = str(Path(sys.prefix, "bin", "ses-inventory-exporter"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(url: str, **headers: str) -> str:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.read().decode()


async def until(look: Callable[[], T], seconds: float = 60.0) -> T:
    """Waits until `look` gives something true; what it raises on the way means not yet."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        try:
            found = await asyncio.to_thread(look)
        except (OSError, ValueError, KeyError):
            found = None
        if found:
            return found
        assert loop.time() < end, f"nothing after {seconds} s"
        await asyncio.sleep(0.1)


@asynccontextmanager
async def process(*command: str, cwd: Path | None = None) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running program; ended by SIGTERM, and killed where that does not end it within ten seconds."""
    started = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
            try:
                await asyncio.wait_for(started.communicate(), 10)
            except TimeoutError:
                started.kill()
                await started.wait()


async def run(*arguments: str, environ: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Runs the installed command to its end: exit status, standard output, standard error."""
    started = await asyncio.create_subprocess_exec(
        COMMAND,
        *arguments,
        env={**os.environ, **(environ or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(started.communicate(), 120)
    assert started.returncode is not None
    return started.returncode, out.decode(), err.decode()


@asynccontextmanager
async def simulated(folder: Path, *arguments: str) -> AsyncIterator[Path]:
    """A simulator on a free port; yields the settings file that it wrote for the exporter."""
    file = folder / f"simulated-{free_port()}.yaml"
    address = f"127.0.0.1:{free_port()}"
    async with process(
        COMMAND, "simulate", "--listen-address", address, "--config-out", str(file), *arguments
    ):
        await until(lambda: file.exists() and file.read_text())
        yield file


@asynccontextmanager
async def serving(file: Path) -> AsyncIterator[str]:
    """An exporter that serves and is ready; yields its URL."""
    port = free_port()
    async with process(
        COMMAND, "serve", "--config.file", str(file), "--web.listen-address", f"127.0.0.1:{port}"
    ):
        url = f"http://127.0.0.1:{port}"
        await until(lambda: get(f"{url}/-/ready"))
        yield url


@asynccontextmanager
async def prometheus(
    folder: Path, targets: Sequence[str], **job: object
) -> AsyncIterator[Callable[[str], list[dict]]]:
    """A real Prometheus that scrapes the targets every second; yields a function that asks it PromQL.

    `job` holds further settings of the scrape.
    """
    port = free_port()
    addresses = [urllib.parse.urlsplit(target).netloc for target in targets]
    config = folder / "prometheus.yml"
    jobs = [{"job_name": "inventory", "static_configs": [{"targets": addresses}], **job}]
    config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": jobs}))
    command = (
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    async with process(*command):
        url = f"http://127.0.0.1:{port}"

        def ask(promql: str) -> list[dict]:
            question = urllib.parse.urlencode({"query": promql})
            return json.loads(get(f"{url}/api/v1/query?{question}"))["data"]["result"]

        await until(lambda: len(ask("up == 1")) == len(targets))
        yield ask


def samples(text: str, family: str) -> list[str]:
    """The sample lines of one family."""
    return re.findall(rf"^{family}\{{.*$", text, re.MULTILINE)
