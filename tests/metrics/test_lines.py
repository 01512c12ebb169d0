"""The lines of a family."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.families import Family, Sample
from exporter.exposition.render import Entries, Lines, Piece, Writer

FAMILY = Family("a", "gauge", "Help.", ("key", "part"))
LABELS = st.sampled_from(("x", 'y"', "z\n", "\\"))
SHOWN = st.dictionaries(LABELS, st.lists(LABELS, max_size=3, unique=True), max_size=4)


@pytest.mark.parametrize("family", [("a-b", ("c",)), ("ab", ("c'",)), ("ab", ("",))])
def test_a_family_whose_names_are_none_is_not_compiled(family: tuple[str, tuple[str, ...]]) -> None:
    name, labels = family
    with pytest.raises(ValueError, match="no name"):
        Writer(Family(name, "gauge", "Help.", labels))


def _updated(lines: Lines, shown: Mapping[str, list[str]], limit: int = 100) -> tuple[Piece, list[str]]:
    """The family of these labels by key, and the keys of which samples were asked for."""
    read: list[str] = []

    def samples(key: str) -> list[Sample]:
        read.append(key)
        return [(key, part, "1") for part in shown[key]]

    return lines.update(Entries(shown.items(), samples), limit), read


@given(st.lists(SHOWN, max_size=5), st.integers(0, 10))
def test_lines_that_follow_changes_are_those_that_are_rendered_at_once(
    history: list[dict[str, list[str]]], limit: int
) -> None:
    lines = Lines(FAMILY)
    for shown in history:
        piece, _ = _updated(lines, shown, limit)
        assert piece == _updated(Lines(FAMILY), shown, limit)[0]
        assert piece.parts[2].text().count(b"a{") == piece.series
        assert piece.series + piece.dropped == sum(map(len, shown.values()))


def test_only_entries_that_show_something_else_are_rendered_again() -> None:
    lines = Lines(FAMILY)
    assert _updated(lines, {"x": ["1", "2"], "y": ["3"]})[1] == ["x", "y"]
    piece, read = _updated(lines, {"y": ["3"], "x": ["1"], "z": []})
    assert read == ["x", "z"]
    assert piece.parts[2].text().decode() == 'a{key="y",part="3"} 1\na{key="x",part="1"} 1\n'


def test_an_entry_of_which_nothing_is_known_is_rendered_each_time() -> None:
    lines = Lines(FAMILY)
    for _ in range(2):
        piece = lines.update(Entries([("x", None)], lambda key: [(key, "1", "2")]), 100)
        assert piece.series == 1
