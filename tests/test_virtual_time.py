"""The clock of the tests."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

from tests import virtual_time


def test_a_thread_that_hangs_since_another_test_does_not_stop_the_clock() -> None:
    end = threading.Event()
    threading.Thread(target=end.wait, args=(60,), name="files", daemon=True).start()
    try:
        virtual_time.run(asyncio.wait_for(asyncio.sleep(3600), 7200))
    finally:
        end.set()


def test_a_loop_that_ends_does_not_run_out_of_time_while_its_threads_end() -> None:
    class Slow(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            time.sleep(0.05)
            super().shutdown(wait, cancel_futures=cancel_futures)

    async def starts_a_thread() -> None:
        asyncio.get_running_loop().set_default_executor(Slow())
        await asyncio.to_thread(time.monotonic)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # newer Pythons warn after 300 s by the clock of the loop
        virtual_time.run(starts_a_thread())
