"""Writes series with their history to a Prometheus, by its remote write receiver.

Requests are protobuf in Snappy's format; what they have in common, the samples of a value, is encoded once.
Nothing is compressed: both ends are on one machine.
"""

from __future__ import annotations

import itertools
import struct
import urllib.request
from collections.abc import Iterable
from functools import cache

from bench.rule_data import TARGET, Series

_BATCH = 2000
_DENSE = (
    "problem_since_timestamp_seconds",
    "affected_since_timestamp_seconds",
    "_carriers",
    "_defects",
    "_current",
)
_HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}


class RemoteWrite:
    """Writes to the Prometheus at `url` samples between two Unix times; `turn` is when a value changes.

    A sample every 30 seconds, of the families that only the rules of 0.1.0 read every two minutes: that saves
    most of the time and memory, and makes these rules a little cheaper than they are.
    """

    def __init__(self, url: str, between: tuple[int, int], turn: int) -> None:
        self._url = f"{url}/api/v1/write"
        self._samples = cache(self._encoded)
        self._between = between
        self._turn = turn

    def write(self, series: Iterable[Series]) -> int:
        """Writes all of them; how many there were."""
        number = 0
        for batch in _batched(series):
            body = b"".join(_field(1, self._series(one)) for one in batch)
            request = urllib.request.Request(self._url, data=_snappy(body), headers=_HEADERS, method="POST")
            with urllib.request.urlopen(request, timeout=600) as answer:
                answer.read()
            number += len(batch)
        return number

    def _series(self, one: Series) -> bytes:
        labels = sorted({"__name__": one.name, **TARGET, **one.labels}.items())
        encoded = b"".join(
            _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels if value
        )
        before = one.value if one.before is None else one.before
        return encoded + self._samples(one.value, before, 30 if one.name.endswith(_DENSE) else 120)

    def _encoded(self, value: float, before: float, step: int) -> bytes:
        first, last = self._between
        return b"".join(
            _field(
                2,
                b"\x09"
                + struct.pack("<d", before if at < self._turn else value)
                + b"\x10"
                + _varint(at * 1000),
            )
            for at in range(first, last, step)
        )


def _batched(series: Iterable[Series]) -> Iterable[tuple[Series, ...]]:
    """As `itertools.batched`, which Python 3.11 does not have."""
    left = iter(series)
    while batch := tuple(itertools.islice(left, _BATCH)):
        yield batch


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _field(number: int, content: bytes) -> bytes:
    """A field with a length of protobuf's wire format."""
    return bytes((number << 3 | 2,)) + _varint(len(content)) + content


def _snappy(content: bytes) -> bytes:
    """A block of Snappy's format that is one literal."""
    return _varint(len(content)) + b"\xfc" + struct.pack("<I", len(content) - 1) + content
