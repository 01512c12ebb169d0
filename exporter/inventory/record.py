"""Our words for what an inventory holds, whatever the API's version.

A `Record` is one service, carrier or resource with every text already made safe for a label (no control
characters, valid Unicode, capped length), so that equal ids are equal labels. It owns no parsing (`decode`
does), no history (`snapshot` does) and no rendering (`metrics` does). Invariant: a record is immutable and
holds no dict, so that a million of them stay small and the cyclic collector can leave them alone.
"""

from __future__ import annotations

import msgspec

KINDS = {"services": "service", "carriers": "carrier", "resources": "resource"}
"""Collection → the kind of record in it, which is also the middle of the metric names."""


class Link(msgspec.Struct, frozen=True, gc=False):
    """A pointer to something else: a party, a place, a supporting resource or service, a relation.

    `role` is the role of a party or place, or the type of a relationship. Absent parts are empty text.
    """

    id: str
    name: str = ""
    type: str = ""
    role: str = ""


class Record(msgspec.Struct, frozen=True, gc=False):
    """One service, carrier or resource.

    Times are Unix seconds, None where the inventory does not say. `operational` is None where the status
    word has no meaning known to the dialect. `states` are further (dimension, state) pairs. The four words
    `gateway` to `transponder` are filled for carriers only.
    """

    id: str
    name: str = ""
    description: str = ""
    type: str = ""
    category: str = ""
    specification: str = ""
    party: str = ""
    place: str = ""
    gateway: str = ""
    terminal: str = ""
    satellite: str = ""
    transponder: str = ""
    status: str = ""
    operational: bool | None = None
    status_known: bool = True
    states: tuple[tuple[str, str], ...] = ()
    parties: tuple[Link, ...] = ()
    places: tuple[Link, ...] = ()
    resources: tuple[Link, ...] = ()
    services: tuple[Link, ...] = ()
    relations: tuple[Link, ...] = ()
    characteristics: tuple[tuple[str, str], ...] = ()
    numbers: tuple[tuple[str, float], ...] = ()
    start: float | None = None
    end: float | None = None
    created: float | None = None
    updated: float | None = None
