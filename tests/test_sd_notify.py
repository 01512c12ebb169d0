"""The service manager is notified over a real socket, by path and by abstract name."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from exporter.supervisor import Notifier, watchdog_interval


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5)
        yield listening


def test_words_arrive_as_one_message(manager: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": manager.getsockname()}).ready("listening")
    assert manager.recv(1000) == b"READY=1\nSTATUS=listening"


def test_an_abstract_socket_is_notified_too() -> None:
    name = f"ses-inventory-exporter-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(5)
        Notifier({"NOTIFY_SOCKET": f"@{name}"}).stopping()
        assert listening.recv(1000) == b"STOPPING=1"


def test_a_status_is_one_line_for_it_would_begin_another_word(manager: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": manager.getsockname()}).alive("3 collections\nREADY=1\t ok ")
    assert manager.recv(1000) == b"WATCHDOG=1\nSTATUS=3 collections READY=1 ok"


def test_reloading_says_when_it_began(manager: socket.socket) -> None:
    Notifier({"NOTIFY_SOCKET": manager.getsockname()}).reloading(12.5)
    assert manager.recv(1000) == b"RELOADING=1\nMONOTONIC_USEC=12500000"


def test_without_a_service_manager_nothing_is_done() -> None:
    with capture_logs() as lines:
        Notifier({}).ready()
        Notifier({"NOTIFY_SOCKET": ""}).ready()
    assert not lines


def test_a_service_manager_that_is_gone_is_logged_once_and_again_after_it_came_back(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    notifier = Notifier({"NOTIFY_SOCKET": str(address)})
    with capture_logs() as lines:
        notifier.alive()
        notifier.alive()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
            listening.bind(str(address))
            notifier.alive()
        notifier.alive()
    assert [line["event"] for line in lines] == ["service manager not notified"] * 2
    assert (lines[0]["error"], lines[1]["error"]) == ("No such file or directory", "Connection refused")


def test_a_service_manager_that_does_not_read_stops_nobody(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    with capture_logs() as lines:
        for _ in range(2000):  # far more than a queue of datagrams holds
            notifier.alive()
    assert [line["event"] for line in lines] == ["service manager not notified"]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_notified_twice_per_interval(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog_interval(environ) == seconds
