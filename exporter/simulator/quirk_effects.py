"""Applies quirks to a dialect: each quirk changes some options, and the result is another dialect.

Quirks that exclude each other, or that do not fit the dialect, raise ValueError when the simulator is built.
The order in which quirks are given does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from exporter.simulator.dialect import DIALECTS, TMF_V5_2026, SimulatedDialect
from exporter.simulator.quirk import QUIRKS, Quirk
from exporter.simulator.record import FleetRecord
from exporter.simulator.response_options import Count
from exporter.simulator.spelling import SPELLINGS, Spelling

Effect = Callable[[SimulatedDialect, Quirk], SimulatedDialect]

EXCLUSIVE = (
    ("style", "ignore-offset", "whole-table"),
    ("clamp", "400-limit", "422-limit"),
    ("206", "206-last"),
    ("416-end", "404-end"),
    ("link-foreign", "link-loop"),
    ("value-objects", "json-in-text"),
)
"""Of each of these at most one makes sense."""


def apply(dialect: SimulatedDialect, quirks: Sequence[Quirk]) -> SimulatedDialect:
    """The dialect with the quirks. Raises ValueError where they do not go together or not with it."""
    names = [one.name for one in quirks]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"quirk {name!r} is given more than once; give it once")
    for group in EXCLUSIVE:
        given = [name for name in group if name in names]
        if len(given) > 1:
            raise ValueError(f"quirks {' and '.join(map(repr, given))} exclude each other; give one of them")
    order = list(QUIRKS)
    for one in sorted(quirks, key=lambda one: order.index(one.name)):
        dialect = EFFECTS[one.name](dialect, one)
    return dialect


def _paged(dialect: SimulatedDialect, **changes: Any) -> SimulatedDialect:
    return replace(dialect, paging=replace(dialect.paging, **changes))


def _with_response(dialect: SimulatedDialect, **changes: Any) -> SimulatedDialect:
    return replace(dialect, response=replace(dialect.response, **changes))


def _released(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    if dialect is not DIALECTS["tmf-v5"]:
        raise ValueError(f"quirk {quirk.name!r} is a release of tmf-v5; {dialect.name} has none of that year")
    return TMF_V5_2026


_STYLES: Mapping[str, tuple[dict[str, Any], dict[str, Any], dict[str, object]]] = {
    "link": (
        {"cursor_param": "_next", "back_param": "", "position_param": ""},
        {"links": ("next",), "link_kind": "token"},
        {},
    ),
    "cursor": (
        {"cursor_param": "after", "back_param": "before", "position_param": ""},
        {"links": ("next", "prev"), "link_kind": "cursor"},
        {"cursor_param": "after"},
    ),
    "range": (
        {"cursor_param": "", "back_param": "", "position_param": "", "size_param": ""},
        {
            "links": (),
            "range_format": "items {first}-{last}/{total}",
            "partial": "part",
            "past_end": 416,
        },
        {},
    ),
    "none": (
        {"cursor_param": "", "back_param": "", "position_param": "", "size_param": ""},
        {"links": (), "range_format": ""},
        {},
    ),
}
"""For each style what changes of the paging, of the response, and what else an operator has to write."""


def _styled(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    paging, response, settings = _STYLES[quirk.word]
    changed = _with_response(_paged(dialect, style=quirk.word, **paging), **response)
    return replace(changed, settings={"style": quirk.word, **settings})


def _sized(dialect: SimulatedDialect, quirk: Quirk, beyond_max: int) -> SimulatedDialect:
    size, usual = int(quirk.number), dialect.paging.default_size
    return _paged(dialect, max_size=size, beyond_max=beyond_max, default_size=min(size, usual))


def _clamped(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    """Nobody is told, so nobody configures it."""
    return _sized(dialect, quirk, beyond_max=0)


def _limited(status: int, dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    changed = _sized(dialect, quirk, beyond_max=status)
    return replace(changed, page_size=min(int(quirk.number), dialect.page_size))


def _headerless(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    if dialect.paging.style in ("link", "cursor"):
        raise ValueError(f"quirk {quirk.name!r} would hide where style={dialect.paging.style} goes on")
    return _with_response(dialect, total_header="", result_header="", range_format="", links=())


def _set(dialect: SimulatedDialect, quirk: Quirk, **changes: Any) -> SimulatedDialect:
    return _with_response(dialect, **changes)


def _unpaged(style: str, dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    """The position is not looked at; nobody is told, so nobody configures it."""
    return _paged(dialect, style=style, cursor_param="", back_param="")


def _counted(count: Callable[[Quirk], Count], dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    _needs_total(dialect, quirk)
    return _with_response(dialect, counts=(*dialect.response.counts, count(quirk)))


def _capped(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    _needs_total(dialect, quirk)
    return _with_response(dialect, total_cap=int(quirk.number))


def _needs_total(dialect: SimulatedDialect, quirk: Quirk) -> None:
    if not dialect.response.announces_total:
        raise ValueError(
            f"quirk {quirk.name!r} is about totals, and none are announced by {dialect.name} here"
        )


def _gapped(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    return _with_response(dialect, hidden_share=quirk.number, counted="none")


def _told(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    if not dialect.response.hidden_share:
        raise ValueError(f"quirk {quirk.name!r} goes with acl-gaps; add that")
    return _with_response(dialect, counted=quirk.word)


def _linked(dialect: SimulatedDialect, quirk: Quirk, **changes: Any) -> SimulatedDialect:
    if not dialect.response.links:
        raise ValueError(f"quirk {quirk.name!r} is about links; add style=link or style=cursor")
    return _with_response(dialect, **changes)


def _enveloped(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    return _with_response(dialect, envelope=quirk.word)


def _shifting(dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    return _with_response(dialect, arrivals=int(quirk.number))


def _spelt(spelling: Spelling, dialect: SimulatedDialect, quirk: Quirk) -> SimulatedDialect:
    plain = dialect.shape

    def shape(record: FleetRecord) -> dict[str, Any]:
        return spelling(plain(record), record.number)

    return replace(dialect, shape=shape)


EFFECTS: Mapping[str, Effect] = {
    "v5-2026": _released,
    "style": _styled,
    "clamp": _clamped,
    "400-limit": partial(_limited, 400),
    "422-limit": partial(_limited, 422),
    "ignore-offset": partial(_unpaged, "first"),
    "whole-table": partial(_unpaged, "none"),
    "no-headers": _headerless,
    "206": partial(_set, partial="always"),
    "206-last": partial(_set, partial="part"),
    "total-cap": _capped,
    "total-wrong": partial(_counted, lambda quirk: lambda total, page: max(0, total + int(quirk.number))),
    "total-drift": partial(_counted, lambda quirk: lambda total, page: total + (page - 1) % 3),
    "total-sometimes": partial(_counted, lambda quirk: lambda total, page: total if page % 2 else None),
    "count-omitted-when-zero": partial(_counted, lambda quirk: lambda total, page: total or None),
    "acl-gaps": _gapped,
    "acl-total": _told,
    "416-end": partial(_set, past_end=416),
    "404-end": partial(_set, past_end=404),
    "404-empty": partial(_set, nobody=404),
    "link-relative": partial(_linked, link_is_relative=True),
    "link-foreign": partial(_linked, link_end="foreign"),
    "link-loop": partial(_linked, link_end="loop"),
    "link-shrunk": partial(_linked, link_shrinks=True),
    "envelope": _enveloped,
    "single-object": partial(_set, single_is_object=True),
    "duplicate-ids": partial(_set, doubles=True),
    "shift": _shifting,
    **{name: partial(_spelt, spelling) for name, spelling in SPELLINGS.items()},
}
"""What each quirk changes."""
