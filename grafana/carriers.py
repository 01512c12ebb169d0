"""Carriers: the table of carriers with all its columns and characteristics, their states over time, flapping.

What is down by transponder and gateway is here, by customer and satellite on `overview`. Invariant: the table
has the columns that operators know from before, and every characteristic that the exporter was told to show.
"""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard as model

from grafana import look, overview, page, promql, variable
from grafana.link import VALUE, cell, field
from grafana.panel import About, above, bars, counts, ranked, statuses, timeline
from grafana.promql import Kind
from grafana.table import Column, Part, Plan, Shape, table

CARRIERS = Kind(
    "carrier",
    (*overview.CARRIERS.filters, 'carrier_type=~"$carrier_type"'),
    search="carrier",
    status="status",
)

COLUMNS = (
    *("Carrier", "External id", "Operational", "Status", "Since", "Customer"),
    *("Satellite", "Transponder", "Gateway", "Terminal", "Type"),
    *("Uplink alias", "Uplink centre frequency", "Downlink alias", "Downlink centre frequency"),
    *("Symbol rate", "Bandwidth", "Modulation", "Polarization", "Bandwidth segments"),
    *("Created", "Last update", "Description"),
)

TENTHS = (look.Property("decimals", 1),)

MOST = 25
"""The most lines in the timeline."""


def dashboard() -> model.Dashboard:
    """The dashboard."""
    info = "ses_inventory_carrier_info"
    return page.dashboard(
        page.Page(
            name="carriers",
            title="Inventory / Carriers",
            description="Every carrier with its state, its place in the network and its characteristics.",
            variables=(
                variable.search("carrier", "Search"),
                *variable.whereabouts(),
                variable.choice("carrier_type", "Type", info, "carrier_type"),
                variable.choice("status", "Status", "ses_inventory_carrier_status", "status"),
            ),
            rows=(
                page.Row("", _numbers()),
                page.Row("", (_all(), _timeline())),
                page.Row("Where and how often", _where()),
            ),
        )
    )


def _changed(window: str) -> str:
    """How often each selected carrier changed its state within a window."""
    changes = f"changes({CARRIERS.metric('operational')}[{window}])"
    return f"max by (carrier_id) ({changes} and on ({CARRIERS.on}) {CARRIERS.info()})"


def _numbers() -> tuple[page.Panel, ...]:
    return tuple(
        counts(
            (
                About("Carriers", "Carriers that the choice above leaves."),
                CARRIERS.number(CARRIERS.info()),
                promql.CARRIER_DATA,
                look.PLAIN,
            ),
            (
                About("Down", "Carriers in service that are not operational."),
                CARRIERS.number_down(),
                promql.CARRIER_DATA,
                look.NONE_IS_GOOD,
            ),
            (
                About("Changed in this time", "Carriers that went down or came back in the time shown."),
                f"count({_changed('$__range')} > 0)",
                promql.CARRIER_DATA,
                look.NONE_IS_BETTER,
            ),
            (
                About(
                    "Flapping",
                    "Carriers that went down or came back four times or more within the last hour.",
                ),
                f"count({_changed('1h')} >= 4)",
                promql.CARRIER_DATA,
                look.NONE_IS_GOOD,
            ),
            (
                About(
                    "Transponders with carriers down", "Transponders with a carrier that is not operational."
                ),
                f"count({CARRIERS.number_down('transponder')})",
                promql.CARRIER_DATA,
                look.NONE_IS_GOOD,
            ),
            (
                About("Gateways with carriers down", "Gateways with a carrier that is not operational."),
                f"count({CARRIERS.number_down('gateway')})",
                promql.CARRIER_DATA,
                look.NONE_IS_GOOD,
            ),
        )
    )


def _all() -> page.Panel:
    about = About(
        "Carriers",
        "All carriers that the choice above leaves. Every column can be sorted and filtered. Characteristics "
        "are those that the exporter's settings ask for, in the units of the inventory.",
        "none",
    )
    parts = (_told(), *_states_and_dates(), _characteristics(), _segments())
    return table(about, Plan("carrier_id", parts, COLUMNS, "Operational")).height(16)


def _told() -> Part:
    labels = ("name", "description", "carrier_type", *overview.WHERE, "terminal")
    columns = (
        Column("Carrier", "name", width=390, properties=(_open(),)),
        Column("External id", "carrier_id", width=110),
        Column("Description", "description", width=240),
        Column("Type", "carrier_type", width=130),
        Column("Customer", "party", width=180, properties=(_services_of_customer(),)),
        Column("Satellite", "satellite", width=130),
        Column("Transponder", "transponder", width=185),
        Column("Gateway", "gateway", width=145),
        Column("Terminal", "terminal", width=200),
    )
    return Part(CARRIERS.rows(*labels), columns)


def _open() -> look.Property:
    return cell("Only this carrier", "carriers", "carrier", field("External id"))


def _services_of_customer() -> look.Property:
    return cell("Services of ${__value.raw}", "services", "customer", VALUE)


def _states_and_dates() -> tuple[Part, ...]:
    status = Column("Status", "status", width=130, properties=look.coloured_status())
    dates = (
        ("Since", "status_since", "dateTimeFromNow", 145),
        ("Created", "created", "dateTimeAsIso", 165),
        ("Last update", "last_update", "dateTimeAsIso", 165),
    )
    return (
        Part(
            CARRIERS.value("operational"),
            (Column("Operational", width=95, properties=look.mapped(*look.OPERATIONAL)),),
        ),
        Part(CARRIERS.word("status", "status"), (status,)),
        *(
            Part(CARRIERS.moment(suffix), (Column(title, unit=unit, width=width),))
            for title, suffix, unit, width in dates
        ),
    )


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
        "Carriers that are down or changed",
        f"Up and down over the time shown, for the {MOST} carriers with most changes and those that are down "
        "now. Narrow the choice above to see others.",
        "none",
    )
    changes = f"changes({CARRIERS.metric('operational')}[$__range] @ end())"
    down = f"(1 - {CARRIERS.metric('operational')} @ end())"
    on = f"on ({CARRIERS.on})"
    worst = f"topk({MOST}, max by (carrier_id) (({changes} + {on} {down}) and {on} {CARRIERS.info()}) > 0)"
    named = f"{CARRIERS.metric('operational')} * {on} group_left (name) {CARRIERS.info()}"
    out = CARRIERS.metric("status", f'status=~"{promql.NOT_IN_SERVICE}"')
    expression = f"min by (carrier_id, name) ({named} unless {on} {out}) and on (carrier_id) {worst}"
    return timeline(about, {"{{name}}": expression}, *look.OPERATIONAL).height(14)


def _where() -> tuple[page.Panel, ...]:
    changing = f"({_changed('$__range')} > 0)"
    named = f"max by (carrier_id, name) ({CARRIERS.info()}) * on (carrier_id) group_left () {changing}"
    return (
        bars(
            About("Carriers down by transponder", "Transponders with most carriers down; at most ten."),
            ranked(CARRIERS.number_down("transponder"), "transponder", promql.CARRIER_DATA),
        ),
        bars(
            About("Carriers down by gateway", "Gateways with most carriers down; at most ten."),
            ranked(CARRIERS.number_down("gateway"), "gateway", promql.CARRIER_DATA),
        ),
        above(
            bars(
                About(
                    "Most changes in this time",
                    "Carriers that went down or came back most often; at most six.",
                ),
                ranked(named, "name", promql.CARRIER_DATA, 6),
                look.NONE_IS_BETTER,
            )
        ),
        statuses("carrier", "Limited by type only.", "carrier_type"),
        bars(
            About("Carriers by satellite", "How many carriers run over each satellite; the ten with most."),
            ranked(CARRIERS.number(CARRIERS.info(), "satellite"), "satellite", promql.CARRIER_DATA),
            look.PLAIN,
        ).span(12),
    )
