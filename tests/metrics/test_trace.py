"""Which metrics show a part of a record."""

import pytest

from exporter.check import record
from exporter.exposition import families
from exporter.inventory.condition import Condition
from exporter.inventory.dialects import Fields
from exporter.inventory.record import Link, Record

CARRIER = Record(
    id="C1",
    name="A carrier",
    category="RFS",
    place="Perth",
    gateway="Perth",
    status="Up",
    condition=Condition.OPERATIONAL,
    states=(("usage", "busy"), ("alarm", "minor"), ("alarm", "major")),
    places=(Link("P1", "Perth"),),
    services=(Link("B1", "A segment"), Link("B2", "Another")),
    characteristics=(("uplinkAlias", "UL"),),
    numbers=(("power_watts", 3.0), ("other", 1.0)),
    updated=1.0,
)
NUMBERS = {"power": ("power_watts", 1.0)}


@pytest.mark.parametrize(
    ("field", "metrics"),
    [
        ("id", ("info{carrier_id}",)),
        ("name", ("info{name}",)),
        ("gateway", ("info{gateway}", "gateway_carriers")),
        ("status", ("status{status}", "operational", "gateway_carriers")),
        ("state usage", ('state{dimension="usage"}',)),
        ("state alarm", ('state{dimension="alarm"}',)),
        ("state lifecycle", ()),
        ("updated", ("last_update_timestamp_seconds",)),
        ("created", ()),
        ("places", ("place_info",)),
        ("services", ("service_info",)),
        ("characteristics", ("characteristic_info", "power_watts")),
        ("category", ()),
        ("place", ()),
        ("entity_type", ()),
    ],
)
def test_a_part_is_shown_by_the_families_that_read_it(field: str, metrics: tuple[str, ...]) -> None:
    found = record.metrics_of(CARRIER, field, families.of("carriers", NUMBERS))
    names = (name if name.endswith("_carriers") else f"carrier_{name}" for name in metrics)
    assert found == tuple(f"ses_inventory_{name}" for name in names)


def test_a_service_shows_what_supports_it_as_a_relationship() -> None:
    found = record.metrics_of(CARRIER, "services", families.of("services"))
    assert found == ("ses_inventory_service_relationship_info",)


def test_every_field_of_a_dialect_can_be_asked_for() -> None:
    for field in Fields.__struct_fields__:
        record.metrics_of(CARRIER, field, families.of("resources"))
