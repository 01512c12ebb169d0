"""Decides when a fault strikes: which requests, which records, how often.

Owns the chance and the counting; faults themselves come from `fault`. Records are chosen by a hash of their
code, so the same ones are odd on every walk; requests are chosen by a seeded draw each. Invariant: the same
seed and the same sequence of requests meet the same trouble.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from exporter.simulator import record_faults
from exporter.simulator.fault import RECORD_FAULTS, Fault
from exporter.simulator.listing import ListRequest
from exporter.simulator.record import FleetRecord


class FaultInjection:
    """The faults of one simulator, with what they remember."""

    def __init__(self, faults: Sequence[Fault], seed: int) -> None:
        self._seed = seed
        answers = [fault for fault in faults if fault.name not in RECORD_FAULTS]
        self._answers = [
            (fault, random.Random(f"{seed} {index} {fault.name}")) for index, fault in enumerate(answers)
        ]
        self._records = [fault for fault in faults if fault.name in RECORD_FAULTS]
        self._struck: Counter[object] = Counter()

    def strikes(self, ask: ListRequest) -> list[Fault]:
        """The faults that this request meets, in the order they were given. Asking twice counts twice."""
        return [fault for fault, draw in self._answers if self._meets(fault, draw, ask)]

    def repeats(self, record: FleetRecord) -> bool:
        """Whether lists give the record more than once."""
        return any(fault.name == "duplicates" for fault in self._on(record))

    def spoil(self, record: FleetRecord, shown: dict[str, Any]) -> dict[str, Any]:
        """The record as it is shown, with the faults that fall on it applied; changes `shown` in place."""
        for fault in self._on(record):
            if fault.name in record_faults.RECORD_FAULT_EFFECTS:
                record_faults.RECORD_FAULT_EFFECTS[fault.name](shown, record.number)
        return shown

    def _meets(self, fault: Fault, draw: random.Random, ask: ListRequest) -> bool:
        if fault.collection not in ("", ask.collection):
            return False
        if fault.pages and ask.page not in fault.pages:
            return False
        if fault.rows and not any(row in ask.rows for row in fault.rows):
            return False
        if draw.random() >= fault.share:
            return False
        if fault.times:
            place = (fault, ask)
            self._struck[place] += 1
            return self._struck[place] <= fault.times
        return True

    def _on(self, record: FleetRecord) -> list[Fault]:
        collection = f"{record.kind}s"
        return [
            fault
            for fault in self._records
            if fault.collection in ("", collection) and self._chance(fault.name, record) < fault.share
        ]

    def _chance(self, name: str, record: FleetRecord) -> float:
        """A number from 0 up to 1, always the same for a fault and a record."""
        text = f"{self._seed} {name} {record.code}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest()) / 2**48
