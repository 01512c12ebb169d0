"""How a request says who asks: not at all, with a password, or with fixed credentials.

An identity is a generator without a socket: it yields the headers to send, is sent the status of an answer
that refused them, and yields once more if a second try with other credentials is worth it. Sending is
`client`'s, reading and masking of secrets `settings`'. Invariant: secrets are read each time they are used,
so that they rotate without a restart, and are kept no longer than one request.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Generator, Mapping

from exporter import settings

Headers = Mapping[str, str]

Flow = Generator[Headers, int, None]
"""Yields headers; is sent the status of the refusal; ends when there is nothing else to try."""

Identity = Callable[[], Flow]
"""Begins the flow of one request."""

_UNAUTHORIZED = 401


def identity(http: settings.Api) -> Identity:
    """The way to authenticate that the API's settings ask for; nobody in particular where they name none."""
    basic, authorization = http.basic_auth, http.authorization
    if basic is not None:
        return lambda: _rotating(lambda: _basic(basic))
    if authorization is not None:
        return lambda: _rotating(lambda: f"{authorization.type} {authorization.read_credentials()}")
    return _nobody


def after(flow: Flow, status: int) -> Headers | None:
    """The headers for another try after a refusal with `status`; None if there is nothing else to try."""
    try:
        return flow.send(status)
    except StopIteration:
        return None


def _nobody() -> Flow:
    yield {}


def _basic(basic: settings.BasicAuth) -> str:
    """RFC 7617; names and passwords beyond ASCII are sent as UTF-8."""
    pair = f"{basic.read_username()}:{basic.read_password()}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


def _rotating(read: Callable[[], str]) -> Flow:
    """Once more on a 401 if the credentials have changed since: they were rotated between read and use."""
    sent = read()
    status = yield {"Authorization": sent}
    if status == _UNAUTHORIZED:
        fresh = read()
        if fresh != sent:
            yield {"Authorization": fresh}
