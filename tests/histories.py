"""What records of a scripted inventory may be like, and what may happen to them: all that a law is tried on.

Of records there are odd ones, whose fields are drawn, and full ones, which have everything. `scripted` serves
them; nothing here knows what comes of it. Invariant: every field that the SES dialect reads is in `FIELDS`
and in `CHANGED`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st

from tests import scripted

# to shrink a history takes longer than to read it
LAW = settings(phases=(Phase.explicit, Phase.reuse, Phase.generate), print_blob=True)

_TEXTS = st.sampled_from((None, "", "plain", 'q"uote', "back\\slash", "two\nlines", "é🛰", 7))
_WORDS = st.sampled_from(("Operational", "Non-Operational", "NON OPERATIONAL", "Odd", "", None))
_TYPES = st.sampled_from(("Forward", "Return", "VSAT", None))
_DATES = st.sampled_from(("2026-01-01T00:00:00Z", "2025-06-30", "soon", None))
_LINKED = st.sampled_from(("S0000", "S0001", "C0000", "R0000", "R0001", "X0404"))
"""Ids that links lead to: some are listed, some come and go, one never is."""


def _links(*more: tuple[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    link = st.fixed_dictionaries({"id": _LINKED}, optional={"name": _TEXTS, **dict(more)})
    return st.none() | st.lists(link, max_size=3)


_ROLES = st.sampled_from(("gateway", "terminal", "customer"))
_RELATIONS = st.none() | st.lists(
    st.fixed_dictionaries(
        {"relationshipType": st.sampled_from(("dependsOn", "child"))},
        optional={
            "service": st.fixed_dictionaries({"id": _LINKED}),
            "resource": st.fixed_dictionaries({"id": _LINKED}),
        },
    ),
    max_size=2,
)
_CHARACTERISTICS = st.none() | st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(("uplinkAlias", "symbolRate", "type")),
            "value": st.sampled_from(("A", "1.5", "")),
        }
    ),
    max_size=2,
)
FIELDS: Mapping[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("name", "description", "category"), _TEXTS),
    **dict.fromkeys(("status", "operationalState", "alarmStatus"), _WORDS),
    "serviceType": _TYPES,
    "@type": st.sampled_from(("Modem", "Antenna", "Card")),  # of resources, the last one excluded
    **dict.fromkeys(("startDate", "endDate", "startOperatingDate", "creationDate"), _DATES),
    "serviceSpecification": st.none() | st.fixed_dictionaries({"name": _TEXTS}),
    "relatedParty": _links(("role", _ROLES)),
    "place": _links(("role", _ROLES)),
    "supportingResource": _links(("@type", st.sampled_from(("Satellite", "Transponder")))),
    "supportingService": _links(("status", _WORDS)),
    **dict.fromkeys(("serviceRelationship", "resourceRelationship"), _RELATIONS),
    **dict.fromkeys(("serviceCharacteristic", "resourceCharacteristic"), _CHARACTERISTICS),
}
"""Every field of a record, in the names of the SES dialect, and what may stand in it.

Save its last update: a version that is older than the stored one is not believed.
"""

PARTS = st.fixed_dictionaries({}, optional=FIELDS)

NUMBERS = st.integers(0, 12)
SIZES = st.sampled_from((0, 3, 150))
"""Records there are from the start: none, some, and more than one bucket holds."""

CHANGES = st.tuples(
    st.sampled_from(scripted.COLLECTIONS), NUMBERS, st.sampled_from((1, 1, 1, 2, 200)), st.none() | PARTS
)
STEPS = st.lists(
    st.tuples(st.sampled_from(("full", "delta")), st.lists(CHANGES, max_size=5)), min_size=1, max_size=5
)
"""A history: changes of the lists, each followed by a refresh of one of both kinds."""


def _children(key: str, ident: str) -> tuple[object, object]:
    """A relation, and another one to the same record."""
    return tuple([{"relationshipType": word, key: {"id": ident}}] for word in ("child", "parent"))


_TEXT, _DATE = ("one", 'two\n"'), ("2026-01-01", "2025-12-31")
_STATE = ("enabled", "disabled")
_PLACE = ([{"id": "P1", "role": "gateway"}], [{"id": "P1", "role": "terminal"}])
_VALUES = tuple([{"name": "symbolRate", "value": rate}] for rate in ("1.5", "1.25"))
CHANGED: Mapping[str, tuple[object, object]] = {
    **dict.fromkeys(("name", "description", "category"), _TEXT),
    "status": ("Operational", "Odd"),
    **dict.fromkeys(("operationalState", "alarmStatus"), _STATE),
    "serviceType": ("Forward", "Return"),
    "@type": ("Modem", "Antenna"),
    **dict.fromkeys(("startDate", "endDate", "startOperatingDate", "creationDate"), _DATE),
    "serviceSpecification": ({"name": "one"}, {"name": "two"}),
    **dict.fromkeys(("relatedParty", "place"), _PLACE),
    "supportingResource": ([{"id": "R0000", "@type": "Satellite"}], [{"id": "R0000", "@type": "Hub"}]),
    "supportingService": ([{"id": "S0000"}], [{"id": "S0001"}]),
    "serviceRelationship": _children("service", "S0000"),
    "resourceRelationship": _children("resource", "R0000"),
    **dict.fromkeys(("serviceCharacteristic", "resourceCharacteristic"), _VALUES),
}
"""Every field, with what it may hold before a change and after it."""

FULL = {field: before for field, (before, _) in CHANGED.items()}
"""A record that has everything."""


def listed(size: int) -> scripted.Inventory:
    """An inventory of so many records in every list; they differ in their names alone."""
    return scripted.Inventory(
        {
            name: {one: {**FULL, "name": one} for one in scripted.idents(name, range(size))}
            for name in scripted.COLLECTIONS
        }
    )
