"""`python -m bench.decode [RECORDS]`: what reading one record costs, part by part, and what holding it costs.

Pages are the simulator's, made in this process. Times are processor time, the best of several rounds, each
with a reader that has read a few pages before, in microseconds a record. Memory is the sum of the sizes of
all objects in a snapshot, each counted once, as the allocator rounds them.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from exporter.inventory import decode, record_reader, snapshot
from exporter.inventory.dialects import vendors
from exporter.inventory.draft import Draft
from exporter.inventory.filters import Selection
from exporter.simulator import generator
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.fleet import Fleet
from exporter.simulator.listing import RecordEncoder

KEY = b"sixteen bytes..."
ROUNDS = 7
WARM = 4  # pages of a hundred, from all over the list
KINDS = {"services": "service", "carriers": "carrier", "resources": "resource"}
ROWS = [(name, collection) for name in ("ses", "tmf-v4", "tmf-v5") for collection in KINDS]
HEAD = ("bytes", "split", "digest", "objects", "page", "records/s", "held")


def grown(count: int) -> Fleet:
    return Fleet(generator.Sizes(services=count, carriers=count, resources=count), seed=1, now=1.7e9)


def pages(fleet: Fleet, name: str, collection: str) -> Iterator[bytes]:
    records = list(fleet.records(KINDS[collection]))
    for start in range(0, len(records), 100):
        yield RecordEncoder(DIALECTS[name].shape).array(records[start : start + 100])


def reader(name: str, collection: str) -> record_reader.Reader:
    mapping = vendors.DIALECTS[name].collections[collection]
    return record_reader.Reader(
        mapping,
        characteristics=mapping.characteristics,
        selection=Selection.of(exclude=mapping.exclude_types),
    )


def best(run: Callable[[record_reader.Reader], object], row: tuple[str, str], warm: Sequence[bytes]) -> float:
    times = []
    for _ in range(ROUNDS):
        using = reader(*row)
        for body in warm:
            decode.page(body, using, {}, KEY)
        began = time.thread_time()
        run(using)
        times.append(time.thread_time() - began)
    return min(times)


def figures(bodies: Sequence[bytes], row: tuple[str, str]) -> Iterator[float]:
    few = bodies[:: len(bodies) // WARM]
    raws = [raw for body in bodies for raw in decode.split(body)]
    yield sum(map(len, bodies)) / len(raws)
    for run, warm in (
        (lambda using: [decode.split(body) for body in bodies], few),
        (lambda using: [decode.digest(raw, KEY) for raw in raws], few),
        (lambda using: [decode._ANY.decode(raw) for raw in raws], few),
        (lambda using: [decode.page(body, using, {}, KEY) for body in bodies], few),
    ):
        each = best(run, row, warm) / len(raws) * 1e6
        yield each
    yield 1e6 / each


def weight(value: object, seen: set[int]) -> int:
    """Bytes of a value and all that it holds and that was not seen yet."""
    if id(value) in seen or value is None or isinstance(value, bool):
        return 0
    seen.add(id(value))
    if isinstance(value, msgspec.Struct):
        held: Iterable[object] = msgspec.structs.astuple(value)
    elif isinstance(value, dict):
        held = (*value.keys(), *value.values())
    else:
        held = value if isinstance(value, tuple) else ()
    return (sys.getsizeof(value) + 15) // 16 * 16 + sum(weight(one, seen) for one in held)


def held(bodies: Sequence[bytes], row: tuple[str, str]) -> float:
    """Bytes a record of a snapshot, the index of digests included."""
    draft, using = Draft(snapshot.Snapshot()), reader(*row)
    for body in bodies:
        draft.add(decode.page(body, using, {}, KEY), 1e9)
    found = draft.commit_full("", snapshot.ShrinkGuard(), frozenset()).snapshot
    seen: set[int] = set()
    return (weight(found.records, seen) + weight(found.digests, seen)) / len(found.records)


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 4_000
    fleet = grown(count)
    print(f"{'µs a record':<18}", *(f"{head:>9}" for head in HEAD))
    gc.disable()
    for row in ROWS:
        bodies = [*pages(fleet, *row)]
        times = [*figures(bodies, row), held(bodies, row)]
        print(f"{' '.join(row):<18}", *(f"{one:>9.1f}" for one in times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
