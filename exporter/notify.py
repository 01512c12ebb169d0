"""Tells the service manager how it goes: systemd's notify protocol, sd_notify(3), over a datagram socket.

Owns the words and the sending. When something is worth telling is the caller's business. Invariants:
without NOTIFY_SOCKET nothing is done, so that nobody has to ask where the exporter runs; telling never waits
and never fails, for a service manager that does not listen must not stop a scrape.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger()

READY = "READY=1"
"""It has started, or has finished to reload."""

STOPPING = "STOPPING=1"
"""It is going to end."""

WATCHDOG = "WATCHDOG=1"
"""It is alive; to be told every `watchdog_interval`."""


def status(text: str) -> str:
    """What `systemctl status` shows as the state; one line, others are joined to it."""
    return f"STATUS={' '.join(text.split())}"


def reloading(now: float) -> str:
    """It loads its settings anew; READY ends that. `now` is the monotonic clock in seconds."""
    return f"RELOADING=1\nMONOTONIC_USEC={round(now * 1_000_000)}"


def watchdog_interval(environ: Mapping[str, str]) -> float | None:
    """Seconds between two WATCHDOG, half of what the unit's WatchdogSec allows; None where nobody watches.

    Nobody does without WATCHDOG_USEC, with one that is no positive number, or with the WATCHDOG_PID of
    another process (sd_watchdog_enabled(3)).
    """
    pid = environ.get("WATCHDOG_PID")
    if pid and pid != str(os.getpid()):
        return None
    written = environ.get("WATCHDOG_USEC", "")
    microseconds = int(written) if written.isascii() and written.isdigit() else 0
    return microseconds / 2_000_000 if microseconds else None


class Notifier:
    """One service manager, as the environment names it; without NOTIFY_SOCKET there is none."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._lost = ""

    def send(self, *words: str) -> None:
        """Sends some of this module's words as one message. A failure is logged once, and never raised."""
        if not self._address:
            return
        # a name that begins with @ is an abstract one, which the kernel knows by a leading zero
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.setblocking(False)  # noqa: FBT003 - the standard library's own signature
                channel.connect(address)
                channel.send("\n".join(words).encode())
        except OSError as error:
            self._tell_lost(error.strerror or str(error))
        else:
            self._lost = ""

    def _tell_lost(self, reason: str) -> None:
        if reason != self._lost:
            mend = "is the unit's NotifyAccess=main, and its socket reachable from the sandbox?"
            log.warning("service manager not told", socket=self._address, error=reason, mend=mend)
        self._lost = reason
