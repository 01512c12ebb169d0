"""Canned answers, where only what the answer says matters and not how it comes over a socket.

`aioresponses` gives them in place of aiohttp's requests; all above `ClientSession` is the client's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import aiohttp
from aioresponses import aioresponses
from aioresponses.core import RequestCall

URL = "http://inventory.example"
_ANY = re.compile(re.escape(URL))


@dataclass(frozen=True)
class Answer:
    """One answer: its status, body and headers."""

    status: int = 200
    body: bytes = b"[]"
    headers: dict[str, str] = field(default_factory=dict)


class Response(aiohttp.ClientResponse):
    """A response as aiohttp 3.14 builds it: release 0.7.9 of aioresponses lacks an argument."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, stream_writer=SimpleNamespace(output_size=0), **options)


@contextmanager
def answering(*answers: Answer) -> Iterator[list[RequestCall]]:
    """The API at `URL` gives the answers one after the other, the last one for ever; yields its requests."""
    requests: list[RequestCall] = []

    def note(url: object, **options: Any) -> None:
        requests.append(RequestCall((url,), options))

    with aioresponses() as mocked:
        for answer in answers:
            mocked.get(
                _ANY,
                status=answer.status,
                body=answer.body,
                headers=answer.headers,
                content_type=answer.headers.get("Content-Type", "application/json"),
                repeat=answer is answers[-1],
                response_class=Response,
                callback=note,
            )
        yield requests
