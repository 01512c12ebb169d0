"""Does what an identity wants done before its headers can be sent: waits for its turn, asks for a token.

What is asked for and when is `oauth2`'s, the connection `session`'s. Invariants: at the endpoint there is one
of us at a time; it sees neither the operator's headers nor the API's credentials, its redirects lead nowhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import aiohttp
import multidict
import yarl

from exporter import errors
from exporter.client import auth, error_mapping
from exporter.client.decompress import Body
from exporter.client.oauth2 import Ask, Turn
from exporter.client.session import Peer, Request, Session
from exporter.client.token_response import Answer

_LONGEST = 1 << 18
"""Bytes of an answer that are read; no token is larger."""


class Desk:
    """Where the requests of one API get their headers; `peer` is its token endpoint.

    `sending` is told of each request for a token before it is sent.
    """

    def __init__(self, wire: Session, peer: Peer, sending: Callable[[Ask], None]) -> None:
        self._session, self._peer, self._sending = wire, peer, sending
        self._turn = asyncio.Lock()

    async def first(self, flow: auth.Flow) -> auth.Headers:
        """The headers to begin with; raises what the flow raises, or the endpoint's `SourceError`."""
        # every identity gives headers at least once
        return cast(auth.Headers, await self._headers(flow, next(flow)))

    async def after(self, flow: auth.Flow, status: int) -> auth.Headers | None:
        """The headers of another try after an answer with `status`; None if there is to be none."""
        return await self._headers(flow, auth.after(flow, Answer(status)))

    async def _headers(self, flow: auth.Flow, step: auth.Step | None) -> auth.Headers | None:
        if isinstance(step, Turn):
            async with self._turn:
                step = next(flow)
                while isinstance(step, Ask):
                    step = await self._asked(flow, step)
        # nobody asks but in its turn
        return cast(auth.Headers | None, step)

    async def _asked(self, flow: auth.Flow, ask: Ask) -> auth.Step | None:
        try:
            answer = await self._post(ask)
        except errors.SourceError as error:
            return flow.throw(error)
        return auth.after(flow, answer)

    async def _post(self, ask: Ask) -> Answer:
        headers = multidict.CIMultiDict(ask.headers)
        headers["Accept-Encoding"] = "identity"
        request = Request(yarl.URL(ask.url), headers, ask.form)
        self._sending(ask)
        await self._peer.tls.refresh()
        async with self._session.send(self._peer, request) as (response, place):
            wrong = error_mapping.from_status(response.status, response.headers, place)
            if wrong is not None and not _is_the_endpoints(wrong, response.status):
                raise wrong
            try:
                return Answer(response.status, await _body(response, place.url))
            except errors.Malformed as error:
                raise errors.Malformed(
                    f"{place.request}: the answer is too large or wrongly compressed",
                    reason=error.reason,
                    hint=f"is that a token endpoint? check {place.block}.{place.key}",
                ) from error


def _is_the_endpoints(wrong: errors.SourceError, status: int) -> bool:
    """Whether the endpoint says no to us, in words that `token` reads; a proxy's no is none of those."""
    return isinstance(wrong, errors.Refused) and status >= 400 and wrong.reason != "proxy"


async def _body(response: aiohttp.ClientResponse, url: str) -> bytes:
    taken = Body(response.headers.get("Content-Encoding", ""), _LONGEST, url)
    async for chunk in response.content.iter_any():
        taken.feed(chunk)
    return taken.whole()
