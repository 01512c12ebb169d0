"""Applies quirks to a dialect: each quirk changes some options, and the result is another dialect.

Quirks that exclude each other, or that do not fit the dialect, raise ValueError when the simulator is built.
The order in which quirks are given does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exporter.simulator.dialect import DIALECTS, TMF_V5_2026
from exporter.simulator.quirk import QUIRKS, Quirk
from exporter.simulator.record import FleetRecord
from exporter.simulator.record_faults import RECORD_QUIRKS
from exporter.simulator.response_options import ChangeTotal, SimulatedDialect

EXCLUSIVE = (
    ("style", "ignore-offset", "whole-table"),
    ("clamp", "400-limit", "422-limit"),
    ("206", "206-last"),
    ("416-end", "404-end"),
    ("link-foreign", "link-loop"),
    ("value-objects", "json-in-text"),
)
"""Of each of these at most one can be given."""

_RESPONSE: Mapping[str, Mapping[str, Any]] = {
    "206": {"partial": "always"},
    "206-last": {"partial": "part"},
    "416-end": {"past_end": 416},
    "404-end": {"past_end": 404},
    "404-empty": {"no_records": 404},
    "no-headers": {"total_header": "", "result_header": "", "range_format": "", "links": ()},
    "link-relative": {"link_is_relative": True},
    "link-foreign": {"link_end": "foreign"},
    "link-loop": {"link_end": "loop"},
    "link-shrunk": {"link_shrinks": True},
    "single-object": {"single_is_object": True},
    "duplicate-ids": {"duplicate_ids": True},
    "acl-gaps": {"counted": "none"},
}
"""Quirks that change response options."""

_RESPONSE_VALUES: Mapping[str, str] = {
    "total-cap": "total_cap",
    "acl-gaps": "hidden_share",
    "acl-total": "counted",
    "envelope": "envelope",
    "shift": "late_records",
}
"""Quirks with a value that is a response option."""

_TOTALS: Mapping[str, Callable[[Any], ChangeTotal]] = {
    "total-wrong": lambda value: lambda total, page: max(0, total + value),
    "total-drift": lambda value: lambda total, page: total + (page - 1) % 3,
    "total-sometimes": lambda value: lambda total, page: total if page % 2 else None,
    "count-omitted-when-zero": lambda value: lambda total, page: total or None,
}
"""Quirks that change the announced total."""

_NO_PARAMS = {"cursor_param": "", "position_param": "", "size_param": ""}
_STYLES: Mapping[str, tuple[dict[str, Any], dict[str, Any], dict[str, object]]] = {
    "link": (
        {"cursor_param": "_next", "position_param": ""},
        {"links": ("next",), "link_kind": "token"},
        {},
    ),
    "cursor": (
        {"cursor_param": "after", "position_param": ""},
        {"links": ("next",), "link_kind": "cursor"},
        {"cursor_param": "after"},
    ),
    "range": (
        _NO_PARAMS,
        {"links": (), "range_format": "items {first}-{last}/{total}", "partial": "part", "past_end": 416},
        {},
    ),
    "none": (_NO_PARAMS, {"links": (), "range_format": ""}, {}),
}
"""For each style the changes of paging and response, and the settings in addition to the style."""


def apply(dialect: SimulatedDialect, quirks: Sequence[Quirk]) -> SimulatedDialect:
    """The dialect with the quirks. Raises ValueError where they exclude each other or the dialect."""
    names = [quirk.name for quirk in quirks]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"quirk {name!r} is given more than once; give it once")
    for group in EXCLUSIVE:
        given = [name for name in group if name in names]
        if len(given) > 1:
            raise ValueError(f"quirks {' and '.join(map(repr, given))} exclude each other; give one of them")
    order = list(QUIRKS)
    for quirk in sorted(quirks, key=lambda quirk: order.index(quirk.name)):
        misfit = _misfit(dialect, quirk.name)
        if misfit:
            raise ValueError(f"quirk {quirk.name!r} {misfit}")
        dialect = _apply(dialect, quirk.name, quirk.value)
    return dialect


def _misfit(dialect: SimulatedDialect, name: str) -> str:
    """Why the quirk does not fit the dialect, "" where it does."""
    if name == "v5-2026" and dialect is not DIALECTS["tmf-v5"]:
        return f"is a release of tmf-v5; {dialect.name} has none of that year"
    if name == "no-headers" and dialect.paging.style in ("link", "cursor"):
        return f"would hide the next page of style={dialect.paging.style}"
    if (name in _TOTALS or name == "total-cap") and not dialect.response.announces_total:
        return f"is about totals, and none are announced by {dialect.name} here"
    if name == "acl-total" and not dialect.response.hidden_share:
        return "goes with acl-gaps; add that"
    if name.startswith("link-") and not dialect.response.links:
        return "is about links; add style=link or style=cursor"
    return ""


def _apply(dialect: SimulatedDialect, name: str, value: Any) -> SimulatedDialect:
    if name in _RESPONSE or name in _RESPONSE_VALUES:
        values = {_RESPONSE_VALUES[name]: value} if name in _RESPONSE_VALUES else {}
        return _response(dialect, **values, **_RESPONSE.get(name, {}))
    if name in _TOTALS:
        return _response(dialect, changes=(*dialect.response.changes, _TOTALS[name](value)))
    if name in RECORD_QUIRKS:
        return _record(dialect, name)
    return _OTHERS[name](dialect, value)


def _response(dialect: SimulatedDialect, **changes: Any) -> SimulatedDialect:
    return replace(dialect, response=replace(dialect.response, **changes))


def _paging(dialect: SimulatedDialect, **changes: Any) -> SimulatedDialect:
    return replace(dialect, paging=replace(dialect.paging, **changes))


def _record(dialect: SimulatedDialect, name: str) -> SimulatedDialect:
    change, shape = RECORD_QUIRKS[name], dialect.shape

    def changed(record: FleetRecord) -> dict[str, Any]:
        return change(shape(record), record.number)

    return replace(dialect, shape=changed)


def _style(dialect: SimulatedDialect, style: str) -> SimulatedDialect:
    paging, response, settings = _STYLES[style]
    changed = _response(_paging(dialect, style=style, **paging), **response)
    return replace(changed, settings={"style": style, **settings})


def _clamp(dialect: SimulatedDialect, size: int) -> SimulatedDialect:
    """Undocumented, as `ignore-offset` and `whole-table` are: there is nothing to configure."""
    default_size = min(size, dialect.paging.default_size)
    return _paging(dialect, max_size=size, beyond_max=0, default_size=default_size)


def _limit(dialect: SimulatedDialect, size: int, status: int) -> SimulatedDialect:
    limited = _paging(_clamp(dialect, size), beyond_max=status)
    return replace(limited, page_size=min(size, dialect.page_size))


_OTHERS: Mapping[str, Callable[[SimulatedDialect, Any], SimulatedDialect]] = {
    "v5-2026": lambda dialect, value: TMF_V5_2026,
    "style": _style,
    "clamp": _clamp,
    "400-limit": lambda dialect, value: _limit(dialect, value, 400),
    "422-limit": lambda dialect, value: _limit(dialect, value, 422),
    "ignore-offset": lambda dialect, value: _paging(dialect, style="first", cursor_param=""),
    "whole-table": lambda dialect, value: _paging(dialect, style="none", cursor_param=""),
}
