"""The clock of the tests."""

from __future__ import annotations

import asyncio
import threading

from tests import virtual_time


def test_a_thread_that_hangs_since_another_test_does_not_stop_the_clock() -> None:
    end = threading.Event()
    threading.Thread(target=end.wait, args=(60,), name="files", daemon=True).start()
    try:
        virtual_time.run(asyncio.wait_for(asyncio.sleep(3600), 7200))
    finally:
        end.set()
