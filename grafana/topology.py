"""What the exporter knows of dependencies: how much of a place is down, which services are affected, and why.

It owns the queries and the tables that several dashboards show. Invariant: every query is limited to records
with a problem, or to counts by place and party.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from grafana import look, promql
from grafana.link import VALUE, cell, field, of_kind
from grafana.records import Kind, placed
from grafana.table import UTC, Column, Direction, Join, Order, Part, Plan, Shape

OUTAGE = 0.5
"""The share of a place's carriers that are down from which on the alerts call it an outage."""

IN_SERVICE = 'condition!~"planned|retired"'

MOST_PLACES, MOST_CAUSES, MOST_SERVICES = 30, 100, 200
"""The most rows of the tables."""


@dataclass(frozen=True)
class Place:
    """A kind of place with carriers: its labels, the last of which names it, and the smallest outage."""

    title: str
    labels: tuple[str, ...]
    least: int

    @property
    def name(self) -> str:
        """The label with its name."""
        return self.labels[-1]

    def carriers(self, *matchers: str) -> str:
        """The number of its carriers by labels."""
        chosen = (f'{label}=~"${label}"' for label in self.labels)
        family = promql.series(f"ses_inventory_{self.name}_carriers", *chosen, *matchers)
        return promql.whole("carriers", family, *self.labels)

    def down(self) -> str:
        """The number of those that are down."""
        return self.carriers('condition="down"')

    def share(self) -> str:
        """The share of those in service that are down."""
        return f"({self.down()} > 0) / ({self.carriers(IN_SERVICE)} > 0)"

    def outages(self) -> str:
        """How many such places have an outage, as the alerts count them."""
        return f"count(({self.down()} >= {self.least}) / {self.carriers(IN_SERVICE)} >= {OUTAGE})"


SATELLITE, GATEWAY, TRANSPONDER = PLACES = (
    Place("Satellite", ("satellite",), 5),
    Place("Gateway", ("gateway",), 5),
    Place("Transponder", ("satellite", "transponder"), 3),
)

SHARES: tuple[look.Step, ...] = ((None, look.IDLE), (0.1, look.WARN), (OUTAGE, look.BAD))
"""One of a hundred is no outage: colours go by the share."""

WHOLE = look.Property("decimals", 0)


def places_plan(place: Place) -> Plan:
    """Places with carriers that are down, m of n; the largest share first."""
    named = Column(place.title, place.name, properties=(_carriers_over(place),))
    share = Column(
        "Share down", unit="percentunit", width=95, properties=(*look.coloured_number(*SHARES), WHOLE)
    )
    parts = (
        Part(_keyed(place, f"topk({MOST_PLACES}, {place.share()})", place.name), (named, share)),
        Part(_keyed(place, f"{place.down()} > 0"), (Column("Down", unit="none", width=75),)),
        Part(
            _keyed(place, f"({place.carriers(IN_SERVICE)} and {place.down()} > 0)"),
            (Column("Of", unit="none", width=75),),
        ),
    )
    order = (Order("Share down", Direction.DOWN), Order("Down", Direction.DOWN))
    return Plan("place", parts, (place.title, "Down", "Of", "Share down"), order, Join.INNER)


def _keyed(place: Place, expression: str, *labels: str) -> str:
    """One series per place; its labels are joined to one that the parts of a table have in common."""
    names = ", ".join(f'"{label}"' for label in place.labels)
    return f'max by ({", ".join(("place", *labels))}) (label_join({expression}, "place", " ", {names}))'


def _carriers_over(place: Place) -> look.Property:
    return cell("Carriers of ${__value.raw}", "carriers", place.name, VALUE)


CAUSE = ("cause_kind", "cause_id", "cause", "cause_condition")

AFFECTED_BY = promql.Sources(("service",), ("carrier", "resource"))
"""The kinds of records that say whether a service is affected."""


def affected(kind: Kind) -> str:
    """The selected services that are down or depend on a record with a problem."""
    return f"({kind.affected()} or {kind.problems('down')})"


def customers(kind: Kind) -> str:
    """The number of customers with such a service."""
    named = replace(kind, filters=(*kind.filters, 'party!=""'))
    return f"count(group by (party) ({affected(named)}))"


def worst_causes(kind: Kind) -> str:
    """The causes of the most affected services."""
    services = f"group by (service_id, cause_id) ({kind.affected()})"
    return f"topk({MOST_CAUSES}, count by (cause_id) ({services}))"


def causes_plan(kind: Kind) -> Plan:
    """The causes in the variable `causes`, with their numbers of services and customers; the most first."""
    by = ", ".join(CAUSE)
    affected_since = "affected_since_timestamp_seconds"
    affected = kind.metric(affected_since, 'cause_id=~"$causes"', *kind.filters)
    located = kind.metric(affected_since, 'cause_id=~"$causes"', *kind.filters, 'satellite!=""')
    services = _of_cause(f"count by ({by}) (group by (service_id, {by}) ({affected}))")
    customers = _of_cause(f"count by ({by}) (group by (party, {by}) ({affected}))")
    columns = (
        Column("Cause", "cause", properties=(of_kind("Open this cause", field("Type"), field("ID")),)),
        Column("Type", "cause_kind", width=95),
        Column("Condition", "cause_condition", width=120, properties=look.conditions()),
        Column("Services affected", unit="none", width=140),
        Column("ID", "cause_id", width=125),
    )
    since = (
        Column("Since", unit="dateTimeFromNow", width=140),
        Column("Since (UTC)", UTC, "dateTimeAsIso", 165),
    )
    where = (Column("Satellite", "satellite", width=150), Column("Gateway", "gateway", width=170))
    parts = (
        Part(f"max by (cause_key, {by}) ({placed_cause(services)})", columns),
        Part(f"max by (cause_key) ({customers})", (Column("Customers", unit="none", width=95),)),
        Part(f"1000 * min by (cause_key) ({_of_cause(affected)})", since),
        Part(f"max by (cause_key, satellite, gateway) ({_of_cause(located)})", where, Shape.LIST),
    )
    order = (
        *("Condition", "Cause", "Type", "Services affected", "Customers", "Since", "Since (UTC)"),
        *("Satellite", "Gateway", "ID"),
    )
    return Plan("cause_key", parts, order, (Order("Services affected", Direction.DOWN),))


def _of_cause(expression: str) -> str:
    """With one label that identifies the cause."""
    return f'label_join({expression}, "cause_key", " ", "cause_kind", "cause_id")'


def placed_cause(expression: str) -> str:
    """`placed`, of the label `cause_condition`."""
    return placed(expression).replace('"condition"', '"cause_condition"')


def worst_services(kind: Kind) -> str:
    """The services with the most urgent problems."""
    return f"topk({MOST_SERVICES}, {kind.urgent()})"


def services_plan(kind: Kind) -> Plan:
    """The services in the variable `services` with their causes; the worst first."""
    own = kind.shown("problem_since_timestamp_seconds", variable="services")
    affected = kind.shown("affected_since_timestamp_seconds", variable="services")
    located = kind.shown("affected_since_timestamp_seconds", 'satellite!=""', variable="services")
    by_cause = (
        f"{own} * on ({kind.on}) group_right (condition) (0 * {affected} + 1)"
        f" or on ({kind.on}) {own} or on ({kind.on}) {affected}"
    )
    rows = f"1000 * min by (service_id, name, condition, party, cause) ({placed(f'({by_cause})')})"
    carriers = cell("Carriers of ${__value.raw}", "carriers", "customer", VALUE)
    columns = (
        Column("Condition", "condition", width=95, properties=look.conditions()),
        Column(
            "Service", "name", properties=(cell("Open this service", "services", "service", field("ID")),)
        ),
        Column("Customer", "party", width=150, properties=(carriers,)),
        Column("Since", unit="dateTimeFromNow", width=115),
        Column("Since (UTC)", UTC, "dateTimeAsIso", 155),
        Column("Cause", "cause", width=275),
        Column("ID", "service_id", width=105),
    )
    where = (Column("Satellite", "satellite", width=110), Column("Gateway", "gateway", width=130))
    parts = (
        Part(rows, columns, Shape.LIST),
        Part(f"max by (service_id, satellite, gateway) ({located})", where, Shape.LIST),
    )
    order = [one.title for one in (*columns[:-1], *where, columns[-1])]
    return Plan("service_id", parts, order, _URGENT)


_URGENT = (Order("Condition", Direction.UP), Order("Since", Direction.DOWN))
