"""A process of the workshop: answers questions from the socket at its standard input until that ends."""

from __future__ import annotations

import contextlib
import gc
import socket
import sys

from exporter.workshop import hand, job


def main() -> int:
    """Works until there is nothing to do any more."""
    gc.disable()  # nothing here refers to itself, and looking for that takes a tenth of the time
    worker = job.Worker()
    # who asked may have gone before the answer is there; then nobody wants it, and nobody a traceback
    with socket.socket(fileno=sys.stdin.fileno()) as connection, contextlib.suppress(OSError):
        while (question := hand.receive(connection)) is not None:
            hand.send(connection, worker.answer(question))
    return 0


if __name__ == "__main__":
    sys.exit(main())
