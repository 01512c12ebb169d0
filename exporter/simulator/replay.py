"""Serves answers that `check --save` has written, as they were: the same answer to the same request."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aiohttp import web

_URL = "{url}"
"""Stands for the URL of the API in saved answers."""

_Request = tuple[str, str, frozenset[tuple[str, str]], str]


class Replay:
    """The answers in a folder; raises ValueError if there are none, or if one of them cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._answers: dict[_Request, Mapping[str, Any]] = {}
        self._runner: web.AppRunner | None = None
        self._origin = ""
        for file in sorted(folder.glob("*.json")):
            try:
                saved = json.loads(file.read_text(encoding="utf-8"))
                request = saved["request"]
                params = frozenset((name, value) for name, value in request["params"])
                key = (saved["api"], request["path"], params, request["headers"].get("Range", ""))
                self._answers[key] = saved["response"]
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{file} is not an answer that check --save has written") from error
        if not self._answers:
            raise ValueError(f"{folder} has no answers: write some with check --save {folder}")

    @property
    def apis(self) -> Sequence[str]:
        """The names of the APIs, in alphabetical order."""
        return sorted({api for api, *_ in self._answers})

    def url(self, api: str) -> str:
        """The URL of an API, after `start`."""
        return f"{self._origin}/{api}"

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Listens on these sockets, which are closed by `stop`."""
        application = web.Application()
        application.router.add_get("/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        for listener in sockets:
            await web.SockSite(runner, listener).start()
        host, port, *_ = sockets[0].getsockname()
        self._origin = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._runner = runner

    async def stop(self) -> None:
        """Closes the sockets."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        api, _, path = request.path.lstrip("/").partition("/")
        key = (api, f"/{path}", frozenset(request.query.items()), request.headers.get("Range", ""))
        found = self._answers.get(key)
        if found is None:
            reason = f"there is no saved answer to GET {request.path_qs}"
            return web.json_response({"code": "404", "reason": reason}, status=404)
        url = f"{request.scheme}://{request.host}/{api}"
        headers = {name: value.replace(_URL, url) for name, value in found.get("headers", {}).items()}
        headers.setdefault("Content-Type", "application/json")
        body = json.dumps(found["body"], ensure_ascii=False).replace(_URL, url)
        return web.Response(body=body.encode(), status=found["status"], headers=headers)
