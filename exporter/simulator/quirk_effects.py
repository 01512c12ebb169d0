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

Effect = Callable[[SimulatedDialect, Quirk], SimulatedDialect]

EXCLUSIVE = (
    ("style", "ignore-offset", "whole-table"),
    ("clamp", "400-limit", "422-limit"),
    ("206", "206-last"),
    ("416-end", "404-end"),
    ("link-foreign", "link-loop"),
    ("value-objects", "json-in-text"),
)
"""Of each of these at most one can be given."""


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
        dialect = EFFECTS[quirk.name](dialect, quirk)
    return dialect


def _paging(dialect: SimulatedDialect, **changes: Any) -> SimulatedDialect:
    return replace(dialect, paging=replace(dialect.paging, **changes))


def _response(dialect: SimulatedDialect, **changes: Any) -> SimulatedDialect:
    return replace(dialect, response=replace(dialect.response, **changes))


def _release_2026(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    if dialect is not DIALECTS["tmf-v5"]:
        raise ValueError(f"quirk {quirk.name!r} is a release of tmf-v5; {dialect.name} has none of that year")
    return TMF_V5_2026


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
        {"cursor_param": "", "position_param": "", "size_param": ""},
        {"links": (), "range_format": "items {first}-{last}/{total}", "partial": "part", "past_end": 416},
        {},
    ),
    "none": (
        {"cursor_param": "", "position_param": "", "size_param": ""},
        {"links": (), "range_format": ""},
        {},
    ),
}
"""For each style the changes of paging and response, and the settings besides the style itself."""


def _style(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    paging, response, settings = _STYLES[quirk.word]
    changed = _response(_paging(dialect, style=quirk.word, **paging), **response)
    return replace(changed, settings={"style": quirk.word, **settings})


def _max_size(dialect: SimulatedDialect, quirk: Quirk, beyond_max: int) -> SimulatedDialect:
    size = int(quirk.number)
    default_size = min(size, dialect.paging.default_size)
    return _paging(dialect, max_size=size, beyond_max=beyond_max, default_size=default_size)


def _refused_above(status: int) -> Effect:
    def effect(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
        page_size = min(int(quirk.number), dialect.page_size)
        return replace(_max_size(dialect, quirk, status), page_size=page_size)

    return effect


def _no_headers(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    if dialect.paging.style in ("link", "cursor"):
        raise ValueError(f"quirk {quirk.name!r} would hide the next page of style={dialect.paging.style}")
    return _response(dialect, total_header="", result_header="", range_format="", links=())


def _set(**changes: Any) -> Effect:
    return lambda dialect, quirk: _response(dialect, **changes)


def _position_ignored(style: str) -> Effect:
    """The server does not document it, so there is nothing to configure."""
    return lambda dialect, quirk: _paging(dialect, style=style, cursor_param="")


def _totals(change_for: Callable[[Quirk], ChangeTotal]) -> Effect:
    def effect(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
        _require_total(dialect, quirk)
        return _response(dialect, changes=(*dialect.response.changes, change_for(quirk)))

    return effect


def _total_cap(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    _require_total(dialect, quirk)
    return _response(dialect, total_cap=int(quirk.number))


def _require_total(dialect: SimulatedDialect, quirk: Quirk) -> None:
    if not dialect.response.announces_total:
        raise ValueError(
            f"quirk {quirk.name!r} is about totals, and none are announced by {dialect.name} here"
        )


def _acl_total(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    if not dialect.response.hidden_share:
        raise ValueError(f"quirk {quirk.name!r} goes with acl-gaps; add that")
    return _response(dialect, counted=quirk.word)


def _links(**changes: Any) -> Effect:
    def effect(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
        if not dialect.response.links:
            raise ValueError(f"quirk {quirk.name!r} is about links; add style=link or style=cursor")
        return _response(dialect, **changes)

    return effect


def _record(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    change, shape = RECORD_QUIRKS[quirk.name], dialect.shape

    def changed(record: FleetRecord) -> dict[str, Any]:
        return change(shape(record), record.number)

    return replace(dialect, shape=changed)


EFFECTS: Mapping[str, Effect] = {
    "v5-2026": _release_2026,
    "style": _style,
    "clamp": lambda dialect, quirk: _max_size(dialect, quirk, 0),
    "400-limit": _refused_above(400),
    "422-limit": _refused_above(422),
    "ignore-offset": _position_ignored("first"),
    "whole-table": _position_ignored("none"),
    "no-headers": _no_headers,
    "206": _set(partial="always"),
    "206-last": _set(partial="part"),
    "total-cap": _total_cap,
    "total-wrong": _totals(lambda quirk: lambda total, page: max(0, total + int(quirk.number))),
    "total-drift": _totals(lambda quirk: lambda total, page: total + (page - 1) % 3),
    "total-sometimes": _totals(lambda quirk: lambda total, page: total if page % 2 else None),
    "count-omitted-when-zero": _totals(lambda quirk: lambda total, page: total or None),
    "acl-gaps": lambda dialect, quirk: _response(dialect, hidden_share=quirk.number, counted="none"),
    "acl-total": _acl_total,
    "416-end": _set(past_end=416),
    "404-end": _set(past_end=404),
    "404-empty": _set(no_records=404),
    "link-relative": _links(link_is_relative=True),
    "link-foreign": _links(link_end="foreign"),
    "link-loop": _links(link_end="loop"),
    "link-shrunk": _links(link_shrinks=True),
    "envelope": lambda dialect, quirk: _response(dialect, envelope=quirk.word),
    "single-object": _set(single_is_object=True),
    "duplicate-ids": _set(duplicate_ids=True),
    "shift": lambda dialect, quirk: _response(dialect, late_records=int(quirk.number)),
    **dict.fromkeys(RECORD_QUIRKS, _record),
}
"""What each quirk changes."""
