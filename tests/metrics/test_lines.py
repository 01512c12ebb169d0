"""Lines are written, escaped, and put in place of others without touching their neighbours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition import families, render
from exporter.exposition.families import Family
from exporter.exposition.writer import Writer, put
from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Changes, Shown, Snapshot, held

WRITER = Writer(families.of("services")[-2])  # relationships: none, one or several lines a record
IDENTS = st.text(alphabet='ab"\\\n{}=,é', min_size=1, max_size=6)
LINKS = st.lists(st.tuples(IDENTS, IDENTS), max_size=3)


def shown(ident: str, links: list[tuple[str, str]]) -> Shown:
    return Shown(Record(ident, relations=tuple(Link(to, role=role) for to, role in links)))


def text(records: dict[str, list[tuple[str, str]]]) -> str:
    return WRITER.text([shown(ident, records[ident]) for ident in sorted(records)])[0]


@given(st.dictionaries(IDENTS, LINKS, min_size=1, max_size=6), LINKS, st.data())
def test_new_lines_in_place_of_old_ones_give_what_writing_all_anew_gives(
    records: dict[str, list[tuple[str, str]]], links: list[tuple[str, str]], data: st.DataObject
) -> None:
    ident = data.draw(st.sampled_from(sorted(records)))
    was, _ = WRITER.text([shown(ident, records[ident])])
    now, _ = WRITER.text([shown(ident, links)])
    following = [WRITER.start(other) for other in sorted(records) if other > ident]
    assert put(text(records), was, now, following) == text({**records, ident: links})


def test_lines_that_are_not_there_cannot_be_replaced() -> None:
    was, _ = WRITER.text([shown("a", [("b", "c")])])
    assert put(text({"b": [("a", "c")]}), was, "", ()) is None


def test_a_label_that_looks_like_the_beginning_of_a_line_is_not_taken_for_one() -> None:
    bait = WRITER.start("z").strip()
    records = {"a": [(bait, f"\n{bait}")], "y": []}
    now, _ = WRITER.text([shown("y", [("b", "c")])])
    assert put(text(records), "", now, [WRITER.start("z")]) == text({**records, "y": [("b", "c")]})


@pytest.mark.parametrize("family", [("a-b", ("c",)), ("ab", ("c'",)), ("ab", ("",))])
def test_a_family_whose_names_are_none_is_not_compiled(family: tuple[str, tuple[str, ...]]) -> None:
    name, labels = family
    with pytest.raises(ValueError, match="no name"):
        Writer(Family(name, "gauge", "Help.", labels))


def test_a_block_that_lacks_a_records_lines_is_rendered_from_nothing() -> None:
    one, two = held(Record("A", status="Up"), 1, 1.0), held(Record("A", status="Down"), 2, 1.0)
    other = held(Record("B", status="Up"), 3, 1.0)
    exposition = render.Exposition(families.of("services"))
    exposition.update(Snapshot({"A": two, "B": other}), Changes())  # not what was said to be held
    after = Snapshot({"A": two, "B": other})
    body = exposition.update(after, Changes(changed=((one, two),)))
    assert body == render.Exposition(families.of("services")).update(after, Changes())
