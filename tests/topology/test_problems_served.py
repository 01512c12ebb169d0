"""Problems, what they affect and what rests on them, as a scrape shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exporter import app
from tests import scripted

UP, DOWN = "Operational", "Non-Operational"
ACME = [{"id": "P1", "name": "ACME", "role": "customer"}]


def lists(satellite: str = UP, carrier: str = UP) -> dict[str, dict[str, scripted.Json]]:
    """Two services over one carrier over one satellite."""
    on_satellite = [{"id": "R0000", "name": "SAT 1", "@type": "Satellite"}]
    on_carrier = [{"id": "C0000", "name": "a carrier"}]
    service = {"name": "a service", "serviceType": "VSAT", "relatedParty": ACME, "place": [{"name": "Oslo"}]}
    return {
        "services": {f"S000{number}": {**service, "supportingService": on_carrier} for number in (0, 1)},
        "carriers": {"C0000": {"name": "a carrier", "status": carrier, "supportingResource": on_satellite}},
        "resources": {"R0000": {"name": "SAT 1", "@type": "Satellite", "status": satellite}},
    }


def found(house: app.Runtime, family: str, /, **wanted: str) -> list[dict[str, Any]]:
    """The series of a family that have these labels; the value is among the labels."""
    every = scripted.series(scripted.scrape(house).decode())
    series = [
        {**dict(labels), "value": value}
        for (name, labels), value in every.items()
        if name == f"ses_inventory_{family}" and wanted.items() <= dict(labels).items()
    ]
    return sorted(series, key=lambda one: sorted((name, str(value)) for name, value in one.items()))


def since(house: app.Runtime, kind: str, ident: str) -> float:
    (series,) = found(house, f"{kind}_status_since_timestamp_seconds", **{f"{kind}_id": ident})
    value: float = series["value"]
    return value


def problem_families(house: app.Runtime) -> Mapping[str, int]:
    """The families of problems that have series, and how many."""
    text = scripted.texts(house)[0]
    names = (line.split("{")[0] for line in text.splitlines() if not line.startswith("#"))
    counted: dict[str, int] = {}
    for name in names:
        if "problem_since" in name or "affected_since" in name or name.endswith("_dependents"):
            short = name.removeprefix("ses_inventory_").removesuffix("_timestamp_seconds")
            counted[short] = counted.get(short, 0) + 1
    return counted


async def test_an_outage_of_a_satellite_is_one_problem_that_affects_services_until_it_is_over() -> None:
    async with (
        scripted.served(scripted.Inventory(lists())) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        assert problem_families(house) == {}
        await scripted.step(inventory, house, "full", [("resources", 0, 1, {"status": DOWN})])
        began = since(house, "resource", "R0000")
        assert found(house, "resource_problem_since_timestamp_seconds") == [
            {
                **{"resource_id": "R0000", "name": "SAT 1", "condition": "down", "status": DOWN},
                **{"resource_type": "Satellite", "party": "", "place": "", "value": began},
            }
        ]
        assert found(house, "service_affected_since_timestamp_seconds", service_id="S0001") == [
            {
                **{"service_id": "S0001", "name": "a service", "service_type": "VSAT", "party": "ACME"},
                **{"place": "Oslo", "cause_kind": "resource", "cause_id": "R0000", "cause": "SAT 1"},
                **{"cause_condition": "down", "satellite": "SAT 1", "gateway": "", "value": began},
            }
        ]
        dependents = found(house, "resource_dependents", resource_id="R0000", name="SAT 1")
        assert {one["dependent_kind"]: one["value"] for one in dependents} == {
            "service": 2,
            "carrier": 1,
            "party": 1,
        }
        served = scripted.texts(house)
        async with scripted.from_nothing(house) as other:
            assert scripted.texts(other) == served
        await scripted.step(inventory, house, "full", [("resources", 0, 1, {"status": UP})])
        assert problem_families(house) == {}


async def test_a_carrier_that_is_down_for_a_satellite_is_a_problem_but_no_cause() -> None:
    async with (
        scripted.served(scripted.Inventory(lists(satellite="In Maintenance", carrier=DOWN))) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        assert problem_families(house) == {
            "carrier_problem_since": 1,
            "resource_problem_since": 1,
            "service_affected_since": 2,
            "carrier_dependents": 3,
            "resource_dependents": 3,
        }
        (carrier,) = found(house, "carrier_problem_since_timestamp_seconds")
        assert (carrier["condition"], carrier["satellite"]) == ("down", "SAT 1")
        causes = found(house, "service_affected_since_timestamp_seconds")
        assert {(one["cause_id"], one["cause_condition"]) for one in causes} == {("R0000", "maintenance")}


async def test_a_reference_leads_nowhere_until_the_record_appears() -> None:
    late = lists(satellite=DOWN)
    satellites = late.pop("resources")
    async with (
        scripted.served(scripted.Inventory(late)) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        assert problem_families(house) == {}
        inventory.lists["resources"].update(satellites)
        await scripted.refresh(house)
        assert problem_families(house)["service_affected_since"] == 2


async def test_relationships_go_the_way_that_the_dialect_says() -> None:
    def resource(status: str, word: str, other: str) -> scripted.Json:
        related = [{"relationshipType": word, "resource": {"id": other}}]
        return {"status": status, "@type": "Modem", "resourceRelationship": related}

    fleet = {
        "services": {"S0000": {"supportingResource": [{"id": "R0000"}]}},
        "resources": {
            "R0000": resource(UP, "Depends_On", "R0001"),
            "R0001": {"status": UP, "@type": "Rack"},
            "R0002": resource(DOWN, "contains", "R0001"),
            "R0003": resource(DOWN, "pairedWith", "R0001"),
        },
    }
    async with (
        scripted.served(scripted.Inventory(fleet)) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        causes = found(house, "service_affected_since_timestamp_seconds")
        assert [one["cause_id"] for one in causes] == ["R0002"]
    collections = {"services": {}, "resources": {"relationships": {"pairedWith": "supports"}}}
    async with (
        scripted.served(scripted.Inventory(fleet)) as inventory,
        scripted.exporting(inventory, collections=collections) as house,
    ):
        await scripted.refresh(house)
        causes = found(house, "service_affected_since_timestamp_seconds")
        assert [one["cause_id"] for one in causes] == ["R0002", "R0003"], (
            "the configuration gives a direction"
        )


async def test_the_worst_problems_are_served_where_there_is_a_limit_of_series() -> None:
    statuses = {"C0000": "In Maintenance", "C0001": DOWN, "C0002": "Degraded"}
    carriers = {"carriers": {ident: {"status": status} for ident, status in statuses.items()}}
    async with (
        scripted.served(scripted.Inventory(carriers)) as inventory,
        scripted.exporting(inventory, limits={"series_per_family": 2}) as house,
    ):
        await scripted.refresh(house)
        name = "ses_inventory_carrier_problem_since_timestamp_seconds"
        served = found(house, "carrier_problem_since_timestamp_seconds")
        assert {one["carrier_id"] for one in served} == {"C0001", "C0002"}
        dropped = found(house, "exporter_series_dropped", family=name)
        assert [one["value"] for one in dropped] == [1]


async def test_counts_of_dependents_that_would_take_too_long_are_dropped_rather_than_wrong() -> None:
    length = 2_100  # problems that rest on each other in a row: 2.2 million pairs
    chain = {
        f"R{number:04}": {
            "status": DOWN,
            "@type": "Modem",
            "resourceRelationship": [
                {"relationshipType": "dependsOn", "resource": {"id": f"R{number - 1:04}"}}
            ],
        }
        for number in range(length)
    }
    top = {"services": {"S0000": {"supportingResource": [{"id": f"R{length - 1:04}"}]}}, "resources": chain}
    async with (
        scripted.served(scripted.Inventory(top)) as inventory,
        scripted.exporting(inventory) as house,
    ):
        await scripted.refresh(house)
        counted = found(house, "resource_dependents")
        assert {(one["dependent_kind"], one["value"]) for one in counted} == {
            ("service", 1),
            ("carrier", 0),
            ("party", 0),
        }
        dropped = found(house, "exporter_series_dropped", family="ses_inventory_resource_dependents")
        assert dropped[0]["value"] + len(counted) == 3 * length


async def test_the_families_of_a_collection_need_its_snapshot_and_are_chosen_with_it() -> None:
    async with (
        scripted.served(scripted.Inventory(lists(satellite=DOWN, carrier=DOWN))) as inventory,
        scripted.exporting(inventory) as house,
    ):
        services, carriers, resources = house.pollers
        await services.refresh()
        await carriers.refresh()
        causes = found(house, "service_affected_since_timestamp_seconds")
        assert {one["cause_id"] for one in causes} == {"C0000"}, "nothing is known of the resources"
        assert "resource_dependents" not in problem_families(house)
        await resources.refresh()
        causes = found(house, "service_affected_since_timestamp_seconds")
        assert {one["cause_id"] for one in causes} == {"R0000"}
        _, pieces = house.store.scrape("text", "identity", ("resources",))
        text = scripted.inventory_of(b"".join(pieces).decode())
        assert "resource_problem_since" in text
        assert "service_affected_since" not in text
