"""Ids in the order of a number are what sorting the pairs gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.topology import defects
from exporter.topology.defects import SortedIds

PAIRS = st.tuples(st.integers(0, 6), st.sampled_from("abcdefgh"))


@given(st.lists(PAIRS, max_size=60), st.integers(-1, 7), st.integers(0, 9), st.sampled_from((2, 3, 100)))
def test_after_any_history_they_are_the_sorted_pairs(
    history: list[tuple[int, str]], number: int, start: int, longest: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(defects, "_LONGEST", longest)
        found, truth = SortedIds("d"), set[tuple[int, str]]()
        for pair in history:  # each comes and goes
            (found.remove if pair in truth else found.add)(*pair)
            truth ^= {pair}
    pairs = sorted(truth)
    assert len(found) == len(pairs)
    assert found.up_to(number) == sum(1 for one, _ in pairs if one <= number)
    assert list(found.with_number(number)) == [ident for one, ident in pairs if one == number]
    assert found.idents(start, 3) == [ident for _, ident in pairs][start : start + 3]


def test_what_is_not_there_cannot_be_removed() -> None:
    listed = SortedIds("q")
    for pair in ((1, "a"), (1, "b")):
        with pytest.raises(KeyError):
            listed.remove(*pair)
        listed.add(*pair)
    with pytest.raises(KeyError):
        listed.remove(1, "aa")
