"""`python -m bench.lines URL`: reads a scrape twice, gzip and identity, and believes nothing of either.

Streams, so that a scrape may be larger than memory: each line must be what the text format allows, each
family in one piece and typed before its samples, no series twice, gzip one member with a right checksum, and
both the same but for what the exporter says of itself. Prints one line of JSON, which holds `error` where
that is not so. Invariant: a scrape that Prometheus would refuse is never called good.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import urllib.parse
import zlib
from array import array
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np

STEP = 1 << 20
OWN = (b"ses_inventory_exporter_", b"process_", b"python_")
"""How families begin that differ between two scrapes."""

_LABEL = rb'[a-zA-Z_][a-zA-Z0-9_]*="[^"\\\n]*+(?:\\[\\"n][^"\\\n]*+)*+"'
_VALUE = rb"(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|NaN|[+-]Inf)"
_SAMPLE = re.compile(rb"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?:%s(?:,%s)*+,?)?\})? %s" % (_LABEL, _LABEL, _VALUE))
_COMMENT = re.compile(rb"# (?:HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\n]*")
_PARTS = (b"", b"_bucket", b"_sum", b"_count")


class Wrong(Exception):
    """A scrape is not what it should be; says what and in which line."""


class Reader:
    """Takes the lines of one scrape in order and counts them."""

    def __init__(self) -> None:
        self.samples = 0
        self.carriers = 0  # of them, those that are not the exporter's own
        self.families = 0
        self.bytes = 0
        self.digest = blake2b(digest_size=16)
        self._series = array("q")
        self._typed: set[bytes] = set()
        self._family = b""
        self._own = False
        self._line = 0

    def take(self, lines: bytes) -> None:
        """Whole lines. Raises `Wrong`, also where they are not UTF-8."""
        self.bytes += len(lines)
        try:
            lines.decode()
        except UnicodeDecodeError as error:
            raise Wrong(f"after line {self._line}: not UTF-8: {error}") from error
        shared = []
        for line in lines.split(b"\n")[:-1]:
            self._line += 1
            if line.startswith(b"#"):
                self._comment(line)
            else:
                self._sample(line)
            if not self._own:
                shared.append(b"%s\n" % line)
        self.digest.update(b"".join(shared))

    def _comment(self, line: bytes) -> None:
        found = _COMMENT.fullmatch(line)
        if found is None:
            raise self._wrong("no HELP and no TYPE", line)
        name = found[1]
        if name != self._family and name in self._typed:
            raise self._wrong("a family in two pieces", line)
        self._family, self._own = name, name.startswith(OWN)
        if line.startswith(b"# TYPE "):
            if name in self._typed:
                raise self._wrong("typed twice", line)
            self._typed.add(name)
            self.families += 1

    def _sample(self, line: bytes) -> None:
        found = _SAMPLE.fullmatch(line)
        if found is None:
            raise self._wrong("no sample", line)
        name = found[1]
        if name != self._family and not any(name == self._family + part for part in _PARTS):
            raise self._wrong(f"a sample among those of {self._family.decode()}", line)
        if self._family not in self._typed:
            raise self._wrong("a sample without a type", line)
        self.samples += 1
        self.carriers += not self._own
        self._series.append(hash(line[: line.rindex(b" ")]))

    def doubles(self) -> int:
        """How many series came more than once, by 64 bits of each."""
        held = np.frombuffer(self._series, dtype=np.int64) if self._series else np.zeros(0)
        ordered = np.sort(held)
        return int(np.count_nonzero(ordered[1:] == ordered[:-1]))

    def _wrong(self, what: str, line: bytes) -> Wrong:
        return Wrong(f"line {self._line}: {what}: {line[:200]!r}")


def pieces(url: str, encoding: str) -> Iterator[bytes]:
    """The text of one scrape as it comes. Raises `Wrong` where length, checksum or end are not right."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=600)
    try:
        connection.request("GET", parts.path, headers={"Accept-Encoding": encoding})
        answer = connection.getresponse()
        said = answer.getheader("Content-Encoding", "identity")
        if answer.status != 200 or said != encoding:
            raise Wrong(f"{url}: {answer.status} in {said}, {encoding} was asked for")
        inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding == "gzip" else None
        length = 0
        while piece := answer.read(STEP):
            length += len(piece)
            yield inflate.decompress(piece) if inflate else piece
        if length != int(answer.getheader("Content-Length", "-1")):
            raise Wrong(f"{url}: {length} bytes came, {answer.getheader('Content-Length')} were announced")
        if inflate and (not inflate.eof or inflate.unused_data):
            raise Wrong(f"{url}: not one gzip member")
    except zlib.error as error:
        raise Wrong(f"{url}: {error}") from error
    finally:
        connection.close()


def read(url: str, encoding: str) -> Reader:
    """One scrape, read to its end. Raises `Wrong` and OSError."""
    reader, rest = Reader(), b""
    for piece in pieces(url, encoding):
        lines, newline, rest = (b"%s%s" % (rest, piece)).rpartition(b"\n")
        reader.take(b"%s%s" % (lines, newline))
    if rest:
        raise Wrong(f"{url}: the last line does not end: {rest[:200]!r}")
    if doubles := reader.doubles():
        raise Wrong(f"{url}: {doubles} series came twice")
    return reader


def compared(url: str) -> dict[str, Any]:
    """Both scrapes, compared. Raises `Wrong` and OSError."""
    gzip, identity = read(url, "gzip"), read(url, "identity")
    if gzip.digest.digest() != identity.digest.digest():
        raise Wrong(f"{url}: gzip and identity differ")
    return {"samples": identity.samples, "carriers": identity.carriers, "bytes": identity.bytes}


def main() -> int:
    try:
        said = compared(sys.argv[1])
    except (Wrong, OSError) as error:
        said = {"error": str(error)}
    print(json.dumps(said))
    return 1 if "error" in said else 0


if __name__ == "__main__":
    sys.exit(main())
