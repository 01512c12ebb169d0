"""One process of the workshop, and the frames between it and us.

A frame is its length as four bytes, most significant first, and so many bytes. The process has a socket as
its standard input and ends when that does, so that none is left behind, however this process ends. Invariant:
it inherits no setting and no secret of ours.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Final

_LENGTH: Final = struct.Struct("!I")
_PATIENCE = 120.0  # seconds without a byte: a process that is stuck must not hold a crawl up for ever
_STOPPING = 2.0  # seconds until processes that do not end are killed, however many they are
_KILLED = 1.0  # seconds for which a killed process is waited: the kernel may keep it for as long as it likes
_BUFFER = 1 << 20  # bytes that the socket should take at once, so that neither side waits for the other
_KEPT = re.compile("PATH|HOME|LANG|TZ|LC_.*|LD_.*|PYTHON.*|COV.*")  # what Python itself may need


class Hand:
    """Starts a process at once; raises OSError where that cannot be done."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
            try:
                self._process = subprocess.Popen(
                    # -P: what is in the working directory is not ours
                    (sys.executable, "-P", "-m", "exporter.workshop"),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env={name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)},
                    start_new_session=True,  # a Ctrl-C at the terminal is for us alone
                )
            except OSError:
                ours.close()
                raise
        ours.settimeout(_PATIENCE)
        self._socket = ours

    @property
    def pid(self) -> int:
        """The id of the process."""
        pid: int = self._process.pid
        return pid

    def ask(self, question: bytes) -> bytearray:
        """The process' answer; raises OSError where it has gone or does not answer."""
        send(self._socket, question)
        answer = receive(self._socket)
        if answer is None:
            raise ConnectionError("it ended")
        return answer

    def close(self) -> None:
        """Ends the process; a question that is asked at this moment fails."""
        close((self,))

    def hang_up(self) -> None:
        """Lets the process end, when it has answered what it is at."""
        with contextlib.suppress(OSError):  # it may have gone by itself
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def end(self, deadline: float) -> None:
        """Waits for the process until then, in seconds of the monotonic clock, and kills it if need be."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_KILLED)


def close(hands: Sequence[Hand]) -> None:
    """Ends these processes, all within one deadline: a process that was stopped never ends by itself."""
    for hand in hands:
        hand.hang_up()
    deadline = time.monotonic() + _STOPPING
    for hand in hands:
        hand.end(deadline)


def send(connection: socket.socket, frame: bytes) -> None:
    """Sends a frame."""
    connection.sendall(_LENGTH.pack(len(frame)))
    connection.sendall(frame)


def receive(connection: socket.socket) -> bytearray | None:
    """The next frame; None where there is none because the other side has gone."""
    head = _exactly(connection, _LENGTH.size)
    return None if head is None else _exactly(connection, *_LENGTH.unpack(head))


def _exactly(connection: socket.socket, size: int) -> bytearray | None:
    content = bytearray(size)
    view, got = memoryview(content), 0
    while got < size:
        more = connection.recv_into(view[got:])
        if not more:
            return None
        got += more
    return content
