"""A house over a simulator on a real socket, for the tests of what joins the rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import yaml

from exporter import app, settings
from exporter.collections.poller import Poller
from exporter.exposition import topology_families
from exporter.simulator.server import Options, Simulator

SMALL = Options(listen_port=0, services=30, carriers=50, resources=60)


OF_TOPOLOGY = frozenset(family.name for family in topology_families.FAMILIES)


def configured(
    simulator: Simulator, folder: Path, changes: Mapping[str, object] | None = None
) -> settings.Settings:
    """The simulator's own settings with dotted keys set anew."""
    config = yaml.safe_load(simulator.configuration("127.0.0.1:0"))
    for dotted, value in (changes or {}).items():
        *path, last = dotted.split(".")
        place = config
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config))
    return settings.load(file, {})


@asynccontextmanager
async def house(
    folder: Path,
    changes: Mapping[str, object] | None = None,
    *,
    clock: Callable[[], float] | None = None,
    **options: object,
) -> AsyncIterator[tuple[Simulator, app.Runtime]]:
    """A simulator and an exporter over it, which has sent no request yet; `clock` is the exporter's."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(replace(SMALL, **options)))
        config = configured(simulator, folder, changes)
        yield simulator, await stack.enter_async_context(app.built(config, clock))


def trouble(simulator: Simulator, *faults: str) -> None:
    """From now on the simulator has these faults and no others."""
    simulator.inject(*faults)


def poller(built: app.Runtime, collection: str) -> Poller:
    return next(one for one in built.pollers if one.target.collection == collection)


def text(built: app.Runtime) -> str:
    return b"".join(built.store.scrape("text", "identity", ())[1]).decode()


def lines(built: app.Runtime, start: str) -> list[str]:
    return [line for line in text(built).splitlines() if line.startswith(start)]


def record_lines(exposition: str, kind: str) -> list[str]:
    """The samples of single records of a kind, without those of the topology, which few records have."""
    found = [line for line in exposition.splitlines() if line.startswith(f"ses_inventory_{kind}_")]
    return [line for line in found if line.partition("{")[0] not in OF_TOPOLOGY]
