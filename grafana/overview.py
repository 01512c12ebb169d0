"""Overview: what is down now, since when, for whom and over what; the history; how old the data is.

The first things seen are numbers and names, then where they pile up, then their history. It owns no table of
all records; those are `services`, `carriers`, `resources`. Invariant: names are shown where they are known.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, page, promql, services, variable
from grafana.link import VALUE, cell, field
from grafana.panel import About, bars, counts, number, ranked, statuses
from grafana.promql import Kind
from grafana.table import Column, Direction, Part, Plan, table

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


def dashboard() -> model.Dashboard:
    """The dashboard."""
    return page.dashboard(
        page.Page(
            name="overview",
            title="Inventory / Overview",
            description="What is down now, since when, for which customer and over which satellite.",
            variables=variable.whereabouts(),
            rows=(
                page.Row("", (*_numbers(), _freshness())),
                page.Row("", (_carriers_down(), _services_affected())),
                page.Row("By customer, satellite and gateway", _where()),
                page.Row("History", _history()),
            ),
        )
    )


def _numbers() -> tuple[page.Panel, ...]:
    known = Kind("carrier", (*CARRIERS.filters, 'party!=""'))
    customers = f"count(group by (party) ({known.info()} and on ({known.on}) {known.down()}))"
    panels = counts(
        (
            About("Carriers down", "Number of carriers in service that are not operational."),
            CARRIERS.number_down(),
            promql.CARRIER_DATA,
            look.NONE_IS_GOOD,
        ),
        (
            About("Services down", "Number of services with a status that is not operational."),
            SERVICES.number_down(),
            promql.SERVICE_DATA,
            look.NONE_IS_GOOD,
        ),
        (
            About(
                "Services affected",
                "Number of services that are down or depend on a carrier or resource that is.",
            ),
            SERVICES.number(services.affected(SERVICES)),
            services.AFFECTED_BY,
            look.NONE_IS_GOOD,
        ),
        (
            About("Customers affected", "Number of customers with a carrier that is down."),
            customers,
            promql.CARRIER_DATA,
            look.NONE_IS_GOOD,
        ),
        (
            About("Resources down", "Number of resources in service that are not operational."),
            RESOURCES.number_down(),
            promql.RESOURCE_DATA,
            look.NONE_IS_GOOD,
        ),
    )
    return tuple(panel.span(3) for panel in panels)


def _freshness() -> page.Panel:
    age = "time() - max by (collection) ({})".format(
        promql.series("ses_inventory_exporter_last_success_timestamp_seconds")
    )
    about = About("Data age", "Time since the last successful refresh, by collection.", "s")
    steps: tuple[look.Step, ...] = ((None, look.GOOD), (900, look.WARN), (3600, look.BAD))
    return number(about, {"{{collection}}": age}, steps).span(9).decimals(0)


def _carriers_down() -> page.Panel:
    labels = ("name", *WHERE)
    expression = f"1000 * min by (carrier_id, status, {', '.join(labels)}) ({CARRIERS.down_since(*labels)})"
    columns = (
        Column("Carrier", "name", width=380, properties=(_open_carrier(),)),
        Column("Status", "status", width=140, properties=look.coloured_status()),
        Column("Down since", unit="dateTimeFromNow", width=145),
        Column(
            "Customer",
            "party",
            properties=(cell("Services of ${__value.raw}", "services", "customer", VALUE),),
        ),
        Column("Satellite", "satellite", width=130),
        Column("Transponder", "transponder", width=180),
        Column("Gateway", "gateway", width=160),
        Column("ID", "carrier_id", width=120),
    )
    about = About(
        "Carriers that are down now",
        "Carriers in service that are not operational, latest first. Click a name to open the carrier, a "
        "customer to open its services.",
        "none",
    )
    plan = Plan(
        "carrier_id",
        (Part(expression, columns),),
        [one.title for one in columns],
        "Down since",
        Direction.DOWN,
    )
    return table(about, plan).height(11)


def _open_carrier() -> look.Property:
    return cell("Open this carrier", "carriers", "carrier", field("ID"))


def _services_affected() -> page.Panel:
    about = About(
        "Services affected now",
        "Services that are down or depend on a carrier or resource that is down, with the cause.",
        "none",
    )
    return table(about, services.affected_plan(SERVICES)).height(11)


def _where() -> tuple[page.Panel, ...]:
    said = "Number of carriers that are down by {}; top ten."
    return tuple(
        bars(
            About(f"Carriers down by {word}", said.format(word)),
            ranked(CARRIERS.number_down(label), label, promql.CARRIER_DATA),
        ).height(8)
        for word, label in (("customer", "party"), ("satellite", "satellite"), ("gateway", "gateway"))
    )


def _history() -> tuple[page.Panel, ...]:
    limits = "The filters above do not apply."
    return statuses("carrier", limits), statuses("service", limits)
