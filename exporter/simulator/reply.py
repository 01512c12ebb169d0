"""A response before it is sent, and what each fault does to it.

A fault is a function from a reply to a reply, so that several can be combined. Content-Length always matches
the body because only the server sets it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from exporter.simulator.fault import Fault

JSON = "application/json;charset=utf-8"
HTML = "text/html;charset=utf-8"

MAINTENANCE = b"""<!DOCTYPE html>
<html><head><title>Scheduled maintenance</title></head>
<body><h1>We will be back soon</h1><p>The inventory is being upgraded.</p></body></html>
"""

ERROR = b'{"error":{"message":"Transaction cancelled: execution time exceeded"},"status":"failure"}'


@dataclass(frozen=True)
class Reply:
    """What will be sent. `total_header` is the name of the header that announces the total, "" for none."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    total_header: str = ""


def problem(status: int, reason: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A refusal with its reason, as an error object."""
    body = {"error": {"message": reason, "detail": None}, "status": "failure"}
    return Reply(status, msgspec.json.encode(body), headers=headers or {})


Turn = Callable[[Fault, Reply], Reply]


def spoiled(fault: Fault, reply: Reply) -> Reply:
    """The reply as the fault leaves it."""
    turned = RESPONSE_FAULT_EFFECTS[fault.name](fault, reply)
    headers = dict(turned.headers)
    if fault.retry_after:
        headers["Retry-After"] = fault.retry_after
    return replace(turned, status=fault.code or turned.status, headers=headers)


def _refused(fault: Fault, reply: Reply) -> Reply:
    text = b'{"code":"%b","reason":"simulated fault"}' % fault.name.encode()
    return Reply(int(fault.name), text)


def _empty(fault: Fault, reply: Reply) -> Reply:
    """No records; where every answer is empty, the announced total says so too."""
    headers = dict(reply.headers)
    if reply.total_header and not fault.is_targeted:
        headers[reply.total_header] = "0"
    return replace(reply, status=200, body=b"[]", headers=headers)


def _html(fault: Fault, reply: Reply) -> Reply:
    return Reply(200, MAINTENANCE, HTML)


def _truncate(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def _error_object(fault: Fault, reply: Reply) -> Reply:
    return Reply(200, ERROR)


def _envelope(fault: Fault, reply: Reply) -> Reply:
    return replace(reply, body=b'{"result":%b}' % reply.body)


RESPONSE_FAULT_EFFECTS: Mapping[str, Turn] = {
    "500": _refused,
    "502": _refused,
    "504": _refused,
    "429": _refused,
    "empty": _empty,
    "html": _html,
    "truncate": _truncate,
    "error-object": _error_object,
    "envelope": _envelope,
}
