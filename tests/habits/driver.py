"""Serves the responses of one habit on a real socket, and reads them with the whole exporter."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from exporter import app, settings

HABITS = Path(__file__).parent
Written = Mapping[str, Any]


def habits() -> list[str]:
    """The names of all folders with something expected."""
    return sorted(file.parent.name for file in HABITS.glob("*/expected.yaml"))


class Server:
    """Gives the responses of a folder, one a request; `targets` are what was requested."""

    def __init__(self, folder: Path) -> None:
        files = sorted(folder.glob("*.http"), key=lambda file: int(file.stem))
        self._responses = [file.read_bytes() for file in files]
        self.targets: list[str] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.targets.append(head.decode("latin-1").split()[1])
            writer.write(self._responses[min(len(self.targets), len(self._responses)) - 1])
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


async def read(name: str, folder: Path) -> dict[str, Any]:
    """What comes of a habit: the keys of its `expected.yaml`; `folder` is for the configuration."""
    expected = yaml.safe_load((HABITS / name / "expected.yaml").read_text())
    server = Server(HABITS / name)
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        file = folder / "config.yaml"
        file.write_text(yaml.safe_dump(_merged(_basic(url), expected.get("settings", {}))))
        async with app.built(settings.load(file, {})) as built:
            (poller,) = built.pollers
            for _ in range(expected.get("refreshes", 1)):
                await poller.refresh()
            status = poller.status
            text = b"".join(built.store.scrape("text", "identity", ())[1]).decode()
    return {
        "records": sorted(
            re.findall(r'^ses_inventory_service_info\{service_id="([^"]*)"', text, re.MULTILINE)
        ),
        "exports": text,
        "complete": bool(status.complete),
        "error": status.last_error,
        "hint": status.last_error_hint,
        "reason": status.last_error_reason,
        "requests": len(server.targets),
    }


def _basic(url: str) -> dict[str, Any]:
    return {
        "apis": {"tmf638": {"url": url, "dialect": "tmf-v4", "timeout": "5s", "connect_timeout": "2s"}},
        "collections": {"services": {}},
        "limits": {"retries": 0},
    }


def _merged(basic: dict[str, Any], changes: Written) -> dict[str, Any]:
    merged = dict(basic)
    for key, change in changes.items():
        inner = merged.get(key)
        merged[key] = (
            _merged(inner, change) if isinstance(inner, dict) and isinstance(change, dict) else change
        )
    return merged
