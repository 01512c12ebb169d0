"""Tasks that die, and an event loop that is late."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from exporter import logs, supervisor
from exporter.telemetry import Telemetry


def restarts(telemetry: Telemetry, task: str) -> float | None:
    name = "ses_inventory_exporter_task_restarts_total"
    return telemetry.registry.get_sample_value(name, {"task": task})


async def test_a_task_that_dies_is_started_again_and_its_end_is_the_end() -> None:
    telemetry = Telemetry()
    lives = []

    async def work() -> None:
        lives.append(len(lives))
        if len(lives) < 3:
            raise RuntimeError("a bug")

    supervised = supervisor.Supervisor(telemetry, pause=0.001)
    await supervised.supervise("carriers", work)
    assert lives == [0, 1, 2]
    assert restarts(telemetry, "carriers") == 2
    assert supervised.failing() == []


async def test_a_task_that_keeps_dying_makes_the_process_unhealthy_until_it_lives() -> None:
    supervised = supervisor.Supervisor(Telemetry(), pause=0.0)
    cured = asyncio.Event()
    deaths = []

    async def work() -> None:
        if not cured.is_set():
            deaths.append(1)
            raise ValueError("again")

    kept = asyncio.create_task(supervised.supervise("carriers", work))
    while len(deaths) < 5:
        await asyncio.sleep(0)
    assert supervised.failing() == ["carriers"]
    cured.set()
    await kept
    assert supervised.failing() == []


async def test_the_pause_before_a_restart_doubles_up_to_a_minute() -> None:
    loop = asyncio.get_running_loop()
    began, starts = loop.time(), []

    async def work() -> None:
        starts.append(round(loop.time() - began))
        if len(starts) < 10:
            raise ValueError("again")

    await supervisor.Supervisor(Telemetry()).supervise("carriers", work)
    assert starts == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]


async def test_after_ten_minutes_earlier_failures_are_forgotten() -> None:
    loop = asyncio.get_running_loop()
    supervised = supervisor.Supervisor(Telemetry())
    ends, pauses = [loop.time()], []

    async def work() -> None:
        pauses.append(round(loop.time() - ends[-1]))
        assert supervised.failing() == []
        await asyncio.sleep(601)
        ends.append(loop.time())
        if len(ends) <= 10:
            raise ValueError("now and then")

    await supervised.supervise("carriers", work)
    assert pauses == [0, *[1] * 9]


async def test_a_cancelled_task_is_not_started_again() -> None:
    supervised = supervisor.Supervisor(Telemetry())
    kept = asyncio.create_task(supervised.supervise("carriers", asyncio.Event().wait))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    kept.cancel()
    with pytest.raises(asyncio.CancelledError):
        await kept


async def test_f66_a_stray_cancellation_is_a_death_like_others_while_nobody_cancelled_the_task() -> None:
    telemetry = Telemetry()
    lives = []

    async def work() -> None:
        lives.append(len(lives))
        if len(lives) < 3:  # what it waits for was cancelled, and not this task
            stray = asyncio.get_running_loop().create_future()
            stray.cancel()
            await stray

    supervised = supervisor.Supervisor(telemetry, pause=0.001)
    with capture_logs() as logs:
        await supervised.supervise("carriers", work)
    assert lives == [0, 1, 2]
    assert restarts(telemetry, "carriers") == 2
    assert [one["event"] for one in logs] == ["task died", "task died"]


async def test_f58_a_late_event_loop_is_measured_and_a_stuck_one_says_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", "logfmt")
    monkeypatch.setattr(supervisor, "_LAG_INTERVAL", 0.01)
    monkeypatch.setattr(supervisor, "_STUCK", 0.2)
    monkeypatch.setattr(supervisor, "_CHECK_INTERVAL", 0.02)
    telemetry = Telemetry()
    monitoring = asyncio.create_task(supervisor.Supervisor(telemetry).monitor_loop())
    await asyncio.sleep(1)
    said = block_until_logged(capsys)
    await asyncio.sleep(1)
    lag = telemetry.registry.get_sample_value("ses_inventory_exporter_event_loop_lag_seconds")
    assert lag is not None and lag > 0.1
    said += capsys.readouterr().err
    assert said.count("event loop stuck") == 1
    assert "block_until_logged" in said, "the line says where the loop was"
    monitoring.cancel()
    await asyncio.gather(monitoring, return_exceptions=True)


def block_until_logged(capsys: pytest.CaptureFixture[str]) -> str:
    """Blocks the event loop, really, until that is in the log; returns the log."""
    said = ""
    while "event loop stuck" not in said:
        time.sleep(0.01)
        said += capsys.readouterr().err
    time.sleep(0.1)  # the line is logged once, however often the loop is looked at
    return said
