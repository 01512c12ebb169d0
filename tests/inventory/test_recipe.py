from __future__ import annotations

import msgspec
import pytest

from exporter.inventory import dialects, recipe, record_reader
from exporter.inventory.record import Record
from tests.inventory import reading

V4 = dialects.DIALECTS["tmf-v4"].collections["services"]
HOSTILE = [
    '"]; raise SystemExit #',
    "'''",
    '"""',
    "\\",
    "{dropped}",
    "a\nb",
    "key0",
    "%s",
    "Ünïcode",
    "",
    "None",
]


def test_a_recipe_has_the_texts_and_times_of_a_record_in_its_order() -> None:
    names = Record.__struct_fields__
    assert names[1:13] == recipe.TEXTS[:-1]
    assert names[16:21] == recipe.LINKS
    assert names[-4:] == recipe.MOMENTS


@pytest.mark.parametrize("word", HOSTILE)
def test_no_word_of_an_inventory_or_an_operator_becomes_a_part_of_the_source(word: str) -> None:
    paths = (word, f"characteristic[{word}]", f"party[{word}]", f"{word}.{word}")
    own = msgspec.structs.replace(V4.fields, name=("name", *paths), places=("place", word), start=paths)
    mapping = msgspec.structs.replace(V4, fields=own, states={word: paths}, codes={word: {word: word}})
    using = record_reader.Reader(mapping, characteristics=(word,))
    items = [{"id": "S1", word: "found", "name": "", "place": [{word: "x", "id": "L1"}]} for _ in range(3)]
    first, *others = reading.records(items, using)
    assert first.id == "S1"
    assert others == [first, first]


def test_a_record_whose_keys_nobody_looks_for_has_no_id() -> None:
    read = reading.batch([{"nobody": 1}, {"nobody": 2}], reading.reader("tmf-v4"))
    assert [reject.reason for reject in read.rejects] == ["missing_id", "missing_id"]


def test_a_collection_that_names_no_place_is_read_all_the_same() -> None:
    bare = dialects.Collection(
        api="tmf638", path="service", fields=dialects.Fields(parties=(), places=()), statuses={}
    )
    found = reading.records([{"id": "S1", "name": "one"}] * 2, record_reader.Reader(bare))
    assert found == [Record("S1", "one")] * 2
