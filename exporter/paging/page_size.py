"""How many records to ask for a page, where an API has refused as many as are configured.

A refusal may be lasting (a limit of the API) or come by chance (a gateway that answers 400 now and then). So
a smaller size that the API took is used for one crawl, then the configured size is tried again; each time it
is refused the pause is twice as long. Pure. Invariant: a size that was not refused is never made smaller.
"""

from __future__ import annotations

import msgspec

LONGEST_PAUSE = 64
"""Crawls with the smaller size before the configured one is tried again."""


class PageSize(msgspec.Struct, frozen=True):
    """The `configured` size, the one that the API `accepted`, and for how many crawls that is used.

    `pause` is the number of crawls that it was used for after the last refusal, 0 without one.
    """

    configured: int
    accepted: int = 0
    left: int = 0
    pause: int = 0

    @property
    def asked(self) -> int:
        """The size for the crawl to come."""
        return self.accepted if self.left else self.configured

    def after(self, asked: int, came: int) -> PageSize:
        """What is known after a crawl that asked for `asked` records a page and whose pages had `came`."""
        if came < asked:
            pause = min(LONGEST_PAUSE, 2 * self.pause) or 1
            return PageSize(self.configured, came, pause, pause)
        if asked < self.configured:
            return PageSize(self.configured, self.accepted or asked, max(0, self.left - 1), self.pause)
        return PageSize(self.configured)
