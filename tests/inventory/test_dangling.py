"""References that lead nowhere are counted, where it can be known that they do."""

import msgspec

from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Changes, changes_references, dangling_references, stored

CARRIER = Record(
    id="c1",
    resources=(Link("r1"), Link("r2"), Link("")),
    services=(Link("s1"), Link("s2")),
    relations=(Link("c2"), Link("c9")),
)
OTHER = Record(id="c1", resources=(Link("r3"),))
HELD = {"services": {"s1"}, "carriers": {"c1", "c2"}, "resources": {"r1"}}


def test_references_to_records_that_are_not_held_are_counted() -> None:
    assert dangling_references("carriers", [CARRIER], HELD) == 3, "r2, s2 and c9"


def test_a_reference_may_lead_to_a_service_or_to_a_carrier() -> None:
    service = Record(id="s1", services=(Link("c2"),), relations=(Link("c1"), Link("s1")))
    assert dangling_references("services", [service], HELD) == 0


def test_a_resource_is_related_to_resources_only() -> None:
    resource = Record(id="r1", relations=(Link("s1"), Link("r1")))
    assert dangling_references("resources", [resource], HELD) == 1


def test_what_leads_to_a_collection_that_is_off_is_not_judged() -> None:
    assert dangling_references("carriers", [CARRIER], {"carriers": {"c1"}}) == 0
    assert dangling_references("carriers", [CARRIER], {"carriers": {"c1"}, "resources": set()}) == 2


def test_references_are_counted_again_when_records_come_or_go_or_refer_to_others() -> None:
    renamed = msgspec.structs.replace(CARRIER, name="new")
    carrier, other, same = (stored(record, 1, 0.0) for record in (CARRIER, OTHER, renamed))
    assert changes_references(Changes(added=(carrier,)))
    assert changes_references(Changes(removed=(carrier,)))
    assert changes_references(Changes(changed=((carrier, other),)))
    assert not changes_references(Changes(changed=((carrier, same),)))
    assert not changes_references(Changes())
