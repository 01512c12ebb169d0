"""Resources: the table of resources, how they hang together, and who depends on those that are down.

Relations and dependants are named, not only numbered. It owns nothing of services or carriers but
their names. Invariant: a related record that is not in the snapshot is shown by its id.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, page, promql, variable
from grafana.link import cell, field
from grafana.panel import About, bars, counts, ranked, statuses
from grafana.promql import Kind, renamed
from grafana.table import Column, Direction, Part, Plan, Shape, table

RESOURCES = Kind(
    "resource",
    ('party=~"$customer"', 'resource_type=~"$resource_type"'),
    search="resource",
    status="status",
)

COLUMNS = (
    *("Resource", "ID", "Operational", "Status", "Since", "Type", "Locations", "Related parties"),
    *("Relationships", "Characteristics", "Specification", "Last update", "Description"),
)


def dashboard() -> model.Dashboard:
    """The dashboard."""
    return page.dashboard(
        page.Page(
            name="resources",
            title="Inventory / Resources",
            description="All resources with status, relationships and dependent carriers and services.",
            variables=(
                variable.search("resource", "Search"),
                variable.customer("resource"),
                variable.choice("resource_type", "Type", "ses_inventory_resource_info", "resource_type"),
                variable.choice("status", "Status", "ses_inventory_resource_status", "status"),
            ),
            rows=(
                page.Row("", _numbers()),
                page.Row("", (_all(), _dependants())),
                page.Row("History", _history()),
            ),
        )
    )


def _numbers() -> tuple[page.Panel, ...]:
    using = {
        name: (
            f"{_uses(name)} and on (job, instance, resource_id)"
            f" ({RESOURCES.down()} and on ({RESOURCES.on}) {RESOURCES.info()})"
        )
        for name in ("carrier", "service")
    }
    panels = counts(
        (
            About("Resources", "Number of resources matching the filters above."),
            RESOURCES.number(RESOURCES.info()),
            promql.RESOURCE_DATA,
            look.PLAIN,
        ),
        (
            About("Down", "Number of resources in service that are not operational."),
            RESOURCES.number_down(),
            promql.RESOURCE_DATA,
            look.NONE_IS_GOOD,
        ),
        (
            About("Dependent carriers", "Number of carriers that depend on a resource that is down."),
            Kind("carrier").number(using["carrier"]),
            promql.Sources(("resource", "carrier")),
            look.NONE_IS_BETTER,
        ),
        (
            About("Dependent services", "Number of services that depend on a resource that is down."),
            Kind("service").number(using["service"]),
            promql.Sources(("resource", "service")),
            look.NONE_IS_BETTER,
        ),
    )
    return tuple(panel.span(6) for panel in panels)


def _all() -> page.Panel:
    about = About(
        "Resources",
        "Resources matching the filters above. Sort and filter by any column. Characteristics are those in "
        "the exporter's configuration; by default there are none.",
        "none",
    )
    parts = (_inventory_columns(), *_states_and_dates(), *_lists())
    return table(about, Plan("resource_id", parts, COLUMNS, "Operational")).height(16)


def _inventory_columns() -> Part:
    columns = (
        Column("Resource", "name", width=210, properties=(_open("ID"),)),
        Column("ID", "resource_id", width=110),
        Column("Description", "description", width=240),
        Column("Type", "resource_type", width=110),
        Column("Specification", "specification", width=140),
    )
    return Part(RESOURCES.rows("name", "description", "resource_type", "specification"), columns)


def _open(title: str) -> look.Property:
    return cell("Only this resource", "resources", "resource", field(title))


def _states_and_dates() -> tuple[Part, ...]:
    status = Column("Status", "status", width=130, properties=look.coloured_status())
    return (
        Part(
            RESOURCES.value("operational"),
            (Column("Operational", width=95, properties=look.mapped(*look.OPERATIONAL)),),
        ),
        Part(RESOURCES.word("status", "status"), (status,)),
        Part(RESOURCES.moment("status_since"), (Column("Since", unit="dateTimeFromNow", width=145),)),
        Part(RESOURCES.moment("last_update"), (Column("Last update", unit="dateTimeAsIso", width=165),)),
    )


def _lists() -> tuple[Part, ...]:
    characteristic = RESOURCES.metric("characteristic_info")
    spelt = f'label_join({characteristic}, "characteristic", ": ", "name", "value")'
    selected = f"and on ({RESOURCES.on}) {RESOURCES.info()}"
    return (
        Part(
            f"max by (resource_id, characteristic) ({spelt} {selected})",
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
            f"max by (resource_id, relation) ({_relations()} {selected})",
            (Column("Relationships", "relation", width=360),),
            Shape.LIST,
        ),
    )


def _relations() -> str:
    """The kind of each relation and the other's name, or its id if it is not in the snapshot."""
    relation = RESOURCES.metric("relationship_info")
    others = Kind("resource").info()
    names = renamed(
        f"max by (job, instance, resource_id, name) ({others})",
        related_resource_id="resource_id",
        related="name",
    )
    known = f"{relation} * on (job, instance, related_resource_id) group_left (related) {names}"
    unknown = f"{renamed(relation, related='related_resource_id')}"
    both = f"{known} or on ({RESOURCES.on}, related_resource_id, relationship) {unknown}"
    return f'label_join({both}, "relation", " ", "relationship", "related")'


def _dependants() -> page.Panel:
    about = About(
        "Resources down and their dependents",
        "Resources in service that are not operational, with dependent carriers and services.",
        "none",
    )
    labels = ("name", "resource_type", "place")
    down = f"({RESOURCES.info()} and on ({RESOURCES.on}) {RESOURCES.down()})"
    since = f"1000 * min by (resource_id, status, {', '.join(labels)}) ({RESOURCES.down_since(*labels)})"
    columns = (
        Column("Resource", "name", width=220, properties=(_open("ID"),)),
        Column("Status", "status", width=140, properties=look.coloured_status()),
        Column("Down since", unit="dateTimeFromNow", width=145),
        Column("Type", "resource_type", width=120),
        Column("Location", "place", width=150),
        Column("ID", "resource_id", width=110),
    )
    users = (("Dependent carriers", "carrier"), ("Dependent services", "service"))
    parts = (
        Part(since, columns),
        *(Part(_users(name, down), (Column(title, name),), Shape.LIST) for title, name in users),
        Part(
            f"max by (resource_id, party) ({_users_parties(down)})",
            (Column("Customers affected", "party"),),
            Shape.LIST,
        ),
    )
    order = (
        "Resource",
        "Status",
        "Down since",
        "Type",
        "Location",
        "Dependent carriers",
        "Dependent services",
    )
    plan = Plan("resource_id", parts, (*order, "Customers affected", "ID"), "Down since", Direction.DOWN)
    return table(about, plan).height(10)


def _uses(name: str) -> str:
    """Which carriers or services use which resources; carriers name their gateway and terminal as places."""
    resources = Kind(name).metric("resource_info")
    if name == "service":
        return resources
    return f"({resources} or {renamed(Kind(name).metric('place_info'), resource_id='place_id')})"


def _users(name: str, down: str) -> str:
    """The names of the carriers or services over resources that are down, by resource."""
    kind = Kind(name)
    named = f"{renamed(f'max by ({kind.on}, name) ({kind.info()})', **{name: 'name'})}"
    used = f"{_uses(name)} and on (job, instance, resource_id) {down}"
    return f"max by (resource_id, {name}) (({used}) * on ({kind.on}) group_left ({name}) {named})"


def _users_parties(down: str) -> str:
    """The customers of the carriers and services over resources that are down."""
    found = []
    for name in ("carrier", "service"):
        kind = Kind(name, ('party!=""',))
        used = f"{_uses(name)} and on (job, instance, resource_id) {down}"
        parties = f"max by ({kind.on}, party) ({kind.info()})"
        found.append(f"({used}) * on ({kind.on}) group_left (party) {parties}")
    return " or ".join(found)


def _history() -> tuple[page.Panel, ...]:
    of = "resource_type", promql.RESOURCE_DATA, 12
    return (
        statuses("resource", "Of the filters above, only the type applies.", "resource_type"),
        bars(
            About("Resources by type", "Number of resources by type; top twelve."),
            ranked(RESOURCES.number(RESOURCES.info(), "resource_type"), *of),
            look.PLAIN,
        ).span(6),
        bars(
            About("Down by type", "Number of resources that are down by type; top twelve."),
            ranked(RESOURCES.number_down("resource_type"), *of),
        ).span(6),
    )
