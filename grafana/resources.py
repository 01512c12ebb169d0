"""Resources: the table of resources, how they hang together, and what depends on those with a problem.

Relationships are named, not only numbered. Invariant: a related record that is not in the snapshot is shown
by its id.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, page, promql, variable
from grafana.link import cell, field
from grafana.panel import About, bars, counts, number, ranked, statuses
from grafana.records import Kind, renamed
from grafana.table import UTC, Column, Direction, Order, Part, Plan, Shape, table

RESOURCES = Kind(
    "resource",
    ('party=~"$customer"', 'resource_type=~"$resource_type"'),
    search="resource",
    status="status",
)

NUMBERS = RESOURCES.without_search()

COLUMNS = (
    *(
        "Condition",
        "Resource",
        "Type",
        "Since",
        "Since (UTC)",
        "Status",
        "Dependent carriers",
        "Dependent services",
    ),
    *("Customers affected", "Locations", "ID", "Related parties", "Relationships", "Characteristics"),
    *("Specification", "Last update", "Description"),
)


def dashboard() -> model.Dashboard:
    """The dashboard."""
    related = f"group by (related_resource_id) ({RESOURCES.shown('relationship_info')})"
    return page.dashboard(
        page.Page(
            name="resources",
            title="Inventory / Resources",
            description="Resources with status, relationships and what depends on them.",
            variables=(
                variable.search("resource", "Search"),
                variable.customer("resource_info"),
                variable.choice("resource_type", "Type", "ses_inventory_resources"),
                variable.choice("status", "Status", "ses_inventory_resources"),
                variable.rows(),
                variable.ids("shown", "resource_id", RESOURCES.chosen()),
                variable.ids("related", "related_resource_id", related),
            ),
            rows=(
                page.Row("", _numbers()),
                page.Row("", (_table(),)),
                page.Row("History", _history()),
            ),
        )
    )


def _numbers() -> tuple[page.Panel, ...]:
    every = promql.total("resource", 'resource_type=~"$resource_type"', 'status=~"$status"')
    total = number(
        About("Resources", "Number of resources. Of the filters above, type and status apply."), {"": every}
    )
    said = "Number of resources matching the filters above that are {}."
    dependents = NUMBERS.metric("dependents", 'dependent_kind="service"')
    services = f"{dependents} > 0 and on ({NUMBERS.on}) {NUMBERS.problems()}"
    panels = counts(
        (
            About("Down", said.format("down")),
            NUMBERS.number(NUMBERS.problems("down")),
            promql.RESOURCE_DATA,
            look.NONE_IS_BETTER,
        ),
        (
            About("Degraded", said.format("degraded")),
            NUMBERS.number(NUMBERS.problems("degraded")),
            promql.RESOURCE_DATA,
            look.NONE_DEGRADED,
        ),
        (
            About("In maintenance", said.format("in maintenance")),
            NUMBERS.number(NUMBERS.problems("maintenance")),
            promql.RESOURCE_DATA,
            look.NONE_IN_MAINTENANCE,
        ),
        (
            About(
                "With dependent services",
                "Number of resources matching the filters above with a problem that services depend on.",
            ),
            NUMBERS.number(services),
            promql.Sources(("resource", "service")),
            look.NONE_IS_BETTER,
        ),
    )
    return (total.span(5), *(panel.span(span) for panel, span in zip(panels, (5, 5, 5, 4), strict=True)))


def _table() -> page.Panel:
    about = About(
        "Resources",
        "Resources with a problem, the worst first; with a search or a filter, all resources matching it. "
        "The variable Rows limits their number. Sort and filter by any column. Characteristics are those in "
        "the exporter's configuration; by default there are none.",
        "none",
    )
    parts = (_inventory_columns(), *_states_and_dates(), *_dependents(), *_lists())
    order = (Order("Condition"), Order("Since", Direction.DOWN))
    return table(about, Plan("resource_id", parts, COLUMNS, order)).height(18)


def _inventory_columns() -> Part:
    columns = (
        Column(
            "Resource",
            "name",
            width=230,
            properties=(cell("Only this resource", "resources", "resource", field("ID")),),
        ),
        Column("ID", "resource_id", width=110),
        Column("Description", "description", width=240),
        Column("Type", "resource_type", width=120),
        Column("Specification", "specification", width=140),
    )
    return Part(RESOURCES.rows("name", "description", "resource_type", "specification"), columns)


def _states_and_dates() -> tuple[Part, ...]:
    status = Column("Status", "status", width=130, properties=look.coloured_status())
    since = (
        Column("Since", unit="dateTimeFromNow", width=125),
        Column("Since (UTC)", UTC, "dateTimeAsIso", 165),
    )
    return (
        Part(RESOURCES.condition(), (Column("Condition", width=115, properties=look.conditions()),)),
        Part(RESOURCES.word("status", "status"), (status,)),
        Part(RESOURCES.moment("status_since"), since),
        Part(RESOURCES.moment("last_update"), (Column("Last update", unit="dateTimeAsIso", width=165),)),
    )


def _dependents() -> tuple[Part, ...]:
    """How many records depend on the resources shown that have a problem, and the customers they hit."""
    numbers = tuple(
        Part(
            f"""max by (resource_id) ({RESOURCES.shown("dependents", f'dependent_kind="{kind}"')})""",
            (Column(f"Dependent {kind}s", unit="none", width=150),),
        )
        for kind in ("carrier", "service")
    )
    affected = promql.series(
        "ses_inventory_service_affected_since_timestamp_seconds",
        'cause_kind="resource"',
        'cause_id=~"$shown"',
        'party!=""',
    )
    hit = f"max by (resource_id, customer) ({renamed(affected, resource_id='cause_id', customer='party')})"
    return (*numbers, Part(hit, (Column("Customers affected", "customer", width=260),), Shape.LIST))


def _lists() -> tuple[Part, ...]:
    spelt = (
        f"""label_join({RESOURCES.shown("characteristic_info")}, "characteristic", ": ", "name", "value")"""
    )
    return (
        Part(
            f"max by (resource_id, characteristic) ({spelt})",
            (Column("Characteristics", "characteristic", width=330),),
            Shape.LIST,
        ),
        Part(
            RESOURCES.many("party_info", "party"),
            (Column("Related parties", "party", width=300),),
            Shape.LIST,
        ),
        Part(RESOURCES.many("place_info", "place"), (Column("Locations", "place", width=140),), Shape.LIST),
        Part(
            f"max by (resource_id, relation) ({_relations()})",
            (Column("Relationships", "relation", width=360),),
            Shape.LIST,
        ),
    )


def _relations() -> str:
    """The kind of each relation and the other's name, or its id if it is not in the snapshot."""
    relation = RESOURCES.many("relationship_info", "related_resource_id", "relationship")
    names = renamed(
        RESOURCES.rows("name", variable="related"), related_resource_id="resource_id", related="name"
    )
    known = f"{relation} * on (related_resource_id) group_left (related) {names}"
    unknown = renamed(relation, related="related_resource_id")
    both = f"{known} or on (resource_id, related_resource_id, relationship) {unknown}"
    return f'label_join({both}, "relation", " ", "relationship", "related")'


def _history() -> tuple[page.Panel, ...]:
    types = promql.whole("resources", promql.series("ses_inventory_resources"), "resource_type")
    of = "resource_type", promql.RESOURCE_DATA, 12
    return (
        statuses("resource", "Of the filters above, only the type applies.", "resource_type"),
        bars(
            About(
                "Resources by type",
                "Number of resources by type; top twelve. The filters above do not apply.",
            ),
            ranked(types, *of),
            look.PLAIN,
        ).span(6),
        bars(
            About("Down by type", "Number of resources that are down by type; top twelve."),
            ranked(NUMBERS.number(NUMBERS.problems("down"), "resource_type"), *of),
        ).span(6),
    )
