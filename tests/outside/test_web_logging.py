"""Standard error that nobody reads: the exporter answers, stops, and loses only lines, which it counts."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter import logs
from exporter.telemetry import Telemetry
from tests.end_to_end import running

DROPPED = "ses_inventory_exporter_log_lines_dropped_total"


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe as (read end, write end), as small as it gets."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def fill(writing: int) -> None:
    """Writes until a write would wait."""
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b".")
    except BlockingIOError:
        os.set_blocking(writing, True)


async def served(file: Path, stderr: int, *flags: str) -> tuple[asyncio.subprocess.Process, str]:
    """An exporter with this standard error, once it answers; its URL."""
    port = running.free_port()
    process = await asyncio.create_subprocess_exec(
        *(running.COMMAND, "serve", "--config.file", str(file)),
        *("--web.listen-address", f"127.0.0.1:{port}", *flags),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=stderr,
    )
    return process, f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("level", ["info", "debug"])
async def test_o04_a_standard_error_that_nobody_reads_stops_nothing(tmp_path: Path, level: str) -> None:
    with pipe() as (_, writing):
        fill(writing)
        async with running.simulated(tmp_path, "--carriers", "50") as file:
            process, url = await served(file, writing, "--log.level", level)
            try:
                await running.until(lambda: running.get(f"{url}/-/ready"))
                assert "running" in await asyncio.to_thread(running.get, f"{url}/-/healthy")
                text = await asyncio.to_thread(running.get, f"{url}/metrics")
                assert running.samples(text, "ses_inventory_carrier_info")
                assert f"\n{DROPPED} 0.0\n" in text
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 10) == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()


async def test_a02_sigterm_ends_it_though_its_log_is_not_read_any_more(tmp_path: Path) -> None:
    with pipe() as (reading, writing):
        async with running.simulated(tmp_path, "--carriers", "5") as file:
            process, url = await served(file, writing)
            assert b"listening" in await asyncio.to_thread(os.read, reading, 65_536)
            await running.until(lambda: running.get(f"{url}/-/ready"))
            fill(writing)
            process.terminate()
            try:
                assert await asyncio.wait_for(process.wait(), 10) == 0
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()


async def test_what_was_logged_before_the_end_is_read_when_standard_error_is_read(tmp_path: Path) -> None:
    with pipe() as (reading, writing):
        async with running.simulated(tmp_path, "--carriers", "5") as file:
            process, url = await served(file, writing)
            read = asyncio.create_task(asyncio.to_thread(_all, reading))
            await running.until(lambda: running.get(f"{url}/-/ready"))
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0
            os.write(writing, b"\0")
            events = re.findall(r"event=(\"[^\"]*\"|\S+)", await read)
    assert events[0] == "listening"
    assert events[-1] == "stopping"


def _all(reading: int) -> str:
    _read(reading, read := bytearray())
    return read.decode()


def test_o04_lines_that_find_no_room_are_dropped_and_counted_and_the_others_keep_their_order() -> None:
    with pipe() as (reading, writing):
        fill(writing)
        telemetry = Telemetry()
        stderr = logs.Stderr(writing, pending=10_000)
        stderr.dropped = telemetry.log_lines_dropped
        for number in range(5_000):
            stderr.write(f"line {number}\n")
        assert not stderr.drain(0.0)
        reader = threading.Thread(target=_read, args=(reading, read := bytearray()))
        reader.start()
        assert stderr.drain(60.0)
        os.write(writing, b"\0")
        reader.join(60.0)
        numbers = [int(number) for number in re.findall(rb"line (\d+)\n", bytes(read))]
        lost = telemetry.registry.get_sample_value(DROPPED)
        assert numbers == sorted(numbers)
        assert numbers[0] == 0
        assert lost == 5_000 - len(numbers) > 0


def _read(reading: int, read: bytearray) -> None:
    while not read.endswith(b"\0"):
        read += os.read(reading, 65_536)


def test_o04_a_standard_error_that_is_closed_costs_lines_only() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    lost: list[int] = []
    stderr = logs.Stderr(writing)
    stderr.dropped = lost.append
    stderr.write("one\ntwo\nbegun")
    assert stderr.drain(60.0)
    assert sum(lost) == 3
    os.close(writing)


CRASH = """
import sys, warnings
from exporter import logs
logs.never_block()
logs.never_block()
logs.configure("info", "logfmt")
import structlog
for number in range(300):
    structlog.get_logger().info("before", number=number)
warnings.warn("in between")
print("written in ", "pieces", file=sys.stderr)
raise RuntimeError("the crash")
"""


def test_o04_a_crash_is_read_after_what_was_logged_before_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CRASH], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    numbers = [int(number) for number in re.findall(r"number=(\d+)", ended.stderr)]
    assert numbers == list(range(300))
    places = [ended.stderr.index(said) for said in ("number=299", "in between", "written in  pieces\n")]
    assert places == sorted(places)
    assert ended.stderr.endswith("RuntimeError: the crash\n")


def test_o04_a_crash_ends_the_process_though_nobody_reads_it() -> None:
    with pipe() as (_, writing):
        fill(writing)
        ended = subprocess.run([sys.executable, "-c", CRASH], stderr=writing, check=False, timeout=60)
    assert ended.returncode == 1


async def test_o04_without_a_standard_error_it_serves(tmp_path: Path) -> None:
    async with running.simulated(tmp_path, "--carriers", "5") as file:
        port = running.free_port()
        command = (
            f"exec {running.COMMAND} serve --config.file {file} --web.listen-address 127.0.0.1:{port} 2>&-"
        )
        process = await asyncio.create_subprocess_exec("sh", "-c", command)
        try:
            await running.until(lambda: running.get(f"http://127.0.0.1:{port}/-/ready"))
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 10) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
