"""The number of records that an answer's headers announce; lenient, since it is only ever a check.

What a total proves is decided in `position` and `paging`. Pure. Invariant: garbage is None, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.inventory.dialect import Paging

_COUNT = re.compile(r"(?:^|/)\s*\"?([0-9]{1,15})\"?\s*$", re.ASCII)
"""`1003`, or the end of `items 0-9/1003` (RFC 9110, section 14.4); not `items 3-5` and not `*`."""


def announced(headers: Mapping[str, str], name: str = Paging().total_header) -> int | None:
    """The total in the header `name`, else in Content-Range; None if neither holds one, or `name` is empty.

    `headers` must match names without regard to case.
    """
    for header in (name, "Content-Range") if name else ():
        found = _COUNT.search(headers.get(header, "").strip())
        if found:
            return int(found[1])
    return None
