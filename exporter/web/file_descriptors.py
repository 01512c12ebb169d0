"""File descriptors: how many the process may open, and how many connections that allows.

Each connection takes one, and so does each request to an API, each file and each pipe. `max_connections`
leaves enough of them for everything else.
"""

from __future__ import annotations

import resource

_MAX_LIMIT = 1 << 17  # `web.max_connections` can be half of it
_RESERVED = 64  # for files, pipes, listening sockets, name resolution and the state file
_PER_REQUEST = 2  # to an API: its connection, and one to another address meanwhile


def raise_limit() -> int:
    """Raises the process' soft limit of open files to the hard one, but not beyond 131,072; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    now = _MAX_LIMIT if soft == resource.RLIM_INFINITY else soft
    wanted = _MAX_LIMIT if hard == resource.RLIM_INFINITY else min(hard, _MAX_LIMIT)
    if now >= wanted:
        return now
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a container may forbid it
        return now
    return wanted


def max_connections(wanted: int, limit: int, *, requests: int, beyond: int) -> int:
    """How many of the wanted connections may be open if the process has `limit` descriptors.

    `requests` to APIs may be in flight; the listener accepts `beyond` connections above its limit.
    """
    return max(1, min(wanted, limit - _RESERVED - _PER_REQUEST * requests - beyond))
