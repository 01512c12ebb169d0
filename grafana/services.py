"""Services: the table of services with all its columns and the causes of problems, and their numbers.

What it means that a service is affected is in `topology`. Invariant: the table has the columns that operators
know from before.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, page, promql, topology, variable
from grafana.link import VALUE, cell, field
from grafana.panel import About, above, bars, counts, number, ranked, statuses
from grafana.records import Kind, renamed
from grafana.table import UTC, Column, Direction, Order, Part, Plan, Shape, table

SERVICES = Kind(
    "service",
    ('party=~"$customer"', 'service_type=~"$service_type"'),
    search="service",
    status="status",
    searched=("place",),
)

NUMBERS = SERVICES.without_search()

COLUMNS = (
    *(
        "Condition",
        "Service",
        "Customer",
        "Since",
        "Since (UTC)",
        "Cause",
        "Status",
        "Location",
        "ID",
        "Type",
    ),
    *("Supporting resources", "Carriers", "Specification", "Start", "End", "Last update", "Description"),
)


def dashboard() -> model.Dashboard:
    """The dashboard."""
    related = f"group by (related_service_id) ({_support()})"
    return page.dashboard(
        page.Page(
            name="services",
            title="Inventory / Services",
            description="Services with status, customer, location, causes and supporting records.",
            variables=(
                variable.search("service", "Search", "Part of a name, ID or location"),
                variable.customer("party_services"),
                variable.choice("service_type", "Type", "ses_inventory_services"),
                variable.choice("status", "Status", "ses_inventory_services"),
                variable.rows(),
                variable.ids("shown", "service_id", SERVICES.chosen()),
                variable.ids("carriers", "related_service_id", related),
            ),
            rows=(
                page.Row("", _numbers()),
                page.Row("", (_table(),)),
                page.Row("History", _history()),
            ),
        )
    )


def _numbers() -> tuple[page.Panel, ...]:
    every = promql.total("service", 'service_type=~"$service_type"', 'status=~"$status"')
    total = number(
        About("Services", "Number of services. Of the filters above, type and status apply."), {"": every}
    )
    end = promql.series("ses_inventory_service_end_timestamp_seconds")
    soon = f"{end} > time() < time() + 30 * 86400"
    past = promql.series("ses_inventory_service_defects", 'defect="past_end_but_operational"')
    wanted = (
        (
            About("Down", "Number of services matching the filters above that are down by their own status."),
            NUMBERS.number(NUMBERS.problems("down")),
            promql.SERVICE_DATA,
            look.NONE_IS_BETTER,
        ),
        (
            About(
                "Affected",
                "Number of services matching the filters above that are down or depend on a carrier or "
                "resource with a problem.",
            ),
            NUMBERS.number(topology.affected(NUMBERS)),
            topology.AFFECTED_BY,
            look.NONE_IS_BETTER,
        ),
        (
            About("Customers affected", "Number of customers of the affected services."),
            topology.customers(NUMBERS),
            topology.AFFECTED_BY,
            look.NONE_IS_BETTER,
        ),
        (
            About(
                "End within 30 days",
                "Number of services with an end date in the next 30 days. The filters above do not apply.",
            ),
            SERVICES.number(soon),
            promql.SERVICE_DATA,
            look.PLAIN,
        ),
        (
            About(
                "Past their end",
                "Number of operational services with a past end date. The filters above do not apply.",
            ),
            promql.whole("services", past),
            promql.SERVICE_DATA,
            look.NONE_IS_BETTER,
        ),
    )
    return (total, *counts(*wanted))


def _table() -> page.Panel:
    about = About(
        "Services",
        "Services that are down, affected by a failed dependency, degraded or in maintenance, in this order; "
        "with a search or a filter, all services matching it. The variable Rows limits their number. Sort "
        "and filter by any column.",
        "none",
    )
    parts = (*_inventory_columns(), *_states(), *_dates(), *_supporting())
    order = (Order("Condition"), Order("Since", Direction.DOWN))
    return table(about, Plan("service_id", parts, COLUMNS, order)).height(18)


def _inventory_columns() -> tuple[Part, ...]:
    labels = ("name", "description", "service_type", "place", "specification")
    columns = (
        Column(
            "Service",
            "name",
            width=390,
            properties=(cell("Only this service", "services", "service", field("ID")),),
        ),
        Column("ID", "service_id", width=110),
        Column("Description", "description", width=260),
        Column("Type", "service_type", width=150),
        Column("Location", "place", width=130),
        Column("Specification", "specification", width=170),
    )
    # every related party that is a customer; where none has that role, the one the record names first
    customers = SERVICES.shown("party_info", 'role=~"(?i)customer"')
    named = SERVICES.shown("info")
    party = f"max by (service_id, party) ({customers} or on (service_id) {named})"
    link = cell("Carriers of ${__value.raw}", "carriers", "customer", VALUE)
    customer = Column("Customer", "party", width=185, properties=(link,))
    return Part(SERVICES.rows(*labels), columns), Part(party, (customer,), Shape.LIST)


def _states() -> tuple[Part, ...]:
    status = Column("Status", "status", width=130, properties=look.coloured_status())
    affected = SERVICES.shown("affected_since_timestamp_seconds")
    own = SERVICES.shown("problem_since_timestamp_seconds")
    otherwise = SERVICES.shown("status_since_timestamp_seconds")
    since = f"{own} or on (service_id) {affected} or on (service_id) {otherwise}"
    return (
        Part(SERVICES.condition(), (Column("Condition", width=115, properties=look.conditions()),)),
        Part(SERVICES.word("status", "status"), (status,)),
        Part(
            f"1000 * min by (service_id) ({since})",
            (
                Column("Since", unit="dateTimeFromNow", width=125),
                Column("Since (UTC)", UTC, "dateTimeAsIso", 165),
            ),
        ),
        Part(f"max by (service_id, cause) ({affected})", (Column("Cause", "cause", width=300),), Shape.LIST),
    )


def _dates() -> tuple[Part, ...]:
    dates = (("Start", "start"), ("End", "end"), ("Last update", "last_update"))
    return tuple(
        Part(SERVICES.moment(suffix), (Column(title, unit="dateTimeAsIso", width=165),))
        for title, suffix in dates
    )


def _support() -> str:
    return SERVICES.shown("relationship_info", 'relationship="supportingService"')


def _supporting() -> tuple[Part, ...]:
    names = renamed(
        Kind("carrier").rows("name", variable="carriers"), related_service_id="carrier_id", carrier="name"
    )
    support = f"max by (service_id, related_service_id) ({_support()})"
    named = f"{support} * on (related_service_id) group_left (carrier) {names}"
    return (
        Part(
            SERVICES.many("resource_info", "resource"),
            (Column("Supporting resources", "resource", width=300),),
            Shape.LIST,
        ),
        Part(
            f"max by (service_id, carrier) ({named})", (Column("Carriers", "carrier", width=560),), Shape.LIST
        ),
    )


def _history() -> tuple[page.Panel, ...]:
    types = promql.whole("services", promql.series("ses_inventory_services"), "service_type")
    affected = NUMBERS.number(topology.affected(NUMBERS), "party")
    return (
        statuses("service", "Of the filters above, only the type applies.", "service_type"),
        above(
            bars(
                About(
                    "Services by type", "Number of services by type; top six. The filters above do not apply."
                ),
                ranked(types, "service_type", promql.SERVICE_DATA, 6),
                look.PLAIN,
            )
        ).span(6),
        above(
            bars(
                About("Services affected by customer", "Customers with the most affected services; top six."),
                ranked(affected, "party", topology.AFFECTED_BY, 6),
            )
        ).span(6),
    )
