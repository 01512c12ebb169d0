"""Pages and buckets that go to other processes come back as if they had been read here, or not at all."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from exporter import errors
from exporter.exposition import families, render
from exporter.inventory import decode, dialects
from exporter.inventory.selection import Choice
from exporter.inventory.snapshot import Changes, Draft, Guard, Snapshot
from exporter.workshop import crowd, hand, job
from exporter.workshop.crowd import Workshop
from exporter.workshop.job import Order
from tests import crawling

KEY = b"sixteen bytes..."
MAPPING = dialects.DIALECTS["ses"].collections["carriers"]
ORDER = Order("carriers", MAPPING, ("symbolRate",), {"rolloff": ("rolloff", 0.01)}, Choice(), 1024)
ASKED = job.ordered(ORDER)
PAGE = b"""[
    {"externalId":"C1","name":"one \\"quoted\\"","status":"Operational","lastUpdate":"2026-01-01T00:00:00Z",
     "serviceCharacteristic":[{"name":"symbolRate","value":4000},{"name":"rolloff","value":"odd"}]},
    {"externalId":"C2","status":"Dreaming","relatedParty":[{"id":"P1","name":"Kestrel","role":"customer"}]},
    {"name":"nobody"}, 7
]"""


@pytest.fixture(autouse=True)
def _two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    monkeypatch.setattr(crowd, "MANY", 10)


def here(body: bytes = PAGE) -> decode.Batch[Any]:
    return decode.page(body, ORDER.reader(), {}, KEY)


def snapshot(page: bytes = PAGE) -> Snapshot:
    draft = Draft(Snapshot())
    draft.add(here(page), 1e9)
    return draft.commit_full("", Guard(), frozenset()).snapshot


def rendered(rendered: render.Rendered) -> render.Body:
    exposition = render.Exposition(families.of("carriers", ORDER.numbers), bucket=1)
    return exposition.update(snapshot(), Changes(), rendered)


def pids(workshop: Workshop) -> list[int]:
    return [one.pid for one in workshop._shift._hands]


def running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().split()[2] != "Z"


async def test_a_page_is_read_by_another_process_as_it_is_read_here() -> None:
    workshop = Workshop(2)
    async with workshop.open():
        batch = await workshop.read(ASKED, KEY, PAGE)
        assert pids(workshop)
        assert os.getpid() not in pids(workshop)
    assert batch == here()
    assert [one.record.name for one in here().fresh] == ['one "quoted"', ""]


async def test_buckets_are_rendered_by_other_processes_as_they_are_rendered_here() -> None:
    workshop = Workshop(2)
    asked: list[int] = []

    def elsewhere(buckets: Any) -> Any:
        asked.append(len(buckets))
        return workshop.rendered(ASKED, buckets)

    async with workshop.open():
        body = rendered(elsewhere)
        assert pids(workshop)
    assert asked == [2]
    assert body == rendered(render.nobody)


async def test_a_page_that_cannot_be_trusted_raises_what_it_raises_here() -> None:
    workshop = Workshop(2)
    async with workshop.open():
        for body in (b'{"error":"no"}', b"[", b"[" * 100_000):
            with pytest.raises(errors.Malformed) as known:
                here(body)
            with pytest.raises(errors.Malformed) as raised:
                await workshop.read(ASKED, KEY, body)
            assert (str(raised.value), raised.value.reason) == (str(known.value), known.value.reason)


async def test_processes_end_when_the_last_visitor_leaves_and_are_as_many_as_wanted() -> None:
    workshop = Workshop(2)
    async with workshop.open(), workshop.open():
        async with workshop.open():
            await workshop.read(ASKED, KEY, PAGE)
        found = pids(workshop)
        assert 1 <= len(found) <= 2
        assert all(map(running, found))
    assert not any(map(running, found))
    assert not workshop.helps(1_000_000)


async def test_a_process_that_was_killed_gives_nothing_says_so_once_and_the_next_crawl_has_new_ones() -> None:
    workshop = Workshop(1)
    with capture_logs() as logs:
        async with workshop.open():
            await workshop.read(ASKED, KEY, PAGE)
            os.kill(pids(workshop)[0], signal.SIGKILL)
            assert await workshop.read(ASKED, KEY, PAGE) is None
            assert await workshop.read(ASKED, KEY, PAGE) is None
            assert workshop.rendered(ASKED, [list(snapshot().records.values())]) is None
            assert not workshop.helps(1_000_000)
    assert [one["event"] for one in logs] == ["a process of the workshop failed"]
    async with workshop.open():
        assert await workshop.read(ASKED, KEY, PAGE) == here()


async def test_without_processes_to_start_nothing_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    workshop = Workshop(2)
    with capture_logs() as logs:
        async with workshop.open():
            assert await workshop.read(ASKED, KEY, PAGE) is None
    assert "FileNotFoundError" in logs[0]["error"]


async def test_where_no_thread_can_be_started_nothing_is_taken() -> None:
    workshop = Workshop(2)
    with capture_logs() as logs:
        async with workshop.open():
            workshop._shift.threads.shutdown()
            assert await workshop.read(ASKED, KEY, PAGE) is None
            assert workshop.rendered(ASKED, [list(snapshot().records.values())]) is None
    assert [one["event"] for one in logs] == ["a process of the workshop failed"]


async def test_f66_a_page_that_waits_for_a_workshop_that_closes_is_not_taken() -> None:
    workshop, freed = Workshop(1), threading.Event()
    async with workshop.open():
        workshop._shift.threads.submit(freed.wait, 30)  # its only thread has something else to do
        pages = asyncio.gather(*(workshop.read(ASKED, KEY, PAGE) for _ in range(3)), return_exceptions=True)
        pages.add_done_callback(lambda _: freed.set())
        await asyncio.sleep(0)
    assert await pages == [None, None, None]


async def test_whoever_is_cancelled_while_a_page_is_read_is_cancelled() -> None:
    workshop = Workshop(1)
    async with workshop.open():
        asked = asyncio.create_task(workshop.read(ASKED, KEY, PAGE))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked


@pytest.mark.parametrize(
    "answer", [b"", b"\xc1", msgspec.msgpack.encode(["Batch", 1]), msgspec.msgpack.encode(["Blocks", []])]
)
async def test_an_answer_to_no_question_of_ours_is_no_answer(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand.Hand, "ask", lambda self, question: answer)
    workshop = Workshop(1)
    async with workshop.open():
        assert await workshop.read(ASKED, KEY, PAGE) is None
    async with workshop.open():
        assert workshop.rendered(ASKED, [list(snapshot().records.values())]) is None
    with pytest.raises(ValueError, match="another question"):
        job.blocks(msgspec.msgpack.encode(["Wrong", "a", "b", "c"]))


@pytest.mark.parametrize(("processors", "most"), [({0}, 4), ({0, 1, 2}, 0)])
async def test_there_is_no_workshop_on_one_processor_or_where_it_is_not_wanted(
    processors: set[int], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: processors, raising=False)
    workshop = Workshop(most)
    async with workshop.open():
        assert not workshop.helps(1_000_000)
        assert await workshop.read(ASKED, KEY, PAGE) is None


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_processes_know_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SES_INVENTORY_APIS__TMF638__PASSWORD", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy.example.net")
    workshop = Workshop(1)
    async with workshop.open():
        await workshop.read(ASKED, KEY, PAGE)
        found = environment(pids(workshop)[0])
        assert b"PATH=" in found
        assert b"secret" not in found


def test_a_process_whose_other_side_is_gone_ends_by_itself() -> None:
    one = hand.Hand()
    assert one.ask(job.ask_to_read(ASKED, KEY, PAGE))
    one._socket.close()
    assert one._process.wait(10) == 0


def test_a_process_whose_answer_nobody_wants_any_more_ends_without_a_word(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hand, "_STOPPING", 30.0)
    many = b"[%s]" % b",".join(b'{"externalId":"C%d","name":"x"}' % number for number in range(12_000))
    one = hand.Hand()
    hand.send(one._socket, job.ask_to_read(ASKED, KEY, many))
    one.close()
    assert one._process.returncode == 0
    assert capfd.readouterr().err == ""


def test_a_process_that_is_started_while_the_workshop_closes_is_closed_too() -> None:
    shift = crowd._Shift(1)
    shift.close()
    one = shift._hand()
    assert one._process.wait(10) == 0


def test_a_frame_that_does_not_come_whole_is_none() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\x00\x00\x00\x09half")
        theirs.shutdown(socket.SHUT_WR)
        assert hand.receive(ours) is None


def test_a_process_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hand, "_STOPPING", 0.1)
    one = hand.Hand()
    assert one.ask(job.ask_to_read(ASKED, KEY, PAGE))
    os.kill(one.pid, signal.SIGSTOP)
    one.close()
    assert one._process.returncode == -signal.SIGKILL


def test_a_worker_forgets_orders_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "_MOST_CRAFTS", 2)
    worker = job.Worker()
    for length in range(100, 105):
        order = job.ordered(msgspec.structs.replace(ORDER, length=length))
        assert job.batch(worker.answer(job.ask_to_read(order, KEY, PAGE))) == here()
        assert len(worker._crafts) <= 2


@pytest.fixture
def _large(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("exporter.collections.crawl._SHARED_ABOVE", 100)
    yield


@pytest.mark.usefixtures("_large")
@pytest.mark.parametrize("killed", ["", "killed"])
async def test_a_first_crawl_is_the_same_with_processes_without_and_when_they_die(
    killed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    plain = hand.Hand.ask

    def ask(self: hand.Hand, question: bytes) -> bytes:
        asked.append(time.monotonic())
        if killed and len(asked) == 2:
            os.kill(self.pid, signal.SIGKILL)
        return plain(self, question)

    monkeypatch.setattr(hand.Hand, "ask", ask)
    changes = {"collections.carriers.page_size": 7, "limits.concurrency": 2}
    async with crawling.house(tmp_path, {**changes, "limits.processes": 2}) as (_, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        assert poller.state.complete
        assert len(asked) > 1
        before = len(asked)
        text = crawling.text(built)
        await poller.refresh()
        assert len(asked) == before, "nothing is new, so nothing is asked"
    async with crawling.house(tmp_path, {**changes, "limits.processes": 0}) as (_, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        alone = crawling.text(built)
    assert len(undated(alone)) > 500
    assert undated(alone) == undated(text)


def undated(text: str) -> list[str]:
    """The carriers' series; each simulator has times of its own."""
    return [line for line in text.splitlines() if "inventory_carrier" in line and "timestamp" not in line]
