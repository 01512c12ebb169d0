"""Serves the responses of one habit on a real socket, and reads them with the whole exporter."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

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


class AnsweringServer(Server):
    """Gives the first of the answers in `answers.yaml` that fits the request."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._answers = yaml.safe_load((folder / "answers.yaml").read_text())

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.targets.append(head.split()[1])
            query = dict(parse_qsl(urlsplit(self.targets[-1]).query, keep_blank_values=True))
            asked = {**dict(re.findall(r"^([\w-]+): *(.*?)\r$", head, re.MULTILINE)), **query}
            found = next(one for one in self._answers if _fits(one.get("when", {}), asked))
            writer.write(_written(found, asked))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def _fits(when: Written, asked: Mapping[str, str]) -> bool:
    """Whether parameters and headers match their patterns; null is for those that must not be there."""
    return all(
        key not in asked if pattern is None else re.fullmatch(str(pattern), asked.get(key, ""))
        for key, pattern in when.items()
    )


def _written(answer: Written, asked: Mapping[str, str]) -> bytes:
    body: Any = answer.get("body")
    if "rows" in answer:
        rows = _rows(answer, asked)
        body = dict(answer.get("with", {}))
        *path, last = answer["in"].split(".")
        place = body
        for step in path:
            place = place.setdefault(step, {})
        place[last] = rows
    content = b"" if "body" not in answer and "rows" not in answer else json.dumps(body).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": len(content),
        **answer.get("headers", {}),
    }
    lines = [
        f"HTTP/1.1 {answer.get('status', 200)} Status",
        *(f"{key}: {one}" for key, one in headers.items()),
    ]
    return "\r\n".join((*lines, "", "")).encode("latin-1") + content


def _rows(answer: Written, asked: Mapping[str, str]) -> list[dict[str, str]]:
    """The part of `rows` services that is requested: by offset, page number or Range, counted from 0."""
    limit, offset = answer.get("params", ("limit", "offset"))
    size = int(asked.get(limit, 10))
    start = int(asked.get(offset, size * int(asked.get("page", 0))))
    if ranged := re.fullmatch(r"items=(\d+)-(\d+)", asked.get("Range", "")):
        start, size = int(ranged[1]), int(ranged[2]) - int(ranged[1]) + 1
    numbers = range(answer["rows"])[start : start + size]
    return [{"id": f"S{number:03}", "name": f"Service {number}", "state": "active"} for number in numbers]


async def read(name: str, folder: Path) -> dict[str, Any]:
    """What comes of a habit: the keys of its `expected.yaml`; `folder` is for the configuration."""
    expected = yaml.safe_load((HABITS / name / "expected.yaml").read_text())
    is_answering = (HABITS / name / "answers.yaml").exists()
    server = (AnsweringServer if is_answering else Server)(HABITS / name)
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
        "warnings": "; ".join(status.warnings),
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
