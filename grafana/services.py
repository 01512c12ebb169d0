"""Services: the table of services with all its columns, which of them are affected, and their numbers.

It also owns what it means that a service is affected, which `overview` shows too: it is down itself, or a
carrier or resource that supports it is. Invariant: the table has the columns that operators know from before.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, page, promql, variable
from grafana.link import VALUE, cell, field
from grafana.panel import About, bars, counts, ranked, statuses
from grafana.promql import Kind, renamed
from grafana.table import Column, Direction, Part, Plan, Shape, table

SERVICES = Kind(
    "service",
    ('party=~"$customer"', 'service_type=~"$service_type"', 'place=~"$place"'),
    search="service",
    status="status",
)

AFFECTED_BY = promql.Sources(("service",), ("carrier", "resource"))
"""The kinds of records that say whether a service is affected."""

COLUMNS = (
    *("Service", "ID", "Operational", "Status", "Since", "Customer", "Location", "Type"),
    *("Supporting resources", "Carriers", "Specification", "Start", "End", "Last update", "Description"),
)


def dashboard() -> model.Dashboard:
    """The dashboard."""
    info = "ses_inventory_service_info"
    return page.dashboard(
        page.Page(
            name="services",
            title="Inventory / Services",
            description="All services with status, customer, location and supporting carriers and resources.",
            variables=(
                variable.search("service", "Search"),
                variable.customer("service"),
                variable.choice("service_type", "Type", info, "service_type"),
                variable.choice("place", "Location", info, "place"),
                variable.choice("status", "Status", "ses_inventory_service_status", "status"),
            ),
            rows=(
                page.Row("", _numbers()),
                page.Row("", (_all(), _affected())),
                page.Row("History", _history()),
            ),
        )
    )


def causes(kind: Kind) -> str:
    """Failed dependencies of the selected services: since when, with `cause`, `satellite`, `gateway`."""
    carriers, resources = Kind("carrier"), Kind("resource")
    carrier = renamed(
        carriers.down_since("name", "satellite", "gateway"), related_service_id="carrier_id", cause="name"
    )
    resource = renamed(resources.down_since("name"), cause="name")
    over_carrier = kind.metric("relationship_info", 'relationship="supportingService"')
    over_resource = kind.metric("resource_info")
    return (
        f"((({over_carrier}) * on (job, instance, related_service_id)"
        f" group_left (cause, satellite, gateway) ({carrier}))"
        f" or (({over_resource}) * on (job, instance, resource_id) group_left (cause) ({resource})))"
        f" and on ({kind.on}) {kind.info()}"
    )


def affected(kind: Kind) -> str:
    """The selected services that are down or rest on what is down; since when, in Unix seconds."""
    return f"(({causes(kind)}) or {kind.down_since('name')})"


def affected_plan(kind: Kind) -> Plan:
    """The table of affected services and the causes."""
    those = f"({kind.info()} and on ({kind.on}) {affected(kind)})"
    labels = ("name", "party", "place")
    status = f"max by (service_id, status) ({kind.metric('status')} and on ({kind.on}) {those})"
    parts = (
        Part(
            f"topk by (service_id) (1, max by (service_id, {', '.join(labels)}) ({those}))",
            (
                Column("Service", "name", width=310, properties=(_open("ID"),)),
                Column("Customer", "party", width=180, properties=(_of_customer(),)),
                Column("Location", "place", width=130),
                Column("ID", "service_id", width=105),
            ),
        ),
        Part(
            f"topk by (service_id) (1, {status})",
            (Column("Service status", "status", width=125, properties=look.coloured_status()),),
        ),
        Part(
            f"1000 * min by (service_id) ({affected(kind)})",
            (Column("Affected since", unit="dateTimeFromNow", width=145),),
        ),
        Part(
            f"max by (service_id, cause, satellite, gateway) ({causes(kind)})",
            (
                Column("Cause (failed dependency)", "cause"),
                Column("Satellite", "satellite", width=115),
                Column("Gateway", "gateway", width=140),
            ),
            Shape.LIST,
        ),
    )
    order = ("Service", "Service status", "Affected since", "Customer", "Location")
    rest = ("Cause (failed dependency)", "Satellite", "Gateway", "ID")
    return Plan("service_id", parts, (*order, *rest), "Affected since", Direction.DOWN)


def _open(title: str) -> look.Property:
    return cell("Open this service", "services", "service", field(title))


def _of_customer() -> look.Property:
    return cell("Carriers of ${__value.raw}", "carriers", "customer", VALUE)


def _numbers() -> tuple[page.Panel, ...]:
    return tuple(
        counts(
            (
                About("Services", "Number of services matching the filters above."),
                SERVICES.number(SERVICES.info()),
                promql.SERVICE_DATA,
                look.PLAIN,
            ),
            (
                About("Down", "Number of services with a status that is not operational."),
                SERVICES.number_down(),
                promql.SERVICE_DATA,
                look.NONE_IS_GOOD,
            ),
            (
                About(
                    "Affected", "Number of services that are down or depend on a carrier or resource that is."
                ),
                SERVICES.number(affected(SERVICES)),
                AFFECTED_BY,
                look.NONE_IS_GOOD,
            ),
            (
                About("End within 30 days", "Number of services with an end date in the next 30 days."),
                SERVICES.number(_ending("> time()", "< time() + 30 * 86400")),
                promql.SERVICE_DATA,
                look.NONE_IS_BETTER,
            ),
            (
                About("Past their end", "Number of services in the inventory with an end date in the past."),
                SERVICES.number(_ending("< time()")),
                promql.SERVICE_DATA,
                look.NONE_IS_BETTER,
            ),
            (
                About("Customers", "Number of customers of the services matching the filters above."),
                f"count(group by (party) ({SERVICES.info()}))",
                promql.SERVICE_DATA,
                look.PLAIN,
            ),
        )
    )


def _ending(*conditions: str) -> str:
    end = SERVICES.metric("end_timestamp_seconds")
    return f"{end} {' '.join(conditions)} and on ({SERVICES.on}) {SERVICES.info()}"


def _all() -> page.Panel:
    about = About(
        "Services",
        "Services matching the filters above. Sort and filter by any column.",
        "none",
    )
    parts = (*_inventory_columns(), *_states_and_dates(), *_support())
    return table(about, Plan("service_id", parts, COLUMNS, "Operational")).height(16)


def _inventory_columns() -> tuple[Part, ...]:
    labels = ("name", "description", "service_type", "place", "specification")
    columns = (
        Column("Service", "name", width=390, properties=(_open("ID"),)),
        Column("ID", "service_id", width=110),
        Column("Description", "description", width=260),
        Column("Type", "service_type", width=150),
        Column("Location", "place", width=130),
        Column("Specification", "specification", width=170),
    )
    # every related party that is a customer; where none has that role, the one the record names first
    customers = SERVICES.many("party_info", "party", matching='role=~"(?i)customer"')
    party = f"{customers} or on (service_id) {SERVICES.many('info', 'party')}"
    customer = Column("Customer", "party", width=180, properties=(_of_customer(),))
    return Part(SERVICES.rows(*labels), columns), Part(party, (customer,), Shape.LIST)


def _states_and_dates() -> tuple[Part, ...]:
    status = Column("Status", "status", width=130, properties=look.coloured_status())
    dates = (
        ("Since", "status_since", "dateTimeFromNow", 145),
        ("Start", "start", "dateTimeAsIso", 165),
        ("End", "end", "dateTimeAsIso", 165),
        ("Last update", "last_update", "dateTimeAsIso", 165),
    )
    return (
        Part(
            SERVICES.value("operational"),
            (Column("Operational", width=95, properties=look.mapped(*look.OPERATIONAL)),),
        ),
        Part(SERVICES.word("status", "status"), (status,)),
        *(
            Part(SERVICES.moment(suffix), (Column(title, unit=unit, width=width),))
            for title, suffix, unit, width in dates
        ),
    )


def _support() -> tuple[Part, ...]:
    carriers = Kind("carrier")
    names = renamed(
        f"max by (job, instance, carrier_id, name) ({carriers.info()})",
        related_service_id="carrier_id",
        carrier="name",
    )
    support = SERVICES.metric("relationship_info", 'relationship="supportingService"')
    named = (
        f"max by (service_id, carrier) ({support} * on (job, instance, related_service_id)"
        f" group_left (carrier) {names} and on ({SERVICES.on}) {SERVICES.info()})"
    )
    return (
        Part(
            SERVICES.many("resource_info", "resource"),
            (Column("Supporting resources", "resource", width=300),),
            Shape.LIST,
        ),
        Part(named, (Column("Carriers", "carrier", width=560),), Shape.LIST),
    )


def _affected() -> page.Panel:
    about = About(
        "Services affected now",
        "Services matching the filters above that are down or depend on a carrier or resource that is down.",
        "none",
    )
    return table(about, affected_plan(SERVICES)).height(10)


def _history() -> tuple[page.Panel, ...]:
    over_time = statuses("service", "Of the filters above, only the type applies.", "service_type")
    affected_ones = f"{SERVICES.info()} and on ({SERVICES.on}) {affected(SERVICES)}"
    return (
        over_time,
        bars(
            About("Services by type", "Number of services by type; top ten."),
            ranked(SERVICES.number(SERVICES.info(), "service_type"), "service_type", promql.SERVICE_DATA),
            look.PLAIN,
        ).span(6),
        bars(
            About("Services affected by customer", "Customers with the most affected services; top ten."),
            ranked(SERVICES.number(affected_ones, "party"), "party", AFFECTED_BY),
        ).span(6),
    )
