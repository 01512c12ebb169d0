"""The state file: what is read is what was written, or a `StateError` says why not."""

from __future__ import annotations

import asyncio
import errno
import gzip
import io
import os
import resource
import socket
import stat
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import state_file
from exporter.errors import StateError
from exporter.inventory.condition import Condition
from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Foreign, Snapshot, StoredRecord
from exporter.inventory.snapshot import stored as hold
from exporter.state_file import SavedCollection

KEY = b"sixteen bytes..."
NOW = 1_768_478_400.0  # 2026-01-15T12:00:00Z
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
TIME = st.floats(allow_nan=False, allow_infinity=False)
LINK = st.builds(Link, TEXT, TEXT, TEXT, TEXT)
PAIR = st.tuples(TEXT, TEXT)
VALUES: Mapping[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(0, 65_535),
    Condition: st.sampled_from(Condition),
    float | None: st.none() | TIME,
    tuple[Link, ...]: st.lists(LINK, max_size=3).map(tuple),
    tuple[tuple[str, str], ...]: st.lists(PAIR, max_size=3).map(tuple),
    tuple[tuple[str, float], ...]: st.lists(st.tuples(TEXT, TIME), max_size=3).map(tuple),
}
RECORD = st.builds(Record, **{one.name: VALUES[one.type] for one in msgspec.structs.fields(Record)})
DIGEST = st.integers(0, 2**64 - 1)
HELD = st.builds(hold, RECORD, DIGEST, TIME, st.integers(0, 2**40))


def snapshot_of(held: list[StoredRecord], words: tuple[tuple[str, str], ...] = ()) -> Snapshot:
    return Snapshot({one.id: one for one in held}, {one.digest: one for one in held}, words)


SNAPSHOT = st.builds(
    snapshot_of,
    st.lists(HELD, max_size=4, unique_by=(lambda one: one.id, lambda one: one.digest)),
    st.lists(PAIR, max_size=4, unique=True).map(tuple),
)
SHARD = st.builds(
    lambda own, others: own.with_foreign(Foreign(others.records, others.digests)), SNAPSHOT, SNAPSHOT
)
KEPT = st.builds(
    SavedCollection, SNAPSHOT | SHARD, st.binary(max_size=16), TEXT, st.none() | TIME, st.none() | TIME
)


def held(ident: str, status: str = "Operational") -> StoredRecord:
    digest = int.from_bytes(blake2b(f"{ident} {status}".encode(), digest_size=8).digest(), "little")
    # each record with texts of its own, as they come from a page
    customer = Link("7", "".join(("Maritime", " Ltd")), role="".join(("cust", "omer")))
    return hold(
        Record(
            ident,
            status="".join((status[:3], status[3:])),
            condition=Condition.OPERATIONAL if status == "Operational" else Condition.DOWN,
            place="".join(("Betz", "dorf")),
            parties=(customer,),
            states=(("administrative", "unlocked"),),
            updated=NOW,
        ),
        digest,
        NOW,
    )


def kept(*held: StoredRecord) -> SavedCollection:
    words = tuple((one.status_summary.status, one.status_summary.type) for one in held)
    return SavedCollection(snapshot_of(list(held), words), KEY, "ses 1", NOW, NOW - 60)


SMALL = {"services": kept(held("A"), held("B", "Down")), "carriers": kept(held("A", "Down"))}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state"


def written(content: Mapping[str, SavedCollection]) -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder, "state")
        state_file.write(file, content, NOW)
        return file.read_bytes()


def reread(content: bytes) -> Mapping[str, SavedCollection]:
    with TemporaryDirectory() as folder:
        file = Path(folder, "state")
        file.write_bytes(content)
        return state_file.read(file)


def reason(file: Path) -> str:
    with pytest.raises(StateError) as caught:
        state_file.read(file)
    assert str(file) in str(caught.value)
    return caught.value.reason


def member(document: bytes) -> bytes:
    """A member of the file, with a right checksum."""
    compressed = io.BytesIO()
    with gzip.GzipFile("ses-inventory-exporter state 2", "wb", fileobj=compressed) as file:
        file.write(document)
    return compressed.getvalue()


def documents(content: bytes) -> list[bytes]:
    """The documents of a file."""
    found = []
    while content:
        one = zlib.decompressobj(31)
        found.append(one.decompress(content))
        content = one.unused_data
    return found


@given(st.dictionaries(TEXT, KEPT, max_size=3))
def test_what_is_read_is_what_was_written(content: Mapping[str, SavedCollection]) -> None:
    back = reread(written(content))
    assert back == content
    for name, one in content.items():
        # equal is not enough: 0 and -0, 1 and True are equal too
        assert repr(back[name].snapshot.records) == repr(one.snapshot.records)


def test_a_first_start_finds_nothing(file: Path) -> None:
    assert state_file.read(file) == {}


def test_the_size_is_that_of_the_file_and_only_its_owner_may_read_it(file: Path) -> None:
    assert state_file.write(file, SMALL, NOW) == file.stat().st_size
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["state"]


def test_the_next_write_replaces_the_file_whole(file: Path) -> None:
    state_file.write(file, SMALL, NOW)
    held = file.open("rb")
    with held:
        state_file.write(file, {}, NOW)
        assert held.read() == written(SMALL), "who reads the old file goes on reading it"
    assert state_file.read(file) == {}


def test_a_record_is_found_again_by_its_digest_and_is_the_very_one_held(file: Path) -> None:
    state_file.write(file, SMALL, NOW)
    back = state_file.read(file)["services"].snapshot
    assert back.digests[held("A").digest] is back.records["A"]
    assert held("B").digest not in back.digests, "B is down"
    assert back.digests == {one.digest: one for one in back.records.values()}


def test_what_is_counted_of_records_is_held_once(file: Path) -> None:
    many = [held(f"S{number}") for number in range(3000)]
    state_file.write(file, {"services": kept(*many), "carriers": kept(*many)}, NOW)
    back = state_file.read(file)
    records = [one for name in back for one in back[name].snapshot.records.values()]
    assert len(records) == 6000
    assert len({id(one.status_summary) for one in records}) == 1


def test_records_of_many_documents_keep_their_order(file: Path) -> None:
    content = {"services": kept(*(held(f"S{number}") for number in range(2500)))}
    state_file.write(file, content, NOW)
    assert list(state_file.read(file)["services"].snapshot.records) == [f"S{n}" for n in range(2500)]
    assert len(documents(file.read_bytes())) == 1 + 3


def test_every_truncated_file_is_refused() -> None:
    whole = written(SMALL)
    with TemporaryDirectory() as folder:
        file = Path(folder, "state")
        for end in range(len(whole)):
            file.write_bytes(whole[:end])
            assert reason(file) == "truncated", end


def test_every_flipped_bit_is_noticed_or_changes_nothing() -> None:
    """gzip's checksum is that of the content: the time and the system in its header mean nothing."""
    whole, harmless = written(SMALL), 0
    with TemporaryDirectory() as folder:
        file = Path(folder, "state")
        file.write_bytes(whole)
        for at in range(len(whole) * 8):
            with file.open("r+b") as changed:  # one byte of it: to write all of it anew takes long
                changed.seek(max(0, at // 8 - 1))
                changed.write(whole[max(0, at // 8 - 1) : at // 8])
                changed.write(bytes([whole[at // 8] ^ 1 << at % 8]))
            try:
                assert state_file.read(file) == SMALL, at
                harmless += 1
            except StateError as error:
                assert error.reason in ("foreign", "version", "checksum", "truncated"), at
    members = len(documents(whole))
    assert harmless <= members * 64, "six bytes in each header, and the last bits of its content"


@pytest.mark.parametrize(("more", "expected"), [(b"\0", "truncated"), (b"more", "checksum")])
def test_bytes_after_the_end_are_noticed(file: Path, more: bytes, expected: str) -> None:
    file.write_bytes(written(SMALL) + more)
    assert reason(file) == expected


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(StateError):
        reread(content)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_bytes_with_a_right_checksum_give_collections_or_a_state_error(data: st.DataObject) -> None:
    """A checksum proves no author: whoever can write the file can compute it."""
    contents = documents(written(SMALL))
    which = data.draw(st.integers(0, len(contents) - 1))
    broken = bytearray(contents[which])
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    contents[which] = bytes(broken)
    try:
        back = reread(b"".join(map(member, contents)))
    except StateError:
        return
    for one in back.values():
        assert {held.record.id: held for held in one.snapshot.records.values()} == one.snapshot.records


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "truncated"),
        (member(b"")[:41] + b"not deflated", "checksum"),
        (member(b""), "unreadable"),
        (member(b"\xc1"), "unreadable"),
        (member(b"\x91" * 100_000), "unreadable"),
        (member(b"\x80")[:-2], "truncated"),
        (member(bytes(65 << 20)), "unreadable"),
    ],
    ids=["none", "no-deflate", "empty", "no-msgpack", "nested", "cut", "bomb"],
)
def test_a_file_with_something_else_in_it_is_refused(file: Path, content: bytes, expected: str) -> None:
    file.write_bytes(content)
    assert reason(file) == expected


def test_documents_that_do_not_fit_the_header_are_refused(file: Path) -> None:
    header, services, carriers = map(member, documents(written(SMALL)))
    thirty_empty = member(b"\xdc\x00\x1e%b" % (b"\x90" * 30))
    for parts, expected in (
        ([header, services], "truncated"),
        ([header, carriers, carriers], "unreadable"),
        ([header, services, carriers, carriers], "unreadable"),
        ([header, services, services], "unreadable"),
        ([header, thirty_empty, carriers], "unreadable"),
        ([header, member(b"\x90"), services, carriers], "unreadable"),
    ):
        file.write_bytes(b"".join(parts))
        assert reason(file) == expected


def test_a_record_that_comes_twice_is_refused(file: Path) -> None:
    content = {"services": kept(held("A"), held("B"))}
    header, _ = documents(written(content))
    once = documents(written({"services": kept(held("A"))}))[1]
    file.write_bytes(b"".join(map(member, (header, once, once))))
    assert reason(file) == "unreadable"


def test_a_header_that_does_not_count_the_records_of_each_collection_is_refused(file: Path) -> None:
    header = msgspec.msgpack.decode(documents(written({"services": kept()}))[0])
    nothing, one, another = (0, 0), (1, 0), (0, 1)
    counts: tuple[dict[str, tuple[int, int]], ...] = (
        *({}, {"services": nothing, "carriers": nothing}),
        *({"services": one}, {"services": another}),
    )
    for records in counts:
        file.write_bytes(member(msgspec.msgpack.encode({**header, "records": records})))
        are_missing = records in ({"services": one}, {"services": another})
        assert reason(file) == ("truncated" if are_missing else "unreadable")


@pytest.mark.parametrize("fields", [{}, {"Record": ["id", "colour"]}])
def test_records_with_another_versions_fields_are_refused(file: Path, fields: dict[str, list[str]]) -> None:
    file.write_bytes(member(msgspec.msgpack.encode({"fields": fields, "something": "new"})))
    assert reason(file) == "version"


def test_another_versions_format_is_told_from_another_programs_file(file: Path) -> None:
    later = written(SMALL).replace(b"exporter state 2", b"exporter state 3")
    for content in (b"ses-inventory-exporter state 1\nwhatever it contains", later):
        file.write_bytes(content)
        assert reason(file) == "version"
    for content in (b"-----BEGIN PRIVATE KEY-----\n", gzip.compress(b"a backup")):
        file.write_bytes(content)
        assert reason(file) == "foreign"


def test_a_file_that_cannot_be_read_is_told_with_the_systems_words(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(StateError, match=r"Not a directory.*must be able to read"):
        state_file.read(tmp_path / "plain" / "state")


def stands(file: Path, what: str) -> Any:
    """Puts something that is no plain file where the state should be; what must outlive the call."""
    if what == "link":
        target = file.with_name("target")
        target.write_bytes(written(SMALL))
        file.symlink_to(target)
    elif what == "dangling link":
        file.symlink_to("nowhere")
    elif what == "directory":
        file.mkdir()
    elif what == "pipe":
        os.mkfifo(file)
    else:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(file))
        return listening
    return None


@pytest.mark.parametrize("what", ["link", "dangling link", "directory", "pipe", "socket"])
def test_what_is_no_plain_file_is_neither_read_nor_replaced_nor_renamed(file: Path, what: str) -> None:
    status_summary = stands(file, what)
    before = file.lstat()
    assert reason(file) == "foreign"
    for attempt in (lambda: state_file.write(file, SMALL, NOW), lambda: state_file.set_aside(file)):
        with pytest.raises(StateError, match="state_file") as caught:
            attempt()
        assert caught.value.reason == "foreign"
    assert (file.lstat().st_ino, file.lstat().st_mode) == (before.st_ino, before.st_mode)
    if status_summary:
        status_summary.close()


def test_some_other_file_is_never_replaced_nor_renamed(file: Path) -> None:
    file.write_text("a certificate, named in state_file by mistake")
    for attempt in (lambda: state_file.write(file, SMALL, NOW), lambda: state_file.set_aside(file)):
        with pytest.raises(StateError, match="not a state file") as caught:
            attempt()
        assert caught.value.reason == "foreign"
    assert file.read_text().startswith("a certificate")
    assert [one.name for one in file.parent.iterdir()] == ["state"]


def test_a_file_of_another_user_is_neither_believed_nor_replaced(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_file.write(file, SMALL, NOW)
    monkeypatch.setattr(os, "geteuid", lambda: file.stat().st_uid + 1)
    assert reason(file) == "foreign"
    with pytest.raises(StateError, match="belongs to user"):
        state_file.write(file, {}, NOW)


def test_an_unusable_file_is_set_aside_and_one_such_file_is_kept(file: Path) -> None:
    for content in (written(SMALL)[:-1], written({})[:-1]):
        file.write_bytes(content)
        aside = state_file.set_aside(file)
        assert aside == file.with_name("state.unusable")
        assert not file.exists()
        assert aside.read_bytes() == content
    state_file.write(file, SMALL, NOW)
    assert state_file.read(file) == SMALL


def test_a_file_that_cannot_be_set_aside_is_told(file: Path) -> None:
    file.write_bytes(written(SMALL)[:-1])
    file.with_name("state.unusable").mkdir()
    with pytest.raises(StateError, match=r"cannot be set aside: .*state\.unusable"):
        state_file.set_aside(file)
    with pytest.raises(StateError, match="No such file"):
        state_file.set_aside(file.with_name("other"))


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_f59_a_disk_without_room_leaves_the_old_state_and_nothing_else(file: Path) -> None:
    state_file.write(file, SMALL, NOW)
    before = file.read_bytes()
    many = {"services": kept(*(held(f"S{number}") for number in range(3000)))}
    with room_for(4096), pytest.raises(StateError, match=r"File too large.*have room") as caught:
        state_file.write(file, many, NOW)
    assert caught.value.reason == "unwritable"
    assert file.read_bytes() == before
    assert [one.name for one in file.parent.iterdir()] == ["state"]


@pytest.mark.parametrize("place", ["missing/state", "plain/state"])
def test_f59_a_place_where_nothing_can_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "plain").write_bytes(b"")
    with pytest.raises(StateError, match=r"the state cannot be written: .*directory") as caught:
        state_file.write(tmp_path / place, SMALL, NOW)
    assert caught.value.reason == "unwritable"
    assert str(tmp_path / place) in str(caught.value)


def test_f59_a_read_only_file_system_is_told() -> None:
    with pytest.raises(StateError) as caught:
        state_file.write(Path("/proc/self/state"), SMALL, NOW)
    assert caught.value.reason == "unwritable"


def test_what_a_killed_process_left_is_removed_by_the_next_write(file: Path) -> None:
    left = [file.with_name("state.0123abcd.part"), file.with_name("state.ffffffff.part")]
    others = [
        file.with_name("state.part"),
        file.with_name("state.unusable"),
        file.with_name("x.0123abcd.part"),
    ]
    for one in (*left, *others):
        one.write_bytes(b"half")
    stuck = file.with_name("state.00000000.part")
    stuck.mkdir()
    state_file.write(file, SMALL, NOW)
    assert {one.name for one in file.parent.iterdir()} == {one.name for one in (*others, stuck, file)}


@pytest.mark.parametrize(("number", "works"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_directory_that_cannot_be_flushed_is_told_unless_its_file_system_never_can(
    file: Path, monkeypatch: pytest.MonkeyPatch, number: int, works: bool
) -> None:
    flush = os.fsync

    def failing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    if works:
        assert state_file.write(file, SMALL, NOW)
    else:
        with pytest.raises(StateError, match="error"):
            state_file.write(file, SMALL, NOW)


def test_very_large_records_are_written_in_smaller_documents(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = snapshot_of([held(f"S{number}") for number in range(100)])
    content = {"services": SavedCollection(many, KEY, "ses 1", NOW, NOW)}
    monkeypatch.setattr(state_file, "MAX_DOCUMENT", 2000)
    state_file.write(file, content, NOW)
    assert len(documents(file.read_bytes())) > 5
    assert state_file.read(file) == content
    with pytest.raises(StateError, match=r"limits\.label_length"):
        state_file.write(file, {"services": kept(held("A" * 2000))}, NOW)
    monkeypatch.undo()
    assert state_file.read(file) == content


async def test_writes_asked_for_at_the_same_time_follow_one_another(file: Path) -> None:
    contents = [{"services": kept(*(held(f"S{at}") for at in range(many)))} for many in (900, 1100, 1300)]
    await asyncio.gather(*(asyncio.to_thread(state_file.write, file, one, NOW) for one in contents))
    assert state_file.read(file) in contents
    assert list(file.parent.iterdir()) == [file]


async def test_the_event_loop_turns_while_a_thread_writes_and_reads(file: Path) -> None:
    content = {"services": kept(*(held(f"S{number}") for number in range(20_000)))}
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    turning = asyncio.create_task(turn())
    await asyncio.to_thread(state_file.write, file, content, NOW)
    after_write = turns
    await asyncio.to_thread(state_file.read, file)
    turning.cancel()
    assert after_write >= 5
    assert turns - after_write >= 5
