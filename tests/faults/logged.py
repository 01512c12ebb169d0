"""What the exporter logs and shows during a test, kept so that it can be searched for secrets.

`Logged` is every log line as production writes it, of all levels, as JSON. `shown` is all that a house shows
to anybody: both exposition formats, the landing page and the status. `leaks` finds a canary in a text, also
where it is written in base64. Invariant: a secret of the settings of these tests holds `CANARY`.
"""

from __future__ import annotations

import base64
import html
import io
import json
import urllib.parse
from typing import Any

from exporter import app, status
from exporter.web import landing

CANARY = "canary-"


def _encoded() -> tuple[str, ...]:
    """How base64 writes the canary: in three ways, by where it begins; without what its neighbours change."""
    ways = (base64.b64encode(f"{'-' * shift}{CANARY}".encode()).decode().rstrip("=") for shift in range(3))
    return tuple(way[skip:-1] for way, skip in zip(ways, (0, 2, 3), strict=True))


_FORMS = (CANARY, CANARY[::-1], *_encoded())


def leaks(text: str) -> list[str]:
    """The lines of a text that hold a canary."""
    return [line for line in text.splitlines() if any(form in _plain(line) for form in _FORMS)]


def _plain(line: str) -> str:
    """The line, and what it reads without escapes."""
    unescaped = html.unescape(urllib.parse.unquote(line)).replace("\\u002d", "-").replace("&#45;", "-")
    return f"{line} {unescaped}"


class Logged:
    """The lines that were logged."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        """All lines."""
        return self.stream.getvalue()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of one event, oldest first."""
        found = (json.loads(line) for line in self.text.splitlines() if line.startswith("{"))
        return [line for line in found if line.get("event") == name]


def shown(house: app.Runtime) -> str:
    """Everything that the house shows, now."""
    site = house.store
    texts = [b"".join(site.scrape(form, "identity", ())[1]) for form in ("text", "openmetrics")]
    now = site.status()
    return "\n".join((*(text.decode() for text in texts), landing.page(now), status.as_json(now).decode()))
