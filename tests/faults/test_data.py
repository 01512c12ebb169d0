"""F42 to F49: well-formed lists whose content cannot be taken at its word."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from exporter import app
from tests import crawling
from tests.faults import inventory
from tests.faults.catalogue import fault
from tests.faults.inventory import OWN, listed, part, record, records
from tests.faults.logged import Logged

HELD_BACK = "ses_inventory_exporter_records_held_back"
STATUS = "ses_inventory_service_status{"

HOSTILE = {
    'quote"d': 'quote"d',
    "back\\slash": "back\\slash",
    "two\nlines": "two\nlines",
    "carriage\rreturn": "carriage\nreturn",
    "nul\x00byte": "nul\ufffdbyte",
    "\u202eright to left": "\ufffdright to left",
    "satellite \U0001f6f0": "satellite \U0001f6f0",
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "x" * 10_240: f"{'x' * 997}…",
}
"""Names as the inventory has them, and as a label holds them."""


def labels(built: app.Runtime, family: str) -> list[dict[str, str]]:
    """The labels of every series of a family, as Prometheus' own parser reads them."""
    found = plain(crawling.text(built))
    return [dict(sample.labels) for one in found if one.name == family for sample in one.samples]


def series(built: app.Runtime) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
    """Every series there is, by name and labels."""
    return [
        (sample.name, tuple(sorted(sample.labels.items())))
        for family in plain(crawling.text(built))
        for sample in family.samples
    ]


@fault(
    42,
    "an empty list where there were thousands of records",
    "Removals are pending until `retention.confirmations` further crawls confirm them, or until the "
    "operator accepts it (`POST /api/v1/accept`, SIGUSR1)",
    metric=HELD_BACK,
    alert="InventoryShrinkGuardHolding",
)
async def test_f42_an_empty_list_is_believed_only_when_it_is_confirmed(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(200)) as (source, built):
        await inventory.refresh(built)
        before = inventory.served(built)
        source.records.clear()
        for _ in range(2):
            await inventory.refresh(built)
            assert inventory.served(built) == before
            assert inventory.own(built, "records_held_back") == 200
            assert inventory.own(built, "complete") == 0
        await inventory.refresh(built)
        assert not inventory.ids(built)
        assert inventory.own(built, "records_held_back") == 0
        assert inventory.own(built, "complete") == 1
        assert crawling.lines(built, "ses_inventory_services{"), "counts go to zero instead of away"


@pytest.mark.parametrize("share", [0.2, 0.7])
@fault(
    43,
    "a crawl that finds only four of ten records",
    "Removals are pending in the same way, if more than `retention.shrink_guard` is missing",
    metric=HELD_BACK,
    alert="InventoryShrinkGuardHolding",
)
async def test_f43_a_loss_beyond_the_share_that_is_set_is_held_back(tmp_path: Path, share: float) -> None:
    changes = {"retention.shrink_guard": share, "retention.confirmations": 1}
    async with inventory.over(tmp_path, records(200), changes) as (source, built):
        await inventory.refresh(built)
        del source.records[80:]
        await inventory.refresh(built)
        kept = 200 if share < 0.6 else 80
        assert len(inventory.ids(built)) == kept
        assert inventory.own(built, "records_held_back") == kept - 80
        await inventory.refresh(built)
        assert len(inventory.ids(built)) == 80


async def test_a_loss_that_is_another_one_each_time_confirms_nothing(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(200)) as (source, built):
        await inventory.refresh(built)
        before = inventory.served(built)
        for size in (10, 20, 30, 40, 50):
            source.records = records(size)
            await inventory.refresh(built)
            assert inventory.served(built) == before


@fault(
    44,
    "ten times as many records as before",
    "Accepted with a warning; families with a series for each record stop at `limits.series_per_family` and "
    "report the number of dropped series; counts are complete",
    metric="ses_inventory_exporter_series_dropped",
    alert="InventorySeriesLimitReached",
)
async def test_f44_ten_times_the_records_are_accepted_up_to_the_limit_of_series(
    tmp_path: Path, logged: Logged
) -> None:
    async with inventory.over(tmp_path, records(20), {"limits.series_per_family": 150}) as (source, built):
        await inventory.refresh(built)
        assert inventory.own(built, "growth_warnings_total") == 0
        source.records = records(200)
        await inventory.refresh(built)
        await inventory.refresh(built)
        assert len([line for line in logged.text.splitlines() if '"warning"' in line]) == 1
        assert inventory.own(built, "growth_warnings_total") == 1
        assert (inventory.own(built, "up"), inventory.own(built, "records")) == (1, 200)
        assert len(crawling.lines(built, STATUS)) == 150
        family = '{family="ses_inventory_service_status"}'
        assert inventory.value(built, f"{OWN}series{family}") == 150
        assert inventory.value(built, f"{OWN}series_dropped{family}") == 50
        counted = 'ses_inventory_services{status="active",service_type="VSAT"}'
        assert inventory.value(built, counted) == 200


@fault(
    45,
    "one id twice with different content",
    "The one with the newest last update wins, the first on a tie; counted",
    metric="ses_inventory_exporter_duplicates_total",
    alert="",
)
async def test_f45_of_one_id_twice_the_newest_wins_and_the_first_on_a_tie(tmp_path: Path) -> None:
    old, new = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
    items = [
        record(0, name="old", lastUpdate=old),
        record(0, name="new", lastUpdate=new),
        record(1, name="first", lastUpdate=new),
        record(1, name="second", lastUpdate=new),
        *records(20)[2:],
        record(2, name="undated, on another page"),
        record(0, name="older still", lastUpdate="2025-01-01T00:00:00Z"),
    ]
    async with inventory.over(tmp_path, items) as (_, built):
        for _ in range(3):
            await inventory.refresh(built)
            names = {one["service_id"]: one["name"] for one in labels(built, "ses_inventory_service_info")}
            assert (names["S00000"], names["S00001"], names["S00002"]) == ("new", "first", "Service 2")
            assert len(names) == 20
        # each of the three crawls, and whatever second looks they took, met the same four
        assert inventory.own(built, "duplicates_total") >= 3 * 4
        changed = inventory.own(built, "records_changed_total")
        assert changed == 0, "an id that always comes twice does not flap"


@fault(
    46,
    "a reference to a record that does not exist",
    "Shown as it is and counted; harmless",
    metric="ses_inventory_exporter_references_dangling",
    alert="",
)
async def test_f46_a_reference_that_leads_nowhere_is_shown_and_counted(tmp_path: Path) -> None:
    def related(*ids: str) -> list[dict[str, object]]:
        return [{"relationshipType": "dependsOn", "service": {"id": ident}} for ident in ids]

    carriers = [record(9, id="C1"), record(9, id="C2")]
    items = [*records(3), record(3, serviceRelationship=related("S00000", "C2", "S40400"))]
    changes = {"collections.carriers": {"query": {"of": "carriers"}}}
    async with inventory.over(tmp_path, items, changes) as (source, built):

        async def answer(request: web.Request) -> web.Response:
            found = carriers if "of" in request.query else source.records
            start, limit = part(request)
            return listed(found[start : start + limit], len(found))

        source.answer = answer
        await crawling.poller(built, "carriers").refresh()
        await inventory.refresh(built)
        assert inventory.own(built, "references_dangling") == 1
        shown = labels(built, "ses_inventory_service_relationship_info")
        assert [one["related_service_id"] for one in shown] == ["S00000", "C2", "S40400"]
        assert (inventory.own(built, "up"), inventory.own(built, "complete")) == (1, 1)


@fault(
    47,
    "labels with quotes, newlines, NUL, right-to-left marks, emoji, HTML, or of 10 kB",
    "Escaped, control characters replaced by U+FFFD, cut to `limits.label_length`; Prometheus accepts the "
    "scrape",
    metric="",
    alert="",
)
async def test_f47_any_text_is_a_label_that_prometheus_reads_back(tmp_path: Path) -> None:
    items = [record(number, name=name) for number, name in enumerate(HOSTILE)]
    async with inventory.over(tmp_path, items) as (_, built):
        await inventory.refresh(built)
        names = {one["service_id"]: one["name"] for one in labels(built, "ses_inventory_service_info")}
        assert names == {f"S{number:05}": shown for number, shown in enumerate(HOSTILE.values())}
        modern = b"".join(built.store.scrape("openmetrics", "identity", ())[1]).decode()
        info = next(family for family in openmetrics(modern) if family.name == "ses_inventory_service_info")
        assert {sample.labels["name"] for sample in info.samples} == set(HOSTILE.values())
        tool = shutil.which("promtool")
        assert tool, "promtool is missing: install Prometheus"
        said = subprocess.run(
            [tool, "check", "metrics"], input=crawling.text(built).encode(), capture_output=True, check=False
        )
        assert (said.returncode, said.stdout, said.stderr) == (0, b"", b"")


@fault(
    48,
    "two records, or two links of one, that would have the same labels",
    "Not possible: ids that would become equal by cleaning are distinguished by a digest of the whole "
    "id; references with equal labels are one series; this is checked before publishing",
    metric="",
    alert="",
)
async def test_f48_no_two_series_have_the_same_labels(tmp_path: Path) -> None:
    twins = ["A\x00", "A\x01", "A\ufffd", f"{'x' * 5000}1", f"{'x' * 5000}2"]
    twins += ["B", "B\r", "B\n", "B\r\n\t.", " B ", "B~0123456789abcdef"]
    links = [{"id": "R1", "name": "one", "href": "/a"}, {"id": "R1", "name": "one", "href": "/b"}]
    items = [record(0, id=ident, supportingResource=links) for ident in twins]
    async with inventory.over(tmp_path, items) as (_, built):
        await inventory.refresh(built)
        found = series(built)
        assert len(found) == len(set(found))
        same = [one["service_id"] for one in labels(built, "ses_inventory_service_resource_info")]
        assert len(same) == len(set(same)), "two links that show the same are one series"
        assert len(same) == len(twins)
        assert inventory.own(built, "up") == 1


@fault(
    49,
    "a status that flaps between refreshes",
    "Exactly one `_status` series per record at any time; each change that was seen is counted",
    metric="ses_inventory_exporter_status_changes_total",
    alert="InventoryCarrierFlapping",
)
async def test_f49_a_record_has_one_status_series_whatever_it_does(tmp_path: Path) -> None:
    async with inventory.over(tmp_path, records(20)) as (source, built):
        await inventory.refresh(built)
        for word in ("inactive", "active", "inactive", "Frozen", "active"):
            source.records[3] = record(3, state=word)
            await inventory.refresh(built)
            found = [line for line in crawling.lines(built, STATUS) if 'service_id="S00003"' in line]
            assert found == [f'{STATUS}service_id="S00003",status="{word}"}} 1']
            assert len(crawling.lines(built, STATUS)) == 20
        moves = crawling.lines(built, f"{OWN}status_changes_total{{")
        assert sum(float(line.rpartition(" ")[2]) for line in moves) == 5
