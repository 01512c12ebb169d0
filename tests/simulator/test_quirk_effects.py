"""What quirks make of a dialect, and which do not go together."""

from __future__ import annotations

import itertools

import pytest

from exporter.simulator import quirk, quirk_effects
from exporter.simulator.dialect import DIALECTS, SimulatedDialect


def twisted(name: str, *texts: str) -> SimulatedDialect:
    return quirk_effects.apply(DIALECTS[name], [quirk.parse(text) for text in texts])


def test_without_quirks_a_dialect_stays_what_it_is() -> None:
    for name, dialect in DIALECTS.items():
        assert twisted(name) is dialect


def test_the_order_in_which_quirks_are_given_does_not_matter() -> None:
    quirks = ("total-wrong=3", "no-headers", "style=range", "clamp=9")
    found = set()
    for order in itertools.permutations(quirks[1:]):
        changed = twisted("tmf-v4", *order)
        found.add((changed.paging, changed.response))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("dialect", "texts", "message"),
    [
        ("ses", ("clamp", "clamp=3"), "'clamp' is given more than once"),
        ("ses", ("clamp", "400-limit"), "'clamp' and '400-limit' exclude each other"),
        ("ses", ("style=none", "whole-table"), "'style' and 'whole-table' exclude"),
        ("tmf-v4", ("404-end", "416-end"), "exclude each other; give one of them"),
        ("ses", ("total-cap",), "'total-cap' is about totals, and none are announced by ses"),
        ("ses", ("total-drift",), "'total-drift' is about totals"),
        ("tmf-v4", ("no-headers", "total-wrong"), "'total-wrong' is about totals"),
        ("tmf-v4", ("style=link", "no-headers"), "'no-headers' would hide the next page of style=link"),
        ("tmf-v4", ("link-loop",), "'link-loop' is about links; add style=link or style=cursor"),
        ("servicenow", ("style=none", "link-relative"), "is about links"),
        ("tmf-v4", ("acl-total",), "'acl-total' goes with acl-gaps; add that"),
        ("tmf-v4", ("v5-2026",), "'v5-2026' is a release of tmf-v5; tmf-v4 has none"),
    ],
)
def test_what_makes_no_sense_together_is_refused(dialect: str, texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        twisted(dialect, *texts)


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("style=link", {"style": "link"}),
        ("style=cursor", {"style": "cursor", "cursor_param": "after"}),
        ("style=range", {"style": "range"}),
        ("style=none", {"style": "none"}),
        ("whole-table", {}),
        ("ignore-offset", {}),
    ],
)
def test_an_operator_writes_what_the_documentation_says_and_knows_nothing_of_bugs(
    text: str, settings: dict[str, str]
) -> None:
    assert twisted("tmf-v5", text).settings == settings


def test_a_limit_that_is_refused_is_what_an_operator_asks_for_and_a_silent_one_is_not() -> None:
    assert twisted("tmf-v4", "422-limit=30").page_size == 30
    assert twisted("tmf-v4", "400-limit=5000").page_size == 100
    assert twisted("tmf-v4", "clamp=30").page_size == 100


def test_totals_can_be_wrong_in_several_ways_at_once() -> None:
    changed = twisted("tmf-v4", "total-cap=50", "total-wrong=-3", "total-drift", "total-sometimes")
    assert len(changed.response.changes) == 3
    assert changed.response.total_cap == 50
