"""What HTTP responses have in common: their headers, and the plain text that most of them are.

Invariant: no response leaves without these headers.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web

HEADERS: Mapping[str, str] = {
    hdrs.SERVER: "ses-inventory-exporter",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    # Nothing here is meant to be embedded, and no other site's page needs to hold it in its memory.
    "Cross-Origin-Resource-Policy": "same-origin",
}


def set_headers(response: web.StreamResponse) -> None:
    """Adds the headers of every answer. Nothing is kept by caches: each answer is about this second."""
    response.headers.update(HEADERS)
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")


def plain_text(status: int, text: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """A line of plain text; half surrogates, which a foreign text may hold, are replaced."""
    body = f"{text}\n".encode(errors="replace")
    return web.Response(status=status, body=body, content_type="text/plain", charset="utf-8", headers=headers)
