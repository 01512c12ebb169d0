"""An inventory that costs nothing to ask: pages of carriers as files, served by nginx or `page_server`.

The simulator is Python and would be what is measured. The records are its own, in the SES dialect; `change`
writes some pages anew with other statuses, as an inventory changes between two refreshes.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from bench import programs
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fleet import Fleet
from exporter.simulator.generator import Sizes
from tests.end_to_end import running

PAGE = 500
WORDS = ("Operational", "Non-Operational")


@dataclass
class Inventory:
    """`carriers` records in pages under `folder`; `bytes` of JSON in all."""

    folder: Path
    carriers: int
    port: int
    bytes: int = 0
    turn: int = 0
    pages: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the service inventory is."""
        return f"http://127.0.0.1:{self.port}/tmf638"

    def write(self) -> None:
        """Makes every record once and writes the pages."""
        fleet = Fleet(Sizes(0, self.carriers, 0), 638, time.time())
        shape = DIALECTS["ses"].shape
        rows: list[bytes] = []
        for record in fleet.records("carrier"):
            rows.append(json.dumps(shape(record), separators=(",", ":")).encode())
            if len(rows) == PAGE:
                self._put(rows)
                rows = []
        if rows:
            self._put(rows)
        (self.folder / "empty.json").write_bytes(b"[]")

    def _put(self, rows: list[bytes]) -> None:
        number = len(self.pages) + 1
        body = b"[%s]" % b",".join(rows)
        (self.folder / f"{number}.json").write_bytes(body)
        self.pages.append(number)
        self.bytes += len(body)

    def change(self, share: float) -> int:
        """Gives a share of the records, spread at random, another status; how many they are."""
        self.turn += 1
        chosen = random.Random(self.turn).sample(range(self.carriers), int(share * self.carriers))
        by_page: dict[int, list[int]] = {}
        for row in chosen:
            by_page.setdefault(row // PAGE + 1, []).append(row % PAGE)
        for number, places in by_page.items():
            file = self.folder / f"{number}.json"
            rows = json.loads(file.read_bytes())
            for place in places:
                old = rows[place]["status"]
                rows[place]["status"] = (
                    WORDS[(WORDS.index(old) + 1) % len(WORDS)] if old in WORDS else WORDS[0]
                )
            body = b"[%s]" % b",".join(json.dumps(row, separators=(",", ":")).encode() for row in rows)
            fresh = file.with_suffix(".new")
            fresh.write_bytes(body)
            fresh.replace(file)
        return len(chosen)

    def changed(self, share: float) -> None:
        """The same, by a process of its own: its work and its memory must not be measured."""
        command = (sys.executable, "-m", "bench.inventory", self.folder, self.carriers, self.turn, share)
        subprocess.run([str(word) for word in command], check=True)
        self.turn += 1

    def settings(self, file: Path, **further: object) -> Path:
        """A settings file that reads it; refreshes are asked for by hand. `further` are of the collection."""
        often = {"page_size": PAGE, "refresh_interval": "1d", "full_refresh_interval": "1d", "delta": {}}
        collection = {**often, **further}
        config = {
            "apis": {"tmf638": {"url": self.url, "dialect": "ses"}},
            "collections": {"carriers": collection},
            "limits": {"series_per_family": 10_000_000, "records": 5_000_000},
            "web": {"listen_address": "127.0.0.1:0"},
            "log": {"level": "warning"},
        }
        file.write_text(yaml.safe_dump(config))
        return file


NGINX = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
daemon off;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=512;
    root {folder};
    location = /tmf638/service {{
      add_header X-Total-Count {total} always;
      try_files /$arg_page.json /empty.json;
    }}
    location = /metrics {{
      default_type "text/plain; version=0.0.4; charset=utf-8";
      add_header Content-Encoding gzip;
      try_files /metrics.gz =404;
    }}
  }}
}}
"""


@asynccontextmanager
async def served(folder: Path, carriers: int) -> AsyncIterator[Inventory]:
    """The inventory, written and served until the end of the block."""
    inventory = Inventory(folder, carriers, running.free_port())
    await asyncio.to_thread(inventory.write)
    async with running.process(*_server(inventory)):
        await running.until(lambda: running.get(f"{inventory.url}/service?page=1"))
        yield inventory


def _server(inventory: Inventory) -> tuple[str, ...]:
    """The command of nginx, or of Python where there is none."""
    folder, port, total = str(inventory.folder), str(inventory.port), str(inventory.carriers)
    if programs.missing("nginx"):
        return (sys.executable, "-m", "bench.page_server", folder, port, total)
    inventory.folder.chmod(0o755)
    file = inventory.folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    file.write_text(f"{user}{NGINX.format(folder=folder, port=port, total=total)}")
    return ("nginx", "-c", str(file), "-p", folder)


def main() -> int:
    """Changes the inventory in a folder: `python -m bench.inventory FOLDER CARRIERS TURN SHARE`."""
    folder, carriers, turn, share = sys.argv[1:]
    Inventory(Path(folder), int(carriers), 0, turn=int(turn)).change(float(share))
    return 0


if __name__ == "__main__":
    sys.exit(main())
