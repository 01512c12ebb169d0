"""Standard error that nobody reads, secrets on a mount that hangs, and 300 silent connections, at once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path

from tests.end_to_end import running
from tests.outside.test_hanging_files import configured, hang
from tests.outside.test_web_connections import connect, limited
from tests.outside.test_web_logging import fill, pipe


async def test_metrics_and_sigterm_go_on(tmp_path: Path) -> None:
    """With `-s` it prints how long an answer and the stop took: below 1 s and 10 s on a quiet machine."""
    async with running.simulated(tmp_path, "--carriers", "50") as simulated:
        file, port = configured(tmp_path, simulated), running.free_port()
        hang(tmp_path / "password")
        command = f"{limited(256, 256)}{running.COMMAND} serve --config.file {file}"
        with pipe() as (_, writing):
            fill(writing)
            started = await asyncio.create_subprocess_exec(
                *("sh", "-c", f"{command} --web.listen-address 127.0.0.1:{port}"),
                stdout=asyncio.subprocess.DEVNULL,
                stderr=writing,
            )
            try:
                url = f"http://127.0.0.1:{port}/metrics"
                await running.until(lambda: running.samples(running.get(url), "ses_inventory_resources"))
                crowd = [await connect(port, "127.0.0.1") for _ in range(300)]
                for _ in range(5):
                    began = time.monotonic()
                    text = await asyncio.to_thread(running.get, url)
                    print(f"/metrics after {time.monotonic() - began:.3f} s")
                    assert running.samples(text, "ses_inventory_resources")
                began = time.monotonic()
                started.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(started.wait(), 10) == 0
                print(f"SIGTERM ended it after {time.monotonic() - began:.3f} s")
                for client in crowd:
                    client.leave()
            finally:
                with contextlib.suppress(ProcessLookupError):
                    started.kill()
                await started.wait()
