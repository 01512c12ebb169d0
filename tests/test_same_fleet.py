"""One fleet, spoken in every dialect, becomes the same records where the versions can express them."""

from pathlib import Path

import pytest

from exporter.inventory.condition import Condition
from exporter.inventory.record import Record
from exporter.simulator.dialect import DIALECTS
from tests import crawling

# what every version can say of a carrier, and of the others
CARRIER = ("id", "name", "description", "gateway", "terminal", "satellite", "transponder", "party")
OTHER = ("id", "name", "description")
# ServiceNow gives places and parties without a role, and specifications without a name
LESS = {"servicenow": ("id", "name")}
# TMF638 v5 has no word for maintenance: such a service is stopped
STOPPED = {Condition.MAINTENANCE: Condition.DOWN}


async def fleet(folder: Path, dialect: str) -> dict[str, dict[str, Record]]:
    async with crawling.house(folder, dialect=dialect) as (_, built):
        for poller in built.pollers:
            await poller.refresh()
            assert poller.status.complete, (dialect, poller.target.collection, poller.recorder.problem)
        return {
            poller.target.collection: {ident: held.record for ident, held in poller.snapshot.records.items()}
            for poller in built.pollers
        }


@pytest.mark.parametrize("dialect", [name for name in DIALECTS if name != "ses"])
async def test_the_same_fleet_is_the_same_records(tmp_path: Path, dialect: str) -> None:
    expected, found = await fleet(tmp_path, "ses"), await fleet(tmp_path, dialect)
    for collection, records in expected.items():
        fields = LESS.get(dialect, CARRIER if collection == "carriers" else OTHER)
        assert found[collection].keys() == records.keys()
        for ident, record in records.items():
            same = found[collection][ident]
            assert [getattr(same, name) for name in fields] == [getattr(record, name) for name in fields]
            if dialect in ("tmf-v5",) and collection != "resources":
                assert same.condition is STOPPED.get(record.condition, record.condition)
