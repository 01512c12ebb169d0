"""Every alert in every situation in which data is missing: it keeps firing, or a table says why it does not.

A `Trouble` is what an alert fires for; `SITUATIONS` are the ways in which data goes missing while it lasts.
One sample and one evaluation every 30 seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rules.outage_cases import ROLLUPS
from tests.rules.scenario import SINCE, Series, current, play, series
from tests.rules.test_rules import ALERTS

LONGEST = 360
"""Samples of a situation after the cut."""


@dataclass(frozen=True)
class Exporter:
    """What one exporter reports: the series of the trouble, and whether it is current.

    `S` is the value of a series while the trouble lasts, {n} the number of samples until data goes missing.
    """

    instance: str
    trouble: str
    current: str
    coverage: str = "c0"


GONE = Exporter("a:1", "Sx{n} stale", "1x{n} stale")
SITUATIONS: Mapping[str, Sequence[Exporter]] = {
    "the exporter is gone": (GONE,),
    "the API is gone, and the snapshot expires": (Exporter("a:1", "Sx{n} Sx20 stale", "1x{n} 0x400"),),
    "a restart with a state file": (Exporter("a:1", "Sx{n} stale Sx400", "1x{n} stale 0x20 1x400"),),
    "a restart without a state file": (Exporter("a:1", "Sx{n} stale _x40 Sx400", "1x{n} stale 0x38 1x400"),),
    "one of a replica pair is gone": (GONE, Exporter("b:1", "Sx{n} Sx400", "1x{n} 1x400")),
    "a shard is gone": (
        Exporter("a:1", "Sx{n} stale", "1x{n} stale", "s0"),
        Exporter("b:1", "", "1x{n} 1x400", "s1"),
    ),
    "the instance is renamed": (GONE, Exporter("b:1", "_x{n} _x20 Sx400", "_x{n} _x5 0x14 1x400")),
    "a scrape fails": (Exporter("a:1", "Sx{n} stale Sx400", "1x{n} stale 1x400"),),
}
SCRAPE = "a scrape fails"


@dataclass(frozen=True)
class Row:
    """A series of the trouble: its family, its labels, its value while the trouble lasts.

    `before` are its values before, of so many samples as `Trouble.before` says.
    """

    family: str
    labels: Mapping[str, str]
    value: str = str(SINCE)
    before: str = ""


@dataclass(frozen=True)
class Trouble:
    """What an alert fires for. `cut` samples after it began the data goes missing.

    An event, which ends by itself, is looked at for `lasting` samples only.
    """

    collection: str
    rows: Sequence[Row]
    cut: int = 40
    before: int = 0
    lasting: int = LONGEST


def _carrier(condition: str, before: str = "") -> Row:
    labels = {"carrier_id": "C1", "name": "F1", "party": "Northwind", "satellite": "SES-17"}
    return Row(
        "carrier_problem_since_timestamp_seconds", {**labels, "condition": condition}, str(SINCE), before
    )


def _service(condition: str) -> Row:
    labels = {"service_id": "S1", "name": "WAN", "party": "Northwind", "condition": condition}
    return Row("service_problem_since_timestamp_seconds", labels, str(SINCE))


def _outage(kind: str) -> Trouble:
    """Six carriers of ten are down; with other places that are different for each."""
    rows = []
    for number in range(6):
        place = {name: name if name in ROLLUPS[kind] else f"{name} {number}" for name in ("satellite", kind)}
        labels = {"carrier_id": f"C{number}", "condition": "down", **place}
        rows.append(Row("carrier_problem_since_timestamp_seconds", labels, str(SINCE)))
    place = {name: name for name in ROLLUPS[kind]}
    for condition, value in (("down", "6"), ("operational", "4")):
        rows.append(Row(f"{kind}_carriers", {**place, "condition": condition}, value))
    if kind != "satellite":  # which is no outage itself
        for condition, value in (("down", "6"), ("operational", "90")):
            rows.append(Row("satellite_carriers", {"satellite": "satellite", "condition": condition}, value))
    return Trouble("carriers", rows)


AFFECTED = {
    **{"service_id": "S1", "name": "WAN", "party": "Northwind", "satellite": "SES-17"},
    **{"cause_kind": "resource", "cause_id": "R1", "cause": "Modem 7", "cause_condition": "down"},
}
CARRIERS = {"collection": "carriers"}


def _own(*rows: Row) -> Trouble:
    """An alert on the exporter itself."""
    return Trouble("carriers", rows, lasting=40)


TROUBLES: Mapping[str, Trouble] = {
    "InventoryCarrierNotOperational": Trouble("carriers", [_carrier("down")]),
    "InventoryCarrierDegraded": Trouble("carriers", [_carrier("degraded")]),
    "InventoryCarrierFlapping": Trouble(
        "carriers", [_carrier("down", "1x4 stale _x9 2x4 stale _x9 ")], before=30, lasting=100
    ),
    "InventorySatelliteCarriersDown": _outage("satellite"),
    "InventoryTransponderCarriersDown": _outage("transponder"),
    "InventoryGatewayCarriersDown": _outage("gateway"),
    "InventoryServiceNotOperational": Trouble("services", [_service("down")]),
    "InventoryServiceDegraded": Trouble("services", [_service("degraded")]),
    "InventoryServiceAffected": Trouble(
        "services", [Row("service_affected_since_timestamp_seconds", AFFECTED, str(SINCE))]
    ),
    "InventoryResourceInAlarm": Trouble(
        "resources",
        [
            Row(
                "resource_problem_since_timestamp_seconds",
                {"resource_id": "R1", "condition": "degraded"},
                str(SINCE),
            ),
            Row("resource_state", {"resource_id": "R1", "dimension": "alarm", "state": "major"}, "1"),
        ],
    ),
    "InventoryRecordVanished": Trouble(
        "carriers",
        [Row("exporter_records_removed_total", {"collection": "carriers"}, "10", "7x4 ")],
        before=5,
        lasting=160,
    ),
    "InventoryServicePastEnd": Trouble(
        "services", [Row("service_defects", {"defect": "past_end_but_operational"}, "2")], cut=160
    ),
    "InventoryDefectsGrowing": Trouble(
        "carriers",
        [Row("carrier_defects", {"defect": "no_party"}, "65", "50x2879 ")],
        cut=80,
        before=2880,
    ),
    "InventoryApiFailing": _own(
        Row("exporter_up", CARRIERS, "0"),
        Row("exporter_refresh_failures_total", {**CARRIERS, "reason": "connect"}, "5"),
    ),
    "InventoryStale": _own(Row("exporter_stale", CARRIERS, "1")),
    "InventoryIncomplete": _own(Row("exporter_complete", CARRIERS, "0"), Row("exporter_up", CARRIERS, "1")),
    "InventoryAccessRefused": _own(
        Row("exporter_up", CARRIERS, "0"),
        Row("exporter_refresh_failures_total", {**CARRIERS, "reason": "auth"}, "5"),
    ),
    "InventoryCollectionEmpty": _own(
        Row("exporter_records", CARRIERS, "0"),
        Row("exporter_last_success_timestamp_seconds", CARRIERS, "100"),
    ),
    "InventoryRecordsRejected": _own(
        Row("exporter_records_rejected_total", {**CARRIERS, "reason": "missing_id"}, "2")
    ),
    "InventoryUnknownStatus": _own(Row("exporter_records_unknown_status", CARRIERS, "4")),
    "InventoryShrinkGuardHolding": _own(Row("exporter_records_held_back", CARRIERS, "8000")),
    "InventorySeriesLimitReached": _own(
        Row("exporter_series_dropped", {"family": "ses_inventory_carrier_info"}, "12")
    ),
    "InventoryConfigReloadFailed": _own(Row("exporter_config_last_reload_successful", {}, "0")),
    "InventoryThrottled": _own(
        Row("exporter_requests_total", {"api": "tmf638", "code": "200"}, "0+9"),
        Row("exporter_requests_total", {"api": "tmf638", "code": "429"}, "0+1"),
    ),
    "InventoryTaskDying": Trouble(
        "carriers", [Row("exporter_task_restarts_total", {"task": "web"}, "5")], lasting=20
    ),
    "InventoryStateNotWritten": Trouble(
        "carriers",
        [
            Row("exporter_state_writes_total", {"result": "failed"}, "3"),
            Row("exporter_state_last_write_timestamp_seconds", {}, "0"),
        ],
        cut=80,
        lasting=20,
    ),
}
"""Every alert but InventoryExporterDown, which is about what is missing."""

_IS_DOWN = "the alert is about the exporter itself: InventoryExporterDown fires instead, and inhibits it"
_IS_STALE = "InventoryApiFailing and InventoryStale fire instead: nothing newer is known of the records"
_STARTS = "the metric is of the process, and a new process begins anew; if the trouble lasts, it fires again"
_OTHER = "the alert is about one exporter: the others have alerts of their own"
_OWN = {
    "the exporter is gone": _IS_DOWN,
    "the API is gone, and the snapshot expires": _IS_STALE,
    "a restart with a state file": _STARTS,
    "a restart without a state file": _STARTS,
    "one of a replica pair is gone": _OTHER,
    "a shard is gone": _OTHER,
    "the instance is renamed": _OTHER,
}
_SAYS_SO = "this is what it fires for, or about; the cases in cases/exporter.yml show when"
CANNOT_APPLY: Mapping[str, Mapping[str, str]] = {
    "InventoryExporterDown": dict.fromkeys(SITUATIONS, _SAYS_SO),
    **{
        f"Inventory{name}": _OWN
        for name in (
            *("ApiFailing", "Stale", "Incomplete", "AccessRefused", "CollectionEmpty", "RecordsRejected"),
            *("UnknownStatus", "ShrinkGuardHolding", "SeriesLimitReached", "ConfigReloadFailed"),
            *("Throttled", "TaskDying", "StateNotWritten"),
        )
    },
}
"""Why a situation cannot apply to an alert, for every situation that is not played."""


def played(alert: str) -> list[str]:
    """The situations in which an alert is played."""
    return [one for one in SITUATIONS if one not in CANNOT_APPLY.get(alert, {})]


def happens(trouble: Trouble, exporters: Sequence[Exporter]) -> list[Series]:
    """The series of a trouble in a situation."""
    found = []
    for one in exporters:
        up = f"1x{trouble.before - 1} " if trouble.before and one.current.startswith("1") else ""
        values = f"{up}{one.current.format(n=trouble.cut)}"
        found.append(current(values, trouble.collection, instance=one.instance, coverage=one.coverage))
        for row in trouble.rows if one.trouble else ():
            absent = f"_x{trouble.before - 1} " if trouble.before else ""
            before = row.before if one.trouble.startswith("S") else absent
            lasting = one.trouble.format(n=trouble.cut).replace("S", row.value)
            found.append(series(row.family, f"{before}{lasting}", instance=one.instance, **row.labels))
    return found


def as_test(alert: str, situation: str) -> dict[str, object]:
    """As promtool reads it: the alert fires at each evaluation since just before data goes missing."""
    trouble = TROUBLES[alert]
    end = 30 * (trouble.before + trouble.cut + trouble.lasting)
    fired = f'ALERTS{{alertname="{alert}",alertstate="firing"}}[{30 * trouble.lasting}s]'
    expected = [{"labels": "{}", "value": trouble.lasting}]
    return {
        "name": f"{alert}: {situation}",
        "interval": "30s",
        "input_series": [
            {"series": name, "values": values} for name, values in happens(trouble, SITUATIONS[situation])
        ],
        "promql_expr_test": [
            {
                "expr": f"max(count_over_time({fired}))",
                "eval_time": f"{end + 15}s",  # between two evaluations
                "exp_samples": expected,
            }
        ],
    }


def test_every_alert_is_played_in_every_situation_or_there_is_a_reason():
    assert TROUBLES.keys() | CANNOT_APPLY.keys() == ALERTS
    for alert in ALERTS:
        assert set(played(alert)) | CANNOT_APPLY.get(alert, {}).keys() == SITUATIONS.keys()
        assert bool(played(alert)) == (alert in TROUBLES)
    assert all(SCRAPE in played(alert) for alert in TROUBLES)


@pytest.mark.parametrize("alert", sorted(TROUBLES))
def test_an_alert_fires_at_each_evaluation_while_data_is_missing(alert, tmp_path: Path) -> None:
    play({alert}, [as_test(alert, situation) for situation in played(alert)], tmp_path)
