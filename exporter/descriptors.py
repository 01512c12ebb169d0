"""File descriptors: how many the process may open, and how many connections that allows.

Each connection takes one, and so do each request to an inventory, each file and each pipe. Where connections
to the exporter could take all of them, nothing else could be opened any more. Invariant: what `connections`
gives leaves room for everything else.
"""

from __future__ import annotations

import resource

MOST = 1 << 17
"""The limit that is asked for at most: `web.max_connections` can be half of it."""
_OWN = 64
"""Descriptors for files, pipes, listeners, name resolution and the state file."""
_EACH_REQUEST = 2
"""Descriptors for one request to an inventory: its connection, and one to a new address meanwhile."""


def raise_limit() -> int:
    """Raises the process' soft limit of open files to the hard one, at most to `MOST`; the limit then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    now = MOST if soft == resource.RLIM_INFINITY else soft
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if now >= wanted:
        return now
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):  # a container may forbid it
        return now
    return wanted


def connections(wanted: int, limit: int, *, requests: int, beyond: int) -> int:
    """How many connections may be open where so many are wanted, of `limit` descriptors.

    `requests` are those to inventories that may be in flight, `beyond` the connections that the listener
    accepts above its limit.
    """
    return max(1, min(wanted, limit - _OWN - _EACH_REQUEST * requests - beyond))
