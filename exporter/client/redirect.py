"""Where an answer sends us on to, as far as we go there: within one origin, not far, and not in a circle.

Pure; `client` asks again there, `error_mapping` tells of a redirect that is not followed. Invariant:
credentials and the operator's headers never leave the origin they are meant for (RFC 6454: scheme, host and
port).
"""

from __future__ import annotations

import yarl

_STATUSES = (301, 302, 303, 307, 308)
FARTHEST = 5
"""Redirects of one query that are followed."""


def same_origin(one: yarl.URL, other: yarl.URL) -> bool:
    """Whether scheme, host and port are the same, however they are written."""
    return _origin(one) == _origin(other)


def _origin(url: yarl.URL) -> tuple[str, str, int | None]:
    return (url.scheme.lower(), (url.raw_host or "").lower(), url.port)


class Trail:
    """The URLs of one query so far; `farthest` is how often it may be sent on."""

    def __init__(self, start: yarl.URL, farthest: int = FARTHEST) -> None:
        self._been = [start]
        self._farthest = farthest

    @property
    def end(self) -> yarl.URL:
        """The URL to ask now."""
        return self._been[-1]

    def leads_on(self, status: int, location: str) -> bool:
        """Whether the answer makes the trail longer; if not, a redirect is as good as a refusal."""
        if status not in _STATUSES or not location or len(self._been) > self._farthest:
            return False
        try:
            there = self.end.join(yarl.URL(location, encoded=True)).with_fragment(None)
            if not same_origin(there, self.end) or there in self._been:
                return False
        except ValueError:
            return False
        self._been.append(there.with_user(None))
        return True
