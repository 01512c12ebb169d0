"""`python -m bench.page_server FOLDER PORT TOTAL`: the pages of an inventory, where there is no nginx.

Slower than nginx, so that speeds measured over it say nothing of the exporter; processor time and memory of
the exporter are the same.
"""

from __future__ import annotations

import sys
import urllib.parse
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Answers GET /tmf638/service?page=N with N.json of the folder, and with an empty list after the last."""

    protocol_version = "HTTP/1.1"

    def __init__(self, folder: Path, total: int, *arguments: Any) -> None:
        self._folder, self._total = folder, total
        super().__init__(*arguments)

    def do_GET(self) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        file = self._folder / f"{int(query.get('page', ['1'])[0])}.json"
        body = file.read_bytes() if file.exists() else b"[]"
        self.send_response(200)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", len(body)),
            ("X-Total-Count", self._total),
        ):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: each page would be a line."""


def main() -> int:
    folder, port, total = sys.argv[1:]
    ThreadingHTTPServer(("127.0.0.1", int(port)), partial(Handler, Path(folder), int(total))).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
