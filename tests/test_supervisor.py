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


async def test_a_task_that_lived_well_is_believed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_STABLE", 0.0)
    supervised = supervisor.Supervisor(Telemetry(), pause=0.0)
    lives = []

    async def work() -> None:
        lives.append(1)
        time.sleep(0.001)
        assert supervised.failing() == []
        if len(lives) < 10:
            raise ValueError("now and then")

    await supervised.supervise("carriers", work)
    assert len(lives) == 10


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
    monkeypatch.setattr(supervisor, "_STUCK", 0.1)
    monkeypatch.setattr(supervisor, "_CHECK_INTERVAL", 0.02)
    telemetry = Telemetry()
    monitoring = asyncio.create_task(supervisor.Supervisor(telemetry).monitor_loop())
    await asyncio.sleep(0.05)
    hold_everybody_up(0.3)
    await asyncio.sleep(0.05)
    lag = telemetry.registry.get_sample_value("ses_inventory_exporter_event_loop_lag_seconds")
    assert lag is not None and lag > 0.2
    said = capsys.readouterr().err
    assert said.count("event loop stuck") == 1
    assert "hold_everybody_up" in said, "the line says where the loop was"
    monitoring.cancel()
    await asyncio.gather(monitoring, return_exceptions=True)


def hold_everybody_up(seconds: float) -> None:
    time.sleep(seconds)
