"""What becomes of a state file that cannot be used: ours makes room for a new one, any other stays."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter import logs, state_file
from exporter.inventory.snapshot import Snapshot
from exporter.state_file import SavedCollection, StateFile
from exporter.telemetry import Telemetry

Lines = list[dict[str, Any]]
EMPTY = {"carriers": SavedCollection(Snapshot(), b"sixteen bytes...", "ses 1", 1.0, 1.0)}
BEGINS = gzip.compress(b"")[:3] + b"\x08" + bytes(6) + b"ses-inventory-exporter state 2\0"
"""How a state file begins: a gzip header with a file name."""
OURS = {
    "version": b"ses-inventory-exporter state 1\nwhatever it contains",
    "truncated": BEGINS,
    "checksum": b"%bwhatever it contains" % BEGINS,
}
OTHERS = {
    "a key": b"-----BEGIN PRIVATE KEY-----\nMIIE",
    "a database": b"SQLite format 3\0",
    "the settings": b"apis: {tmf638: {url: https://inventory.example.net}}\n",
}


@pytest.fixture(autouse=True)
def lines() -> Iterator[Lines]:
    """What is logged at info and above, whatever another test asked for."""
    logs.configure("info", "json")
    with capture_logs() as said:
        yield said  # type: ignore[misc]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state"


def opened(file: Path) -> StateFile:
    return StateFile(file, Telemetry())


def told(lines: Lines) -> list[tuple[str, str]]:
    """Event and reason of all lines so far."""
    return [(line["event"], line.get("reason", "")) for line in lines]


async def test_what_was_written_is_loaded_and_nothing_is_said(file: Path, lines: Lines) -> None:
    assert await opened(file).load() == {}
    await opened(file).write(EMPTY)
    assert await opened(file).load() == EMPTY
    assert not lines


@pytest.mark.parametrize("reason", OURS)
async def test_a_file_of_ours_that_cannot_be_used_is_set_aside_and_written_anew(
    file: Path, lines: Lines, reason: str
) -> None:
    file.write_bytes(OURS[reason])
    assert await opened(file).load() == {}
    aside = file.with_name("state.unusable")
    assert told(lines) == [("state file unusable", reason), ("state file set aside", "")]
    assert lines[0]["hint"] and lines[0]["hint"] not in lines[0]["error"]
    assert lines[1]["file"] == str(aside)
    assert aside.read_bytes() == OURS[reason]
    await opened(file).write(EMPTY)
    assert await opened(file).load() == EMPTY


@pytest.mark.parametrize("what", OTHERS)
async def test_a_file_that_is_not_ours_is_neither_renamed_nor_overwritten(
    file: Path, lines: Lines, what: str
) -> None:
    file.write_bytes(OTHERS[what])
    before = file.stat()
    keeper = opened(file)
    assert await keeper.load() == {}
    await keeper.write(EMPTY)
    await keeper.write(EMPTY)
    assert told(lines) == [
        ("state file unusable", "foreign"),
        ("state file left alone", ""),
        ("state not written", "foreign"),
    ]
    unusable, alone, unwritten = lines
    assert alone["file"] == str(file)
    for line in (unusable, unwritten):
        assert str(file) in line["error"] and "set state_file to" in line["hint"]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert file.read_bytes() == OTHERS[what]
    assert [one.name for one in file.parent.iterdir()] == ["state"]


async def test_a_state_of_another_user_makes_room_and_a_strangers_file_does_not(
    file: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a volume's files are from before the user was changed."""
    monkeypatch.setattr(os, "geteuid", lambda: file.parent.stat().st_uid + 1)
    for content, what in ((BEGINS, "state file set aside"), (OTHERS["a key"], "state file left alone")):
        lines.clear()
        file.write_bytes(content)
        assert await opened(file).load() == {}
        assert [line["event"] for line in lines] == ["state file unusable", what]
        assert lines[0]["reason"] == "foreign" and "belongs to user" in lines[0]["error"]
    assert file.read_bytes() == OTHERS["a key"]


async def test_a_file_that_nobody_can_look_into_is_left_alone(
    file: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_bytes(BEGINS)
    open_ = os.open

    def refused(path: Any, *rest: Any, **named: Any) -> int:
        if str(path) == str(file):
            raise PermissionError(13, "Permission denied")
        return open_(path, *rest, **named)

    monkeypatch.setattr(os, "open", refused)
    assert await opened(file).load() == {}
    await opened(file).write(EMPTY)
    monkeypatch.undo()
    assert [event for event, _ in told(lines)] == [
        "state file unusable",
        "state file left alone",
        "state not written",
    ]
    assert all("Permission denied" in line["error"] and line["hint"] for line in lines)
    assert file.read_bytes() == BEGINS


async def test_a_file_of_ours_that_makes_no_sense_is_set_aside(file: Path, lines: Lines) -> None:
    empty = b"\x03\0%b" % bytes(8)  # deflated, with its checksum and its size
    file.write_bytes(b"%b%b" % (BEGINS, empty))
    assert await opened(file).load() == {}
    assert told(lines) == [("state file unusable", "unreadable"), ("state file set aside", "")]
    assert lines[0]["hint"]


async def test_f64_the_last_write_does_not_hold_a_stop_up(
    file: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.state_file._LAST_WRITE", 0.05)
    with state_file._WRITE_LOCK:  # as while another write is under way
        await opened(file).close(EMPTY)
    assert told(lines) == [("state not written", "slow")]
    await opened(file).close(EMPTY)
    assert await opened(file).load() == EMPTY
