"""Notifies the service manager: systemd's protocol, sd_notify(3), over a datagram socket.

Without NOTIFY_SOCKET in the environment nothing is sent, so callers need not know where they run. Sending
neither waits nor raises: a service manager that does not listen must not stop a scrape.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger()

READY = "READY=1"
"""The start, or a reload, is finished."""

STOPPING = "STOPPING=1"
"""The process is shutting down."""

WATCHDOG = "WATCHDOG=1"
"""The process is alive; to be sent every `watchdog_interval`."""


def status(text: str) -> str:
    """The state that `systemctl status` shows; several lines are joined to one."""
    return f"STATUS={' '.join(text.split())}"


def reloading(now: float) -> str:
    """The configuration is being reloaded, until READY. `now` is the monotonic clock in seconds."""
    return f"RELOADING=1\nMONOTONIC_USEC={round(now * 1_000_000)}"


def watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Seconds between two WATCHDOG, half of the unit's WatchdogSec; None if there is no watchdog.

    There is none without WATCHDOG_USEC, if that is no positive number, or if WATCHDOG_PID is another process
    (sd_watchdog_enabled(3)).
    """
    pid = environ.get("WATCHDOG_PID")
    if pid and pid != str(os.getpid()):
        return None
    value = environ.get("WATCHDOG_USEC", "")
    microseconds = int(value) if value.isascii() and value.isdigit() else 0
    return microseconds / 2_000_000 if microseconds else None


class Notifier:
    """Sends to the service manager that the environment names; without NOTIFY_SOCKET to none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._failure = ""

    def send(self, *variables: str) -> None:
        """Sends some of this module's texts as one message. A failure is logged once and never raised."""
        if not self._address:
            return
        # a name that begins with @ is an abstract one, which the kernel knows by a leading zero
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)  # noqa: FBT003 - the standard library's own signature
                channel.connect(address)
                channel.send("\n".join(variables).encode())
        except OSError as error:
            self._log_failure(error.strerror or str(error))
        else:
            self._failure = ""

    def _log_failure(self, reason: str) -> None:
        if reason != self._failure:
            hint = "is the unit's NotifyAccess=main, and its socket reachable from the sandbox?"
            log.warning("service manager not notified", socket=self._address, error=reason, hint=hint)
        self._failure = reason
