"""The process tells its service manager how it goes, over a real socket."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from exporter import app
from tests import crawling


async def test_the_service_manager_hears_of_start_life_reload_and_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        heard: list[str] = []

        async def until(word: str) -> None:
            while not any(word in said for said in heard):
                heard.append((await asyncio.to_thread(manager.recv, 4096)).decode())

        async with crawling.house(tmp_path) as (_, built):

            async def watch(house: app.Runtime, address: str) -> None:
                await asyncio.sleep(0)

            serving = asyncio.create_task(app.serve(built.config, watch))
            await until("READY=1\nSTATUS=Serving http://")
            await until("WATCHDOG=1\nSTATUS=")
            os.kill(os.getpid(), signal.SIGHUP)
            await until("RELOADING=1\nMONOTONIC_USEC=")
            heard.clear()
            await until("READY=1")
            os.kill(os.getpid(), signal.SIGTERM)
            await until("STOPPING=1")
            await serving
