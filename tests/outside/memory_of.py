"""Run in a process of its own: `python -m tests.outside.memory_of MEBIBYTES`.

Inflates answers of so many mebibytes, one of each shape, from their gzip as the client does, reads them as a
crawl does, and prints as JSON what became of each and by how many mebibytes the process grew at most.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

from exporter import errors
from exporter.client.response import BodyReader
from exporter.inventory import decode, envelope
from tests.inventory import reading

PIECE = 65_536


def filled(start: bytes, unit: bytes, end: bytes, size: int) -> bytes:
    return b"%b%b%b" % (start, unit * (size // len(unit)), end)


def members(start: bytes, end: bytes, size: int) -> bytes:
    return b"%b%b%b" % (start, b"".join(b'"m%d":0,' % number for number in range(size // 14)), end)


SHAPES: dict[str, Callable[[int], bytes]] = {
    "numbers in a list": lambda size: filled(b"[[", b"0,", b"0]]", size),
    "numbers in a record": lambda size: filled(b'[{"id":"a","x":[', b"0,", b'0]},{"id":"b"}]', size),
    "fractions in a record": lambda size: filled(b'{"items":[{"id":"a","x":[', b"0.5,", b"0]}]}", size),
    "numbers": lambda size: filled(b"[", b"0,", b"0]", size),
    "numbers without end": lambda size: filled(b"[", b"0,", b'"', size),
    "numbers of an only record": lambda size: filled(b'{"id":"a","x":[', b"0,", b"0]}", size),
    "numbers beside a list": lambda size: filled(b'{"items":[{"id":"a"}],"next":[', b"0,", b"0]}", size),
    "numbers as an error": lambda size: filled(b'{"error":[', b"0,", b"0]}", size),
    "objects in a list": lambda size: filled(b"[[", b"{},", b"0]]", size),
    "lists in lists": lambda size: filled(b"[[[[[[", b"[[[]]],", b"0]]]]]]", size),
    "lists in a record": lambda size: filled(b'{"data":[{"id":"a","x":[', b"[[]],", b"0]}]}", size),
    "short texts": lambda size: filled(b"[", rb'"\",,,",', b'""]', size),
    "short records": lambda size: filled(b"[", b'{"id":"a"},', b'{"id":"b"}]', size),
    "blanks before": lambda size: filled(b'%b{"items":[' % (b" " * 100), b"0,", b"0]}", size),
    "members of an object": lambda size: members(b"{", b'"id":"a"}', size),
    "members of a record": lambda size: members(b"[{", b'"id":"a"}]', size),
    "members beside a list": lambda size: members(b'{"items":[],"meta":{', b'"id":"a"}}', size),
    "a long text": lambda size: filled(b'[{"id":"a","name":"', rb"\u0041", b'"}]', size),
}


def status(key: str) -> int:
    """A value of this process' status, in mebibytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) // 1024


def read(packed: bytes, cap: int) -> str:
    """What becomes of the answer."""
    taken = BodyReader("gzip", cap, "http://inventory.example/service")
    for start in range(0, len(packed), PIECE):
        taken.feed(packed[start : start + PIECE])
    body = taken.finish()
    failed = envelope.failure(body)
    if failed is not None:
        return failed.reason
    try:
        batch = decode.page(body, reading.reader("tmf-v4"), {}, b"sixteen bytes...")
    except errors.Malformed as error:
        return error.reason
    return " ".join([*(reject.reason for reject in batch.rejects), *(fresh.id for fresh in batch.fresh)])


def measured(shape: str, size: int) -> tuple[str, int]:
    """What became of an answer of this shape, and the growth in mebibytes."""
    packed = gzip.compress(SHAPES[shape](size), 1)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew (proc(5))
    before = status("VmRSS")
    became = read(packed, size + (1 << 20))
    return became, status("VmHWM") - before


def main(mebibytes: int) -> None:
    decode.page(b'[{"id":"a"}]', reading.reader("tmf-v4"), {}, b"sixteen bytes...")
    print(json.dumps({shape: measured(shape, mebibytes << 20) for shape in SHAPES}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
