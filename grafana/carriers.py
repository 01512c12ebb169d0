"""Carriers: the table of carriers with all columns and characteristics, conditions over time, flapping.

What is down by transponder and gateway is here, by satellite on `overview`. Invariant: the table has the
columns that operators know from before, and every configured characteristic.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, overview, page, promql, topology, variable
from grafana.link import VALUE, cell, field
from grafana.panel import About, Queries, above, bars, counts, number, ranked, statuses, timeline
from grafana.records import Kind
from grafana.table import UTC, Column, Direction, Order, Part, Plan, Shape, table

CARRIERS = Kind(
    "carrier",
    (*overview.CARRIERS.filters, 'carrier_type=~"$carrier_type"'),
    search="carrier",
    status="status",
)

NUMBERS = CARRIERS.without_search()

COLUMNS = (
    *(
        "Condition",
        "Carrier",
        "Customer",
        "Since",
        "Since (UTC)",
        "Status",
        "Satellite",
        "Transponder",
        "Gateway",
    ),
    *("Terminal", "ID", "Type", "Dependent services"),
    *("Uplink alias", "Uplink centre frequency", "Downlink alias", "Downlink centre frequency"),
    *("Symbol rate", "Bandwidth", "Modulation", "Polarization", "Bandwidth segments"),
    *("Created", "Last update", "Description"),
)

TENTHS = (look.Property("decimals", 1),)

MOST = 25
"""The most lines in the timeline."""

FLAPS = 3
"""Problems of a carrier within an hour from which on it is flapping."""


def dashboard() -> model.Dashboard:
    """The dashboard."""
    return page.dashboard(
        page.Page(
            name="carriers",
            title="Inventory / Carriers",
            description="Carriers with status, location in the network and characteristics.",
            variables=(
                variable.search("carrier", "Search"),
                *variable.whereabouts(),
                variable.choice("carrier_type", "Type", "ses_inventory_carriers"),
                variable.choice("status", "Status", "ses_inventory_carriers"),
                variable.rows(),
                variable.ids("shown", "carrier_id", CARRIERS.chosen()),
                variable.ids("recent", "carrier_id", f"topk({MOST}, {_recent(CARRIERS)})"),
            ),
            rows=(
                page.Row("", _numbers()),
                page.Row("", (_table(), _timeline())),
                page.Row("By transponder and gateway; most problems", _where()),
            ),
        )
    )


def _recent(kind: Kind) -> str:
    """When each selected carrier that had a problem in the selected range last got one."""
    return f"max by (carrier_id) ({kind.past_problems('max_over_time', '$__range')})"


def _times(problems: str, *labels: str) -> str:
    """How many problems carriers had within the window of a range of series: a new problem has a new time."""
    by = ", ".join(("carrier_id", *labels))
    return f"max by ({by}) (sum by (job, instance, {by}) (changes({problems}) + 1))"


def _latest() -> str:
    """The problems of the carriers in the timeline."""
    return CARRIERS.shown("problem_since_timestamp_seconds", variable="recent")


def _numbers() -> tuple[page.Panel, ...]:
    all_of_them = promql.total("carrier", 'carrier_type=~"$carrier_type"', 'status=~"$status"')
    total = number(
        About("Carriers", "Number of carriers. Of the filters above, type and status apply."),
        {"": all_of_them},
    )
    problems = (
        ("Down", "that are down", "down", look.NONE_IS_BETTER),
        ("Degraded", "that are degraded", "degraded", look.NONE_DEGRADED),
        ("In maintenance", "in maintenance", "maintenance", look.NONE_IN_MAINTENANCE),
    )
    said = "Number of carriers {}, without the search."
    changes = promql.own("status_changes_total", 'collection="carriers"')
    changed = f"increase({changes}[$__range])"
    return (
        total,
        *counts(
            *(
                (
                    About(title, said.format(words)),
                    NUMBERS.number(NUMBERS.problems(condition)),
                    promql.CARRIER_DATA,
                    steps,
                )
                for title, words, condition, steps in problems
            ),
            (
                About(
                    "Status changes in selected range",
                    "Number of status changes of all carriers in the selected range.",
                ),
                promql.whole("carriers", changed),
                promql.CARRIER_DATA,
                look.PLAIN,
            ),
            (
                About(
                    "Flapping",
                    f"Number of carriers with at least {FLAPS} problems in an hour, without the search.",
                ),
                f"count({_times(f'{NUMBERS.problems()}[1h]')} >= {FLAPS})",
                promql.CARRIER_DATA,
                look.NONE_IS_BETTER,
            ),
        ),
    )


def _table() -> page.Panel:
    about = About(
        "Carriers",
        "Carriers with a problem, the worst first; with a search or a filter, all carriers matching it. The "
        "variable Rows limits their number. Sort and filter by any column. Characteristics are those of the "
        "exporter's configuration, in the units of the inventory.",
        "none",
    )
    parts = (_inventory_columns(), *_states_and_dates(), _dependents(), _characteristics(), _segments())
    order = (Order("Condition"), Order("Since", Direction.DOWN))
    return table(about, Plan("carrier_id", parts, COLUMNS, order)).height(16)


def _inventory_columns() -> Part:
    labels = ("name", "description", "carrier_type", *overview.WHERE, "terminal")
    columns = (
        Column("Carrier", "name", width=390, properties=(_open(),)),
        Column("ID", "carrier_id", width=110),
        Column("Description", "description", width=240),
        Column("Type", "carrier_type", width=130),
        Column("Customer", "party", width=185, properties=(_services_of_customer(),)),
        Column("Satellite", "satellite", width=130),
        Column("Transponder", "transponder", width=185),
        Column("Gateway", "gateway", width=155),
        Column("Terminal", "terminal", width=200),
    )
    return Part(CARRIERS.rows(*labels), columns)


def _open() -> look.Property:
    return cell("Only this carrier", "carriers", "carrier", field("ID"))


def _services_of_customer() -> look.Property:
    return cell("Services of ${__value.raw}", "services", "customer", VALUE)


def _states_and_dates() -> tuple[Part, ...]:
    status = Column("Status", "status", width=130, properties=look.coloured_status())
    since = (
        Column("Since", unit="dateTimeFromNow", width=125),
        Column("Since (UTC)", UTC, "dateTimeAsIso", 165),
    )
    return (
        Part(CARRIERS.condition(), (Column("Condition", width=115, properties=look.conditions()),)),
        Part(CARRIERS.word("status", "status"), (status,)),
        Part(CARRIERS.moment("status_since"), since),
        *(
            Part(CARRIERS.moment(suffix), (Column(title, unit="dateTimeAsIso", width=165),))
            for title, suffix in (("Created", "created"), ("Last update", "last_update"))
        ),
    )


def _dependents() -> Part:
    number_of = CARRIERS.shown("dependents", 'dependent_kind="service"')
    return Part(f"max by (carrier_id) ({number_of})", (Column("Dependent services", unit="none", width=150),))


def _characteristics() -> Part:
    columns = (
        Column("Uplink alias", "uplinkAlias", width=210),
        Column("Uplink centre frequency", "uplinkCenterFrequency", "suffix: MHz", 190, TENTHS),
        Column("Downlink alias", "downlinkAlias", width=210),
        Column("Downlink centre frequency", "downlinkCenterFrequency", "suffix: MHz", 205, TENTHS),
        Column("Symbol rate", "symbolRate", "suffix: kBd", 110),
        Column("Bandwidth", "allocatedBandwidth", "suffix: MHz", 105, TENTHS),
        Column("Modulation", "modulation", width=100),
        Column("Polarization", "polarization", width=100),
    )
    return Part(CARRIERS.many("characteristic_info", "name", "value"), columns, Shape.MATRIX)


def _segments() -> Part:
    column = Column("Bandwidth segments", "service_name", width=160)
    return Part(CARRIERS.many("service_info", "service_name"), (column,), Shape.LIST)


def _timeline() -> page.Panel:
    about = About(
        f"Condition over time: the {MOST} latest problems",
        f"The {MOST} carriers matching the filters above with the latest problems in the selected range. A "
        "gap is a time without data.",
        "none",
    )
    named = CARRIERS.rows("name", variable="recent")
    now = CARRIERS.condition("recent")
    expression = f"max by (carrier_id, name) ({now} * on (carrier_id) group_left (name) {named})"
    return timeline(about, {"{{name}}": expression}, *look.OF_RECORDS).height(14)


def _where() -> tuple[page.Panel, ...]:
    return (
        above(
            bars(
                About("Carriers down by transponder", "Transponders with the most carriers down; top six."),
                _down_by("transponder"),
            )
        ),
        above(
            bars(
                About("Carriers down by gateway", "Gateways with the most carriers down; top six."),
                _down_by("gateway"),
            )
        ),
        above(
            bars(
                About(
                    "Most problems",
                    f"Carriers with more than one problem in the selected range, of the {MOST} with the "
                    "latest ones; top six.",
                ),
                ranked(
                    f"max by (name) ({_times(f'{_latest()}[$__range]', 'name')} > 1)",
                    "name",
                    promql.CARRIER_DATA,
                    6,
                ),
            )
        ),
        statuses("carrier", "Of the filters above, only the type applies.", "carrier_type"),
        above(
            bars(
                About(
                    "Carriers by satellite",
                    "Number of carriers by satellite; top six. Only the filter by satellite applies.",
                ),
                ranked(topology.SATELLITE.carriers(), "satellite", promql.CARRIER_DATA, 6),
                look.PLAIN,
            )
        ).span(12),
    )


def _down_by(label: str) -> Queries:
    return ranked(NUMBERS.number(NUMBERS.problems("down"), label), label, promql.CARRIER_DATA, 6)
