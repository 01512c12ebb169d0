"""Maintenance and degradation are conditions of their own, and neither is an outage."""

from __future__ import annotations

import pytest

from exporter.inventory.condition import Condition
from rules import carriers
from rules.rule import Alert
from tests import scripted

PROBLEM = "ses_inventory_carrier_problem_since_timestamp_seconds"


@pytest.mark.parametrize(
    ("status", "condition"),
    [
        ("In Maintenance", Condition.MAINTENANCE),
        ("Degraded", Condition.DEGRADED),
        ("Non-Operational", Condition.DOWN),
    ],
)
async def test_t16_a_problem_is_shown_with_its_condition(status: str, condition: Condition) -> None:
    (ident,) = scripted.idents("carriers", [1])
    inventory = scripted.Inventory({"carriers": {ident: {"name": "One", "status": status}}})
    async with scripted.served(inventory), scripted.exporting(inventory) as built:
        await scripted.refresh(built)
        found = scripted.series(scripted.scrape(built).decode())
    labels = [dict(labels) for name, labels in found if name == PROBLEM]
    assert [(one["carrier_id"], one["status"], one["condition"]) for one in labels] == [
        (ident, status, condition.value)
    ]


def test_t16_no_alert_looks_at_maintenance_and_degradation_does_not_page() -> None:
    alerts = {
        rule.name: rule for group in carriers.file().groups for rule in group.rules if isinstance(rule, Alert)
    }
    assert 'condition="down"' in alerts["InventoryCarrierNotOperational"].expr
    degraded = alerts["InventoryCarrierDegraded"]
    assert degraded.severity == "warning"
    assert 'condition="degraded"' in degraded.expr
    assert [name for name, alert in alerts.items() if "maintenance" in alert.expr] == []
