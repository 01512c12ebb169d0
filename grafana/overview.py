"""Overview, for whoever watches the inventory: outages, then problems with cause and customer, then alerts.

It owns nothing but the first look; details are on `services`, `carriers` and `resources`. Invariant: what is
worse comes first, and names are shown where they are known.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, page, promql, topology, variable
from grafana.link import VALUE, cell, field, runbook
from grafana.panel import About, counts, number, statuses
from grafana.records import PROBLEMS, Kind, placed
from grafana.table import UTC, Column, Direction, Order, Part, Plan, table

CARRIERS = Kind(
    "carrier",
    (
        'party=~"$customer"',
        'satellite=~"$satellite"',
        'transponder=~"$transponder"',
        'gateway=~"$gateway"',
    ),
)
SERVICES = Kind("service", ('party=~"$customer"',))
RESOURCES = Kind("resource", ('party=~"$customer"',))

WHERE = ("party", "satellite", "transponder", "gateway")

MOST_CARRIERS = 200
"""The most rows of each condition in the table of carriers."""


def dashboard() -> model.Dashboard:
    """The dashboard."""
    return page.dashboard(
        page.Page(
            name="overview",
            title="Inventory / Overview",
            description="Outages, then what is down or affected: why, since when and for which customer.",
            variables=(
                *variable.whereabouts(),
                variable.ids("causes", "cause_id", topology.worst_causes(SERVICES)),
                variable.ids("services", "service_id", topology.worst_services(SERVICES)),
            ),
            rows=(
                page.Row("", (_outages(), _freshness(), *_numbers())),
                page.Row("Outages", _places()),
                page.Row("Problems", (_causes(), _services(), _carriers())),
                page.Row("Alerts and history", (_alerts(), *_history())),
            ),
        )
    )


def _outages() -> page.Panel:
    about = About(
        "Outages",
        "Number of satellites, gateways and transponders with at least half of their carriers in service "
        "down (at least 5 carriers; 3 of a transponder). Of the filters above, satellite, transponder and "
        "gateway apply.",
    )
    queries = {
        f"{place.title.lower()}s": promql.or_zero(place.outages(), promql.CARRIER_DATA)
        for place in topology.PLACES
    }
    return number(about, queries, look.NO_OUTAGE).height(3).span(12)


def _freshness() -> page.Panel:
    age = "time() - max by (collection) ({})".format(promql.own("last_success_timestamp_seconds"))
    never = f"max by (collection) ({promql.own('up')}) * 0 - 1"
    about = About(
        "Data age", "Time since the last successful refresh, by collection; red if there was none yet.", "s"
    )
    steps: tuple[look.Step, ...] = ((None, look.GOOD), (900, look.WARN), (3600, look.BAD))
    tile = number(about, {"{{collection}}": f"{age} or on (collection) {never}"}, steps)
    return (
        tile.mappings([look.no_data(), *look.words(("-1", "never read", look.BAD))])
        .height(3)
        .span(12)
        .decimals(0)
    )


def _numbers() -> tuple[page.Panel, ...]:
    panels = counts(
        (
            About("Carriers down", "Number of carriers that are down."),
            CARRIERS.number(CARRIERS.problems("down")),
            promql.CARRIER_DATA,
            look.NONE_IS_BETTER,
        ),
        (
            About("Carriers degraded", "Number of carriers that are degraded."),
            CARRIERS.number(CARRIERS.problems("degraded")),
            promql.CARRIER_DATA,
            look.NONE_DEGRADED,
        ),
        (
            About("Services down", "Number of services that are down by their own status."),
            SERVICES.number(SERVICES.problems("down")),
            promql.SERVICE_DATA,
            look.NONE_IS_BETTER,
        ),
        (
            About(
                "Services affected",
                "Number of services that are down or depend on a carrier or resource with a problem.",
            ),
            SERVICES.number(topology.affected(SERVICES)),
            topology.AFFECTED_BY,
            look.NONE_IS_BETTER,
        ),
        (
            About("Customers affected", "Number of customers of the affected services."),
            topology.customers(SERVICES),
            topology.AFFECTED_BY,
            look.NONE_IS_BETTER,
        ),
        (
            About("Resources down", "Number of resources that are down."),
            RESOURCES.number(RESOURCES.problems("down")),
            promql.RESOURCE_DATA,
            look.NONE_IS_BETTER,
        ),
    )
    return tuple(panel.height(3) for panel in panels)


def _places() -> tuple[page.Panel, ...]:
    said = (
        "{}s with carriers down: m of n carriers in service, the largest share first; at most {} rows. "
        "Orange from 10 %, red from 50 %. Of the filters above, those by place apply."
    )
    return tuple(
        table(
            About(
                f"{place.title}s with carriers down", said.format(place.title, topology.MOST_PLACES), "none"
            ),
            topology.places_plan(place),
        )
        .span(8)
        .height(8)
        for place in topology.PLACES
    )


def _causes() -> page.Panel:
    about = About(
        "Causes of affected services",
        "Records with a problem that services depend on, directly or through others; the most services "
        f"first. Click a name to open the record. At most {topology.MOST_CAUSES} rows.",
        "none",
    )
    return table(about, topology.causes_plan(SERVICES)).height(8)


def _services() -> page.Panel:
    about = About(
        "Services down or affected",
        "Services that are down, then those that depend on a record with a problem, then degraded ones and "
        "those in maintenance, with the cause. Click a name to open the service, a customer to open its "
        f"carriers. At most {topology.MOST_SERVICES} rows.",
        "none",
    )
    return table(about, topology.services_plan(SERVICES)).height(10)


def _carriers() -> page.Panel:
    labels = ("name", "condition", *WHERE)
    by = ", ".join(("carrier_id", *labels))
    latest = " or ".join(
        f"topk({MOST_CARRIERS}, max by ({by}) ({CARRIERS.problems(condition)}))" for condition in PROBLEMS
    )
    rows = f"1000 * max by ({by}) ({placed(f'({latest})')})"
    columns = (
        Column("Condition", "condition", width=120, properties=look.conditions()),
        Column(
            "Carrier", "name", properties=(cell("Open this carrier", "carriers", "carrier", field("ID")),)
        ),
        Column(
            "Customer",
            "party",
            width=185,
            properties=(cell("Services of ${__value.raw}", "services", "customer", VALUE),),
        ),
        Column("Since", unit="dateTimeFromNow", width=125),
        Column("Since (UTC)", UTC, "dateTimeAsIso", 165),
        Column("Satellite", "satellite", width=130),
        Column("Transponder", "transponder", width=180),
        Column("Gateway", "gateway", width=160),
        Column("ID", "carrier_id", width=110),
    )
    about = About(
        "Carriers with a problem",
        "Carriers that are down, then degraded ones and those in maintenance; the latest first. Click a name "
        f"to open the carrier, a customer to open its services. At most {MOST_CARRIERS} rows per condition.",
        "none",
    )
    order = (Order("Condition"), Order("Since", Direction.DOWN))
    plan = Plan("carrier_id", (Part(rows, columns),), [one.title for one in columns], order)
    return table(about, plan).height(10)


def _alerts() -> page.Panel:
    """Alerts by name: Prometheus has no more of them than these series."""
    chosen = 'alertname=~"Inventory.+"'
    firing = f'ALERTS{{{chosen},alertstate="firing"}}'
    since = f"ALERTS_FOR_STATE{{{chosen}}} and ignoring (alertstate) {firing}"
    columns = (
        Column("Alert", "alertname", properties=(runbook(),)),
        Column("Severity", "severity", width=100),
        Column("Firing", unit="none", width=80),
    )
    times = (
        Column("First since", unit="dateTimeFromNow", width=130),
        Column("First since (UTC)", UTC, "dateTimeAsIso", 165),
    )
    key = 'label_join({}, "alert_key", " ", "alertname", "severity")'
    parts = (
        Part(f"count by (alert_key, alertname, severity) ({key.format(firing)})", columns),
        Part(f"1000 * min by (alert_key) ({key.format(f'({since})')})", times),
    )
    about = About(
        "Firing alerts",
        "Alerts of the rules of this exporter that fire, by name. Click a name to open its runbook. The "
        "filters above do not apply. Empty if no alert fires, or if this data source lacks the rules.",
        "none",
    )
    order = [one.title for one in (*columns, *times)]
    plan = Plan("alert_key", parts, order, (Order("Severity"), Order("First since", Direction.DOWN)))
    return table(about, plan).height(6).no_value("No alert fires, or no rules are loaded")


def _history() -> tuple[page.Panel, ...]:
    limits = "The filters above do not apply."
    return statuses("carrier", limits), statuses("service", limits)
