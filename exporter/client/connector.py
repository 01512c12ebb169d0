"""Connections that carry one request each.

HTTP/1.1 tells the answers on one connection apart by their order alone (RFC 9112, section 9.2): an answer
that nobody asked for, or one that is late, would be taken for the answer to the next request, and no look at
the connection before it is used again can rule out that such an answer is still on its way. Invariant: what
comes on a connection after the answer to its only request is never read.
"""

from __future__ import annotations

from typing import Any

import aiohttp
from aiohttp.connector import Connection


class OneRequestConnector(aiohttp.TCPConnector):
    """Opens a connection for each request, at most `limit` at a time, and ends it with the answer."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit=limit, ttl_dns_cache=10, force_close=True)

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """A new connection; raises what `aiohttp.TCPConnector` raises."""
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None:
            # without waiting for the peer's end of TLS, for which asyncio waits 30 s with the socket open
            connection.add_callback(connection.transport.abort)
        return connection
