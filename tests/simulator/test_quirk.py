"""How quirks are spelt, and what is said of those spelt wrong."""

from __future__ import annotations

import pytest

from exporter.simulator import quirk
from exporter.simulator.quirk import Quirk
from exporter.simulator.quirk_effects import EXCLUSIVE


def test_every_quirk_has_one_line_for_the_help() -> None:
    for name, line in quirk.QUIRKS.items():
        assert line
        assert "\n" not in line
        assert line.startswith("=") == (name in quirk.VALUES)
    assert {name for group in EXCLUSIVE for name in group} <= quirk.QUIRKS.keys()


def test_every_value_has_an_example_that_is_read_and_the_help_tells_its_default() -> None:
    for name, (_, default, example) in quirk.VALUES.items():
        assert quirk.parse(example).name == name
        if default and name not in ("acl-total", "envelope"):
            assert f"({default})" in quirk.QUIRKS[name]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("206", Quirk("206")),
        (" style=link ", Quirk("style", "link")),
        ("clamp", Quirk("clamp", 25)),
        ("clamp = 50", Quirk("clamp", 50)),
        ("total-wrong=-3", Quirk("total-wrong", -3)),
        ("acl-gaps", Quirk("acl-gaps", 0.1)),
        ("acl-gaps=1", Quirk("acl-gaps", 1)),
        ("acl-total", Quirk("acl-total", "all")),
        ("acl-total=readable", Quirk("acl-total", "readable")),
        ("envelope", Quirk("envelope", "result")),
        ("422-limit", Quirk("422-limit", 100)),
    ],
)
def test_a_quirk_is_a_name_and_maybe_a_value(text: str, found: Quirk) -> None:
    assert quirk.parse(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no quirk ''.*use one of v5-2026, style"),
        ("urn-id", "did you mean 'urn-ids'"),
        ("206=3", "206 takes no value; write 206"),
        ("206=", "206 takes no value"),
        ("style", "the value is missing; write one like style=link"),
        ("style=", "the value is missing"),
        ("clamp=", "write one like clamp=25"),
        ("style=page", "use one of link, cursor, range, none"),
        ("clamp=0", "whole number from 1"),
        ("clamp=ten", "whole number from 1"),
        ("total-wrong=0", "other than 0"),
        ("total-wrong=x", "other than 0"),
        ("acl-gaps=0", "above 0 and up to 1"),
        ("acl-gaps=1.5", "above 0 and up to 1"),
        ("acl-gaps=nan", "above 0 and up to 1"),
        ("acl-gaps=some", "above 0 and up to 1"),
        ("envelope=list", "use one of result, items, data, records"),
    ],
)
def test_what_is_spelt_wrong_is_refused_with_the_hint(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        quirk.parse(text)
