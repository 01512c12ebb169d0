"""Overview: what is down now, since when, for whom and over what; how it came about; how fresh all that is.

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
            description="What is not operational now, since when, for which customer, and over what.",
            variables=variable.whereabouts(),
            rows=(
                page.Row("", (*_numbers(), _freshness())),
                page.Row("", (_carriers_down(), _services_concerned())),
                page.Row("Where", _where()),
                page.Row("How it came about", _history()),
            ),
        )
    )


def _numbers() -> tuple[page.Panel, ...]:
    known = Kind("carrier", (*CARRIERS.filters, 'party!=""'))
    customers = f"count(group by (party) ({known.info()} and on ({known.on}) {known.down()}))"
    panels = counts(
        (
            About("Carriers down", "Carriers in service that are not operational."),
            CARRIERS.number_down(),
            promql.CARRIER_DATA,
            look.NONE_IS_GOOD,
        ),
        (
            About("Services down", "Services that are not operational by their own status."),
            SERVICES.number_down(),
            promql.SERVICE_DATA,
            look.NONE_IS_GOOD,
        ),
        (
            About(
                "Services concerned", "Services that are down, or over a carrier or resource that is down."
            ),
            SERVICES.number(services.concerned(SERVICES)),
            services.CONCERNED_BY,
            look.NONE_IS_GOOD,
        ),
        (
            About("Customers concerned", "Customers with a carrier that is down."),
            customers,
            promql.CARRIER_DATA,
            look.NONE_IS_GOOD,
        ),
        (
            About("Resources down", "Resources in service that are not operational."),
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
    about = About("Age of what is shown", "Time since each collection was last read successfully.", "s")
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
        Column("Id", "carrier_id", width=120),
    )
    about = About(
        "Carriers that are down now",
        "Every carrier in service that is not operational, the latest first. Click a name for the carrier, "
        "a customer for its services.",
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
    return cell("Open this carrier", "carriers", "carrier", field("Id"))


def _services_concerned() -> page.Panel:
    about = About(
        "Services concerned now",
        "Services that are not operational, and services over a carrier or resource that is not, with what "
        "is down beneath them.",
        "none",
    )
    return table(about, services.concerned_plan(SERVICES)).height(11)


def _where() -> tuple[page.Panel, ...]:
    said = "Carriers that are down, by {}; the ten with most."
    return tuple(
        bars(
            About(f"Carriers down by {word}", said.format(word)),
            ranked(CARRIERS.number_down(label), label, promql.CARRIER_DATA),
        ).height(8)
        for word, label in (("customer", "party"), ("satellite", "satellite"), ("gateway", "gateway"))
    )


def _history() -> tuple[page.Panel, ...]:
    limits = "Not limited by customer or whereabouts."
    return statuses("carrier", limits), statuses("service", limits)
