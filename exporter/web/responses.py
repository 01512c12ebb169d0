"""The headers of all responses, and plain-text responses."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web

HEADERS: Mapping[str, str] = {
    hdrs.SERVER: "ses-inventory-exporter",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def set_headers(response: web.StreamResponse) -> None:
    """Sets the headers of every response; caches keep none of them unless it says so."""
    response.headers.update(HEADERS)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


def plain_text(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A line of plain text; half surrogate pairs, which text of an inventory may have, are replaced."""
    body = f"{text}\n".encode(errors="replace")
    return web.Response(status=status, body=body, content_type="text/plain", charset="utf-8", headers=headers)
