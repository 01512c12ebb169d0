"""`python -m bench.topology CARRIERS`: what the topology costs, of a whole fleet in memory.

Prints one line of JSON. It is a process of its own so that its memory is its own; nothing is crawled, so the
figures are those of the topology alone: CPU of an update with 1 % of the carriers changed, resident bytes a
record, and the seconds from a commit in which 5,000 carriers fail to its families, after those of carriers.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bench.worker import ROUNDS, resident
from exporter.collections.topology_updates import TopologyUpdates
from exporter.exposition import families, render
from exporter.inventory import record_reader
from exporter.inventory.condition import Condition
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.snapshot import Changes, Snapshot, StoredRecord, stored
from exporter.simulator import dialect as simulated
from exporter.simulator.fleet import Fleet
from exporter.simulator.generator import Sizes
from exporter.simulator.record import CARRIER, RESOURCE, SERVICE
from exporter.telemetry import Telemetry
from exporter.topology import Commit, references

OUTAGE = 5_000
LIMIT = 1_000_000


def snapshots(carriers: int) -> dict[str, Snapshot]:
    """The fleet as the exporter stores it."""
    fleet = Fleet(Sizes(carriers // 5, carriers, 3 * carriers // 10), 638, time.time())
    shape = simulated.DIALECTS["ses"].shape
    found = {}
    for collection, kind in (("services", SERVICE), ("carriers", CARRIER), ("resources", RESOURCE)):
        reader = record_reader.Reader(DIALECTS["ses"].collections[collection])
        read = (reader.read(json.loads(json.dumps(shape(one))), Counter()) for one in fleet.records(kind))
        kept = (one.record for one in read if one is not None and reader.selects(one))
        records = (stored(record, number, record.updated or 0.0) for number, record in enumerate(kept))
        found[collection] = Snapshot({one.id: one for one in records})
    return found


def failed(one: StoredRecord, condition: Condition) -> StoredRecord:
    """A record with another condition, since a second later."""
    record = msgspec.structs.replace(one.record, condition=condition, status=condition.capitalize())
    return stored(record, one.digest, one.since + 1, one.changes + 1)


def committed(
    before: Snapshot, changed: Sequence[StoredRecord], condition: Condition
) -> tuple[Snapshot, Commit]:
    """The carriers after some of them have another condition."""
    pairs = tuple((one, failed(one, condition)) for one in changed)
    changes = Changes(changed=pairs)
    return before.after(changes), Commit("carriers", before, changes)


async def measured(all_of_them: dict[str, Snapshot]) -> Mapping[str, Any]:
    records = sum(len(one.records) for one in all_of_them.values())
    updates = TopologyUpdates(Telemetry(), lambda: None)
    rules = {name: references.rules(one) for name, one in DIALECTS["ses"].collections.items()}
    updates.read_references(rules)
    gc.collect()
    before = resident()
    await updates.update(all_of_them, LIMIT)
    gc.collect()
    size = (resident() - before) / records
    exposition = render.Exposition(families.of("carriers"), limit=LIMIT)
    exposition.update(all_of_them["carriers"], None)
    spent, turns = [], itertools.cycle((Condition.DOWN, Condition.OPERATIONAL))
    for turn in range(ROUNDS):
        now = all_of_them["carriers"]
        some = list(now.records.values())[turn::100]
        after, commit = committed(now, some, next(turns))
        all_of_them = {**all_of_them, "carriers": after}
        exposition.update(after, commit.changes)
        cpu = time.process_time()
        await updates.update(all_of_them, LIMIT, commit)
        spent.append(time.process_time() - cpu)
    now = all_of_them["carriers"]
    after, commit = committed(now, list(now.records.values())[:OUTAGE], Condition.DOWN)
    own = time.perf_counter()
    exposition.update(after, commit.changes)
    began, cpu = time.perf_counter(), time.process_time()
    await updates.update({**all_of_them, "carriers": after}, LIMIT, commit)
    return {
        "topology_records": records,
        "topology_cpu": statistics.median(spent),
        "topology_bytes": size,
        "outage": time.perf_counter() - began,
        "outage_cpu": time.process_time() - cpu,
        "outage_carriers": began - own,
    }


def main() -> int:
    print(json.dumps(asyncio.run(measured(snapshots(int(sys.argv[1]))))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
