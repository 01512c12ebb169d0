"""One recipe of the cookbook at work: its files in a folder, its APIs simulated behind a relay.

What is to be seen of it is proven in `test_cookbook`. Invariant: only where hosts and mounted folders lead,
and which port is listened on, differs from the page.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from exporter import app, settings
from tests import crawling, snippets
from tests.end_to_end import running
from tests.relaying import Relay
from tests.source.certificates import CERTIFICATES
from tests.source.endpoint import Endpoint, Proxy

INSTALLED = "/opt/ses-inventory-exporter/bin"
BIN = str(Path(sys.executable).parent)
EDITOR = """#!/bin/sh
for file; do echo "SECRET" > "$file"; done
"""
TLS = {
    "ca.crt": "ca.pem",
    "client.crt": "client.pem",
    "client.key": "client.pem",
    "server.crt": "localhost.pem",
    "server.key": "localhost.pem",
}


def shell(command: str, folder: Path, **environ: str) -> str:
    """What a command of a page prints; it must succeed."""
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command.replace(INSTALLED, BIN)],
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, f"{command}{told.stdout}{told.stderr}"
    return told.stdout


def edited(command: str, folder: Path, secret: str = 's3cret-$(basename "$file")') -> str:
    """Runs a command that opens an editor, in which somebody writes a secret into each file."""
    editor = folder / "editor"
    editor.write_text(EDITOR.replace("SECRET", secret))
    editor.chmod(0o755)
    said = shell(command, folder, EDITOR=str(editor))
    editor.unlink()
    return said


def laid_out(recipe: snippets.Section, folder: Path) -> None:
    """The files that a recipe shows, and the certificates that it names."""
    (folder / "tls").mkdir()
    for name, source in TLS.items():
        (folder / "tls" / name).write_bytes((CERTIFICATES / source).read_bytes())
    for name, text in recipe.files.items():
        (folder / name).write_text(text)


def variables(file: str, secrets: Path) -> dict[str, str]:
    """The variables in a file that Docker or systemd reads, which both put the secrets somewhere else."""
    lines = re.findall(r"^(?:Environment=)?(SES_INVENTORY_\w+)=(.+)$", file, re.MULTILINE)
    return {name: re.sub(r"^(?:/run/secrets|%d)(?=/)", str(secrets), value) for name, value in lines}


@dataclass
class Scene:
    """A recipe, its folder, and what it meets; `environ` leads its hosts there."""

    recipe: snippets.Section
    folder: Path
    relay: Relay
    login: Endpoint
    proxy: Proxy
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shown = "".join(self.recipe.files.values())
        for api, url in self.relay.urls.items():
            prefix = f"SES_INVENTORY_APIS__{api.upper()}"
            if api in shown.lower():
                self.environ[f"{prefix}__URL"] = url
            if re.search(rf"^  {api}:$", shown, re.MULTILINE) and "oauth2:" in shown:
                self.environ[f"{prefix}__OAUTH2__TOKEN_URL"] = self.login.url

    def variables(self, file: str) -> dict[str, str]:
        """The variables in that file of the recipe."""
        return variables(self.recipe.files[file], self.folder / "secrets")

    def loaded(self, name: str = "inventory.yaml", **environ: str) -> settings.Settings:
        """The settings of that file, of none if it is empty."""
        return settings.load(self.folder / name if name else None, {**environ, **self.environ})

    @asynccontextmanager
    async def house(self, name: str = "inventory.yaml", **environ: str) -> AsyncIterator[app.Runtime]:
        """The house of the recipe's settings, all of it crawled and complete."""
        async with app.built(self.loaded(name, **environ)) as built:
            for poller in built.pollers:
                await poller.refresh()
                assert poller.status.complete, (poller.target.collection, poller.recorder.error)
                assert poller.snapshot.records
            yield built

    @asynccontextmanager
    async def program(self, scheme: str = "http") -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
        """The exporter as a program on a free port, and where that is."""
        address = f"127.0.0.1:{running.free_port()}"
        said = [f"{name}={value}" for name, value in self.environ.items()]
        command = (running.COMMAND, "serve", "--config.file", "inventory.yaml")
        async with running.process(
            "env", *said, *command, "--web.listen-address", address, cwd=self.folder
        ) as process:
            yield f"{scheme}://{address}", process


def told(built: app.Runtime, metric: str) -> float:
    """The value of the one sample that begins so."""
    (line,) = crawling.lines(built, metric)
    return float(line.rsplit(" ", 1)[1])


def labels(built: app.Runtime, metric: str, label: str) -> set[str]:
    """All values of a label of a metric."""
    text = "\n".join(crawling.lines(built, f"{metric}{{"))
    return set(re.findall(rf'[{{,]{label}="(.*?)"', text))
