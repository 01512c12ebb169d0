"""F29 to F33: records that are not what a record should be, in pages that are."""

from __future__ import annotations

import json
from pathlib import Path

from aiohttp import web

from tests import crawling
from tests.faults import inventory
from tests.faults.catalogue import fault
from tests.faults.inventory import OWN, record, records
from tests.faults.logged import Logged

INFO = "ses_inventory_service_info{"


def rejected(built: object, reason: str) -> float:
    return inventory.value(built, f'{OWN}records_rejected_total{{collection="services",reason="{reason}"}}')


@fault(
    29,
    "one bad record in a thousand; or the schema changed and most are bad",
    "That record is rejected and counted, with an example on the status page; a crawl with more bad "
    "records than `retention.reject_share` fails: kept",
    metric="ses_inventory_exporter_records_rejected_total",
    alert="InventoryRecordsRejected",
)
async def test_f29_one_bad_record_in_a_thousand_costs_itself_and_a_changed_schema_the_crawl(
    tmp_path: Path, logged: Logged
) -> None:
    items = [*records(999), {"name": "nobody"}]
    changes = {"collections.services.page_size": 250}
    async with inventory.over(tmp_path, items, changes) as (source, built):
        await inventory.refresh(built)
        assert len(crawling.lines(built, INFO)) == 999
        assert rejected(built, "missing_id") == 1
        assert (inventory.own(built, "up"), inventory.own(built, "complete")) == (1, 1)
        assert "nobody" in built.store.status().collections[0].rejects["missing_id"].examples[0]
        before = inventory.served(built)

        source.records = [{"identifier": item.pop("id"), **item} for item in records(999)]
        await inventory.refresh(built)
        await inventory.refresh(built)
        assert inventory.served(built) == before
        assert (inventory.own(built, "up"), inventory.failures(built, "rejects")) == (0, 2)
        assert [line["reason"] for line in logged.events("refresh failed")] == ["rejects"]


@fault(
    30,
    "an id that is missing, null, empty, a number or an object",
    "A number is an id as text, an object its `value` or `$oid`; others are rejected as `missing_id`",
    metric='ses_inventory_exporter_records_rejected_total{reason="missing_id"}',
    alert="InventoryRecordsRejected",
)
async def test_f30_a_number_is_an_id_and_nothing_else_that_is_no_text(tmp_path: Path) -> None:
    bad = [record(0, id=ident) for ident in (None, "", "  ", {}, {"href": "S1"}, ["S1", "S2"], True)]
    items = [*records(60), record(0, id=4711), *bad, {"name": "without"}]
    async with inventory.over(tmp_path, items) as (_, built):
        await inventory.refresh(built)
        assert len(inventory.ids(built)) == 61
        assert "4711" in inventory.ids(built)
        assert rejected(built, "missing_id") == len(bad) + 1
        assert inventory.own(built, "up") == 1


@fault(
    31,
    "an unknown status value or `@type`",
    "Exported as it is, without `operational`; counted, and logged once per value",
    metric="ses_inventory_exporter_records_unknown_status",
    alert="InventoryUnknownStatus",
)
async def test_f31_a_status_of_unknown_meaning_is_exported_as_it_is_and_logged_once(
    tmp_path: Path, logged: Logged
) -> None:
    odd = {"state": "Hibernating", "@type": "QuantumService", "serviceType": "Quantum"}
    items = [*records(5), record(5, **odd), record(6, **odd)]
    async with inventory.over(tmp_path, items) as (_, built):
        await inventory.refresh(built)
        await inventory.refresh(built)
        shown = 'ses_inventory_service_status{service_id="S00005",status="Hibernating"}'
        assert inventory.value(built, shown) == 1
        assert not crawling.lines(built, 'ses_inventory_service_operational{service_id="S00005"}')
        counted = 'ses_inventory_services{status="Hibernating",service_type="Quantum"}'
        assert inventory.value(built, counted) == 2
        assert inventory.own(built, "records_unknown_status") == 2
        assert logged.text.count("Hibernating") == 1


@fault(
    32,
    "a string of 10 MB, an integer of 5,000 digits, 100,000 characteristics",
    "Labels are cut to `limits.label_length` and end in `…`; characteristics beyond a thousand are left out "
    "and counted; neither the record nor its page is lost",
    metric="ses_inventory_exporter_values_dropped_total",
    alert="",
)
async def test_f32_values_beyond_all_bounds_are_cut_and_cost_no_record(tmp_path: Path) -> None:
    many = [{"name": f"c{number}", "value": number} for number in range(100_000)]
    items = [
        record(0, name="x" * 10_000_000),
        record(1, name="DIGITS"),
        record(2, serviceCharacteristic=many),
        record(3),
    ]
    body = json.dumps(items).encode().replace(b'"DIGITS"', b"9" * 5000)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"X-Total-Count": "4"})

    async with inventory.over(tmp_path, [], {"limits.label_length": 100}) as (source, built):
        source.answer = answer
        await inventory.refresh(built)
        assert inventory.ids(built) == ["S00000", "S00001", "S00002", "S00003"]
        assert crawling.lines(built, f'{INFO}service_id="S00000",name="{"x" * 97}…"')
        assert crawling.lines(built, f'{INFO}service_id="S00001",name="{"9" * 97}…"')
        dropped = f'{OWN}values_dropped_total{{collection="services",reason="characteristic"}}'
        assert inventory.value(built, dropped) == 99_000
        assert max(map(len, inventory.served(built))) < 2000


@fault(
    33,
    "names of TMF versions 4 and 5 mixed in one record",
    "Supported: each field is looked up under the names of all versions",
    metric="",
    alert="",
)
async def test_f33_names_of_both_versions_in_one_record_are_understood(tmp_path: Path) -> None:
    old = {"relatedParty": [{"id": "P1", "name": "Acme", "role": "customer"}], "place": [{"name": "Perth"}]}
    new = {
        "relatedParty": [{"role": "customer", "partyOrPartyRole": {"id": "P2", "name": "Globex"}}],
        "place": [{"role": "site", "place": {"name": "Betzdorf"}}],
        "operatingStatus": "failed",
    }
    mixed = {**old, "place": new["place"], "operatingStatus": "failed"}
    async with inventory.over(tmp_path, [record(0, **old), record(1, **new), record(2, **mixed)]) as (
        _,
        built,
    ):
        await inventory.refresh(built)
        shown = [line[line.index("party=") :] for line in crawling.lines(built, INFO)]
        assert sorted(shown) == [
            'party="Acme",place="Betzdorf"} 1',
            'party="Acme",place="Perth"} 1',
            'party="Globex",place="Betzdorf"} 1',
        ]
        for ident, operational in (("S00000", 1), ("S00001", 0), ("S00002", 0)):
            series = f'ses_inventory_service_operational{{service_id="{ident}"}}'
            assert inventory.value(built, series) == operational
