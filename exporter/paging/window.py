"""Whether an API pages no further than to some position, and refuses all pages behind it.

Search engines have such a window, in many statuses and words. Pages that fail alike may also mean that the
API fails: whether it still lists the first page shows which of the two it is. Pure.
"""

from __future__ import annotations

from typing import Literal

import msgspec

FORBIDDEN = 403
_NO_REFUSALS = (408,)
_FAILURES_OF_WINDOWS = (500, 501)


class FailedPosition(msgspec.Struct, frozen=True):
    """A page that could not be read: its position, the status of the answer (0 for none), and the error."""

    position: int
    status: int
    error: str

    @property
    def is_refusal(self) -> bool:
        """Whether the answer may say that this is behind the last position that the API pages to."""
        is_refused = 400 <= self.status < 500 and self.status not in _NO_REFUSALS
        return is_refused or self.status in _FAILURES_OF_WINDOWS


class Window:
    """The pages of one list that failed in a row; `most` of them end the list.

    The first page is requested once more after so many, and after the first 403: that may be the end of
    the window, or of the permission to read. An API that fails (5xx) behind the first page has no window.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._failures: list[FailedPosition] = []
        self._state: Literal["", "due", "asked", "found"] = ""
        self._is_permitted = False  # whether the first page came after a 403
        self._is_paged = False  # whether any page behind the first came
        self._absent: FailedPosition | None = None
        self.given_up = ""

    @property
    def is_due(self) -> bool:
        """Whether the first page is to be requested; nothing else is until it came."""
        return self._state == "due"

    @property
    def is_open(self) -> bool:
        """Whether the first page is to be requested, or was and has not come."""
        return self._state in ("due", "asked")

    @property
    def is_end(self) -> bool:
        """Whether the list ends here."""
        return bool(self.given_up) or self._state == "found"

    def ask(self) -> None:
        """The first page is requested."""
        self._state = "asked"

    def on_page(self, position: int) -> None:
        """A page came."""
        self._failures = []
        self._is_paged = self._is_paged or position > 0

    def on_absent(self, failed: FailedPosition) -> None:
        """A page within the list was answered as if it were behind its end: 404 or 416."""
        if self._absent is None or failed.position < self._absent.position:
            self._absent = failed

    def on_failure(self, failed: FailedPosition) -> None:
        """A page behind the first could not be read."""
        self._failures.append(failed)
        if self.is_open or self.is_end:
            return
        if len(self._failures) >= self._most:
            if all(one.is_refusal and (self._is_paged or one.status < 500) for one in self._failures):
                self._state = "due"
            else:
                self._give_up(failed.error)
        elif failed.status == FORBIDDEN and not self._is_permitted:
            self._state = "due"

    def on_first_page(self, *, came: bool) -> None:
        """The first page, requested once more, came or did not."""
        self._state, self._is_permitted = "", True
        if not came:
            self._give_up(self._failures[-1].error if self._failures else "")
        elif len(self._failures) >= self._most:
            self._state = "found"

    def _give_up(self, error: str) -> None:
        count = len(self._failures)
        failed = "1 page failed" if count == 1 else f"{count} pages in a row failed"
        self.given_up = f"{failed}: {error}"

    @property
    def words(self) -> str:
        """The error of the first position within the list that the API says does not exist; "" for none."""
        return self._absent.error if self._absent is not None else ""

    def end(self) -> int | None:
        """The position from which on the API lists nothing, though it announces more; None for nowhere."""
        refused = [one.position for one in self._failures if one.is_refusal]
        if len(refused) < 2 or len(refused) != len(self._failures) or self.given_up:
            return None
        return min(refused)
