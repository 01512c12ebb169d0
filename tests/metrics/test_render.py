from __future__ import annotations

from typing import Any

import pytest

from exporter.exposition import families, render
from exporter.exposition.families import Family
from exporter.inventory.record import Link, Record
from exporter.inventory.snapshot import Changes, Shown, Snapshot, stored
from tests.inventory import reading
from tests.metrics import rendering


def item(ident: str, status: str = "Operational", kind: str = "VSAT", **more: Any) -> dict[str, Any]:
    return {"externalId": ident, "status": status, "serviceType": kind, **more}


def counts(items: object, **how: Any) -> dict[tuple[str, str], float]:
    found = rendering.samples(rendering.both(rendering.body(items, **how))[0])
    return {
        (dict(labels)["status"], dict(labels)["service_type"]): value
        for (name, labels), value in found.items()
        if name == "ses_inventory_services"
    }


def held_as(*records: Record) -> Snapshot:
    """A snapshot of records that no decoder made."""
    return Snapshot({record.id: stored(record, number, 1.0) for number, record in enumerate(records)})


def from_nothing(held: Snapshot, collection: str = "services", **how: Any) -> render.Body:
    return render.Exposition(families.of(collection), **how).update(held, Changes())


def lines(body: render.Body, family: str) -> list[str]:
    name = f"ses_inventory_{family}{{"
    return [line for line in rendering.whole(body).splitlines() if line.startswith(name)]


def test_an_inventory_without_records_has_its_counts_at_zero_and_nothing_else() -> None:
    body = rendering.body([], statuses=("Up", "Down"))
    text = rendering.whole(body)
    assert text.splitlines()[2:] == [
        'ses_inventory_services{status="Down",service_type=""} 0',
        'ses_inventory_services{status="Up",service_type=""} 0',
    ]
    assert body.series["ses_inventory_services"] == 2
    assert body.series["ses_inventory_service_info"] == 0


def test_a_body_before_the_first_update_is_empty() -> None:
    assert rendering.whole(render.Body()) == rendering.whole(render.Body(), "openmetrics") == ""


def test_every_known_status_is_counted_for_every_type_from_the_start() -> None:
    found = counts([item("A"), item("B", kind="TV")], statuses=("Operational", "Down"))
    assert found == {
        ("Operational", "VSAT"): 1,
        ("Operational", "TV"): 1,
        ("Down", "VSAT"): 0,
        ("Down", "TV"): 0,
    }


def test_a_known_status_in_another_spelling_is_counted_once_as_the_inventory_spells_it() -> None:
    found = counts([item("A", "NON OPERATIONAL")], statuses=("Operational", "Non-Operational"))
    assert found == {("NON OPERATIONAL", "VSAT"): 1, ("Operational", "VSAT"): 0}


def test_a_status_and_a_type_that_disappear_stay_as_zero() -> None:
    before = rendering.snapshot([item("A", "Odd", "Rare"), item("B")])
    outcome = reading.full(before, [item("B")])
    exposition = rendering.exposition(statuses=())
    exposition.update(before, Changes())
    body = exposition.update(outcome.snapshot, outcome.changes)
    assert lines(body, "services") == [
        'ses_inventory_services{status="Odd",service_type="Rare"} 0',
        'ses_inventory_services{status="Operational",service_type="Rare"} 0',
        'ses_inventory_services{status="Odd",service_type="VSAT"} 0',
        'ses_inventory_services{status="Operational",service_type="VSAT"} 1',
    ]


def test_f56_where_words_are_too_many_only_those_that_records_have_or_had_are_counted_and_known_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    items = [item(str(number), f"word {number}", f"type {number % 2}") for number in range(4)]
    items.append(item("5", "UP", "type 0"))
    monkeypatch.setattr(render, "ZEROS", 4)
    known = {("UP", "type 0"): 1, ("UP", "type 1"): 0, ("Down", "type 0"): 0, ("Down", "type 1"): 0}
    alone = {(f"word {number}", f"type {number % 2}"): 1 for number in range(4)}
    assert counts(items, statuses=("Up", "Down")) == {**known, **alone}
    monkeypatch.setattr(render, "ZEROS", 3)
    assert counts(items, statuses=("Up", "Down")) == {("UP", "type 0"): 1, **alone}
    monkeypatch.setattr(render, "ZEROS", 12)
    assert len(counts(items, statuses=("Up", "Down"))) == 12


def test_f31_an_unknown_status_is_exported_as_it_is_and_operational_is_absent() -> None:
    found = rendering.series([item("A", "Hibernating", "Quantum"), item("B")])
    assert {"service_id": "A", "status": "Hibernating"} in found["ses_inventory_service_status"]
    assert found["ses_inventory_service_operational"] == [{"service_id": "B"}]
    assert {"status": "Hibernating", "service_type": "Quantum"} in found["ses_inventory_services"]


def test_a_status_that_is_known_to_say_nothing_gives_no_operational_either() -> None:
    assert "ses_inventory_service_operational" not in rendering.series([item("A", "Unknown")])


V4_SERVICE, V5_SERVICE = ("tmf-v4", "services"), ("tmf-v5", "services")
V4_RESOURCE, V5_RESOURCE, SNOW_RESOURCE = ((name, "resources") for name in ("tmf-v4", "tmf-v5", "servicenow"))


@pytest.mark.parametrize(
    ("where", "parts", "value"),
    [
        (("ses", "carriers"), {"status": "Operational"}, 1),
        (("ses", "carriers"), {"status": "Non-Operational"}, 0),
        (("ses", "carriers"), {"status": "Degraded"}, 0),
        (("ses", "carriers"), {"status": "In Maintenance"}, 0),
        (("ses", "carriers"), {"status": "Planned"}, None),
        (("ses", "carriers"), {"status": "Retired"}, None),
        (V4_SERVICE, {"state": "feasibilityChecked"}, None),
        (V4_SERVICE, {"state": "reserved"}, None),
        (V4_SERVICE, {"state": "inactive"}, 0),
        (V4_SERVICE, {"state": "terminated"}, None),
        (V5_SERVICE, {"state": "suspended"}, 0),
        (V5_SERVICE, {"state": "active", "operatingStatus": "limited"}, 0),
        (V5_SERVICE, {"state": "terminated", "operatingStatus": "stopped"}, None),
        (V4_RESOURCE, {"resourceStatus": "available", "lifecycleState": "planned"}, None),
        (V4_RESOURCE, {"resourceStatus": "unknown", "operationalState": "disable"}, None),
        (V5_RESOURCE, {"operationalState": "enabled", "alarmStatus": ["minor"]}, 0),
        (V5_RESOURCE, {"operationalState": "disabled", "lifecycleState": "pendingRemoval"}, None),
        (SNOW_RESOURCE, {"status": "In Use", "operationalState": "Degraded"}, 0),
        (SNOW_RESOURCE, {"status": "In Use", "operationalState": "Retired"}, None),
    ],
)
def test_operational_is_1_or_0_in_service_and_absent_for_what_is_not(
    where: tuple[str, str], parts: dict[str, Any], value: int | None
) -> None:
    kind = where[1].removesuffix("s")
    found = lines(rendering.body([{"id": "A", **parts}], *where), f"{kind}_operational")
    assert found == ([] if value is None else [f'ses_inventory_{kind}_operational{{{kind}_id="A"}} {value}'])


def test_f46_a_reference_to_a_record_that_does_not_exist_is_a_series_like_others() -> None:
    found = rendering.series([item("A", supportingResource=[{"id": "R404"}])])
    assert found["ses_inventory_service_resource_info"] == [
        {"service_id": "A", "resource_id": "R404", "resource": "", "resource_type": "", "role": ""}
    ]


def test_f48_two_links_that_differ_only_in_what_is_not_shown_are_one_series() -> None:
    links = [{"id": "S2", "name": name, "relationshipType": "dependsOn"} for name in ("one", "two")]
    places = [{"id": "L1", "name": "Perth", "@type": kind} for kind in ("Site", "Address")]
    held = rendering.snapshot([item("A", serviceRelationship=links, place=places)])
    (record,) = (one.record for one in held.records.values())
    assert (len(record.relations), len(record.places)) == (2, 2)
    body = from_nothing(held)
    assert len(lines(body, "service_relationship_info")) == 1
    assert len(lines(body, "service_place_info")) == 1
    assert body.series["ses_inventory_service_place_info"] == 1


def test_f48_a_relation_and_a_supporting_service_to_one_service_are_two_series() -> None:
    related = [{"id": "S2", "relationshipType": "dependsOn"}]
    held = rendering.snapshot([item("A", serviceRelationship=related, supportingService=[{"id": "S2"}])])
    assert len(lines(from_nothing(held), "service_relationship_info")) == 2


def test_f48_ids_that_cleaning_would_merge_are_two_series() -> None:
    body = rendering.body([item("A\x00"), item("A\x01"), item(f"{'x' * 2000}1"), item(f"{'x' * 2000}2")])
    assert body.series["ses_inventory_service_status"] == 4
    assert len(set(lines(body, "service_status"))) == 4


def test_f48_a_body_that_lacks_a_record_is_never_served() -> None:
    held = held_as(Record("A"), Record("B"))
    exposition = render.Exposition(families.of("services"))
    exposition.update(held, Changes())
    lost = held_as(Record("A"), Record("B"), Record("C"))
    with pytest.raises(RuntimeError, match="service_status has 2 series for 3 records"):
        exposition.update(lost, Changes())
    assert exposition.update(lost, Changes()) == from_nothing(lost), "and the next update makes it good"


def test_f49_a_record_whose_status_flaps_has_exactly_one_status_series() -> None:
    held, exposition = Snapshot(), rendering.exposition("ses", "carriers")
    using = reading.reader("ses", "carriers")
    for word in ("Operational", "Down", "Operational", "Odd", "Down"):
        outcome = reading.full(held, [item("C1", word)], using=using)
        held = outcome.snapshot
        body = exposition.update(held, outcome.changes)
        assert lines(body, "carrier_status") == [
            f'ses_inventory_carrier_status{{carrier_id="C1",status="{word}"}} 1'
        ]
    assert lines(body, "carrier_status_changes_total") == [
        'ses_inventory_carrier_status_changes_total{carrier_id="C1"} 4'
    ]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0"),
        (1, "1"),
        (-7, "-7"),
        (1768478400.0, "1768478400"),
        (1768478400.25, "1768478400.25"),
        (14012.5e6, "14012500000"),
        (0.1, "0.1"),
        (-0.0, "0"),
        (1e15, "1000000000000000.0"),
        (1e300, "1e+300"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_a_value_is_spelt_as_both_formats_want(value: float, said: str) -> None:
    assert families.number(value) == said
    assert str(float(said)) == str(float(value) + 0.0)


def test_numbers_are_scaled_to_base_units_under_the_name_the_operator_chose() -> None:
    using = reading.reader("ses", "carriers", numbers={"symbolRate": ("symbol_rate_hertz", 1e3)})
    rate = [{"name": "Symbol_Rate", "value": "2500.5"}]
    held = rendering.snapshot(
        [item("C1", serviceCharacteristic=rate), item("C2", serviceCharacteristic=[])], using
    )
    listed = families.of("carriers", {"symbolRate": ("symbol_rate_hertz", 1e3)})
    body = render.Exposition(listed).update(held, Changes())
    assert lines(body, "carrier_symbol_rate_hertz") == [
        'ses_inventory_carrier_symbol_rate_hertz{carrier_id="C1"} 2500500'
    ]
    (metric,) = [one for one in rendering.both(body)[1] if one.name.endswith("_hertz")]
    assert (metric.name, metric.unit) == ("ses_inventory_carrier_symbol_rate_hertz", "hertz")


def test_two_characteristics_under_one_name_give_the_first_value() -> None:
    record = Record("C1", numbers=(("other", 9.0), ("rate", 1.0), ("rate", 2.0)))
    body = render.Exposition([families.numeric("carriers", "rate", ["one"])]).update(
        held_as(record), Changes()
    )
    assert lines(body, "carrier_rate") == ['ses_inventory_carrier_rate{carrier_id="C1"} 1']


def test_backslashes_quotes_and_newlines_are_escaped_in_labels() -> None:
    body = from_nothing(held_as(Record("A", name='C:\\new "one"\nline', description="plain")))
    (info,) = lines(body, "service_info")
    assert r'name="C:\\new \"one\"\nline",description="plain"' in info


def test_help_is_escaped_as_each_format_wants() -> None:
    odd = Family(
        "odd_seconds", "gauge", 'A "quoted" C:\\path\nand a line.', ("id",), samples=lambda _: [("A", 1)]
    )
    body = render.Exposition([odd]).update(held_as(Record("A")), Changes())
    assert r'# HELP odd_seconds A "quoted" C:\\path\nand a line.' in rendering.whole(body)
    openmetrics = rendering.whole(body, "openmetrics")
    assert r"# HELP odd_seconds A \"quoted\" C:\\path\nand a line." in openmetrics
    assert "# UNIT odd_seconds seconds" in openmetrics


def test_both_formats_share_the_bytes_of_the_samples() -> None:
    body = rendering.body([item("A"), item("B", "Down")])
    plain, openmetrics = (
        [line for line in rendering.whole(body, form).splitlines() if not line.startswith("#")]
        for form in ("text", "openmetrics")
    )
    assert plain == openmetrics


def test_a_family_has_at_most_as_many_series_as_are_allowed_and_the_others_are_counted() -> None:
    items = [item(f"S{number}", place=[{"id": "L1"}, {"id": "L2"}]) for number in range(10)]
    body = rendering.body(items, limit=7, bucket=2)
    assert body.series["ses_inventory_service_status"] == 7
    assert body.dropped["ses_inventory_service_status"] == 3
    assert body.series["ses_inventory_service_place_info"] == 7
    assert body.dropped["ses_inventory_service_place_info"] == 13
    assert "ses_inventory_service_end_timestamp_seconds" not in body.dropped
    assert len(lines(body, "service_place_info")) == 7
    assert counts(items, limit=7)["Operational", "VSAT"] == 10, "the counts go on"
    assert rendering.samples(rendering.both(body)[1])


def test_a_limit_that_falls_between_two_blocks_cuts_none() -> None:
    items = [item(f"S{number}") for number in range(64)]
    whole = rendering.body(items, bucket=4)
    for limit in range(1, 65):
        body = rendering.body(items, bucket=4, limit=limit)
        assert lines(body, "service_status") == lines(whole, "service_status")[:limit]
        assert body.dropped.get("ses_inventory_service_status", 0) == 64 - limit


def test_a_family_whose_limit_is_nothing_has_no_header() -> None:
    body = rendering.body([item("A")], limit=0)
    assert "service_status" not in rendering.whole(body)
    assert body.dropped["ses_inventory_service_status"] == 1


def test_an_update_that_fails_half_way_is_made_good_by_the_next() -> None:
    broken: list[str] = []

    def samples(held: Shown) -> Any:
        if held.record.id in broken:
            raise ZeroDivisionError(held.record.id)
        return [(held.record.id, held.record.name, 1)]

    listed = [*families.of("services"), Family("odd_info", "info", "Odd.", ("id", "name"), samples=samples)]
    exposition = render.Exposition(listed, bucket=2)
    before = rendering.snapshot([item(f"S{number}") for number in range(9)])
    exposition.update(before, Changes())
    broken.append("S3")
    outcome = reading.full(before, [item("S3", "Down", name="new"), item("S4"), item("S99")])
    with pytest.raises(ZeroDivisionError):
        exposition.update(outcome.snapshot, outcome.changes)
    with pytest.raises(ZeroDivisionError):
        exposition.update(outcome.snapshot, outcome.changes)
    broken.clear()
    body = exposition.update(outcome.snapshot, outcome.changes)
    wanted = render.Exposition(listed, bucket=2).update(outcome.snapshot, Changes())
    assert rendering.whole(body) == rendering.whole(wanted)
    assert body.series == wanted.series


def _watched(name: str, part: str, read: dict[str, set[str]]) -> Family:
    """A family that shows one part of a record and notes which records it was asked for."""

    def samples(held: Shown) -> Any:
        read.setdefault(name, set()).add(held.record.id)
        return [(held.record.id, getattr(held.record, part), 1)]

    return Family(name, "info", "Watched.", ("id", part), samples=samples)


def test_only_the_bucket_and_the_family_that_show_what_changed_are_rendered_again() -> None:
    read: dict[str, set[str]] = {}
    listed = [_watched("status_info", "status", read), _watched("name_info", "name", read)]
    items = [item(f"S{number}") for number in range(64)]
    before = rendering.snapshot(items)
    outcome = reading.full(before, [item("S3", "Down"), *(one for one in items if one["externalId"] != "S3")])
    exposition = render.Exposition(listed, bucket=8)
    exposition.update(before, Changes())
    read.clear()
    exposition.update(outcome.snapshot, outcome.changes)
    assert read["name_info"] == {"S3"}, "looked at, and left as it is"
    assert "S3" in read["status_info"]
    assert len(read["status_info"]) < 32, "its bucket is rendered again, and no other"


def test_a_change_that_no_family_shows_changes_no_byte() -> None:
    one = stored(Record("A", relations=(Link("B", name="one"),)), 1, 1.0)
    two = stored(Record("A", relations=(Link("B", name="two"),)), 2, 1.0)
    exposition = render.Exposition(families.of("services"))
    before = exposition.update(Snapshot({"A": one}), Changes())
    assert exposition.update(Snapshot({"A": two}), Changes(changed=((one, two),))) == before
