"""What a shard keeps of the records of other shards, and when it forgets them."""

from __future__ import annotations

import msgspec
from hypothesis import given

from exporter.inventory.condition import PROBLEMS
from exporter.inventory.decode import DecodedRecord
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.foreign import ForeignDraft
from exporter.inventory.record import KINDS, Record, pack, slim, status_summary
from exporter.inventory.snapshot import Foreign, Shown, StoredRecord, stored
from exporter.topology import references
from tests.topology import fleets
from tests.topology.fleets import HISTORIES


@given(HISTORIES)
def test_a_slim_record_is_the_same_node_as_the_whole_one(steps: object) -> None:
    fleet: fleets.Fleet = {}
    for step in steps:  # type: ignore[attr-defined]
        fleet = fleets.changed(fleet, step)
    for collection in KINDS:
        mapping = DIALECTS["ses"].collections[collection]
        rules = references.rules(mapping)
        for shown in (one for key, one in fleet.items() if key[0] == collection):
            whole = references.node(collection, shown, rules.types)
            kept = references.node(collection, Shown(slim(shown.record, mapping), shown.since), rules.types)
            if not mapping.found_by_name and shown.record.condition not in PROBLEMS:
                kept = msgspec.structs.replace(kept, name_key=whole.name_key)
            assert kept == whole
            assert len(pack(slim(shown.record, mapping))) <= len(pack(shown.record))


def _store(fresh: DecodedRecord, old: StoredRecord | None, now: float) -> StoredRecord:
    return stored(fresh.record, fresh.digest, old.since if old else now)


def _draft(start: Foreign, **digests: int) -> ForeignDraft:
    """A crawl that lists these records, each with the digest of its raw form, of which some are known."""
    draft = ForeignDraft(start, _store)
    fresh = []
    for ident, digest in digests.items():
        record = Record(ident, name=f"version {digest}", updated=float(digest))
        if digest not in start.digests:
            fresh.append(DecodedRecord(ident, status_summary(record), pack(record), digest, float(digest)))
    draft.add(fresh, [(digest, 1) for digest in digests.values()], 1.0)
    return draft


def _names(foreign: Foreign) -> dict[str, str]:
    return {ident: one.record.name for ident, one in foreign.records.items()}


def test_a_record_that_two_complete_crawls_in_a_row_lack_is_forgotten() -> None:
    first = _draft(Foreign(), A=1, B=2).after_full("")
    second = _draft(first, A=1).after_full("")
    assert set(second.records) == {"A", "B"}
    assert set(_draft(second, A=1).after_full("").records) == {"A"}
    assert set(_draft(second, A=1).after_full("a page is missing").records) == {"A", "B"}
    back = _draft(second, A=1, B=2).after_full("")
    assert set(_draft(back, A=1).after_full("").records) == {"A", "B"}, "it was seen in between"


def test_a_list_of_changes_changes_and_adds_and_forgets_nothing() -> None:
    first = _draft(Foreign(), A=1, B=2).after_full("")
    second = _draft(first, B=3, C=4).after_delta()
    assert _names(second) == {"A": "version 1", "B": "version 3", "C": "version 4"}
    assert _names(_draft(second, A=1, B=3, C=4).after_full("")) == _names(second)


def test_what_is_listed_as_before_is_the_same_object() -> None:
    first = _draft(Foreign(), A=1, B=2).after_full("")
    assert _draft(first, A=1, B=2).after_full("") is first
    assert _draft(first, A=1).after_delta() is first
    assert _draft(first, A=1).after_full("a page is missing").records is first.records


def test_of_two_versions_in_one_crawl_the_newer_is_kept_and_both_are_known_again() -> None:
    draft = ForeignDraft(Foreign(), _store)
    for digest in (2, 1):
        record = Record("A", name=f"version {digest}", updated=float(digest))
        fresh = DecodedRecord("A", status_summary(record), pack(record), digest, float(digest))
        draft.add([fresh], [(digest, 1)], 1.0)
    first = draft.after_full("")
    assert _names(first) == {"A": "version 2"}
    again = ForeignDraft(first, _store)
    again.add([], [(1, 1)], 2.0)
    assert _names(again.after_full("")) == {"A": "version 1"}


def test_what_contradicts_the_query_is_left_out() -> None:
    draft = _draft(Foreign(), A=1, B=2)
    draft.leave_out(["A", "X"])
    assert set(draft.after_full("").records) == {"B"}
