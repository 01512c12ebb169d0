"""The number of records that an answer's headers announce; lenient, since it is only ever a check.

What a total proves is decided in `offset_strategies` and `pagination`. Pure. Invariant: garbage is None,
never an error; `garbled` gives it to whoever wants to show it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.inventory.dialects import Paging

_COUNT = re.compile(r"(?:^|/)\s*\"?([0-9]{1,15})\"?\s*$", re.ASCII)
"""`1003`, or the end of `items 0-9/1003` (RFC 9110, section 14.4); not `items 3-5` and not `*`."""

_NUMBER = re.compile(r"[-+]?[0-9.eE]{1,20}", re.ASCII)


def announced(headers: Mapping[str, str], name: str = Paging().total_header) -> int | None:
    """The total in the header `name`, else in Content-Range; None if neither holds one, or `name` is empty.

    `headers` must match names without regard to case.
    """
    for header in (name, "Content-Range") if name else ():
        found = _COUNT.search(headers.get(header, "").strip())
        if found:
            return int(found[1])
    return None


def garbled(headers: Mapping[str, str], name: str = Paging().total_header) -> str:
    """What the header `name` holds where that is no number of records, such as -1; "" where it is one.

    Anything but a number is not shown: `no number` stands for it.
    """
    written = headers.get(name, "").strip() if name else ""
    if not written or _COUNT.search(written):
        return ""
    return written if _NUMBER.fullmatch(written) else "no number"
