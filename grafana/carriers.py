"""Carriers: the table of carriers with all its columns and characteristics, their states over time, flapping.

What is down by transponder and gateway is here, by customer and satellite on `overview`. Invariant: the table
has the columns that operators know from before, and every configured characteristic.
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
    *("Carrier", "ID", "Operational", "Status", "Since", "Customer"),
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
            description="All carriers with status, location in the network and characteristics.",
            variables=(
                variable.search("carrier", "Search"),
                *variable.whereabouts(),
                variable.choice("carrier_type", "Type", info, "carrier_type"),
                variable.choice("status", "Status", "ses_inventory_carrier_status", "status"),
            ),
            rows=(
                page.Row("", _numbers()),
                page.Row("", (_all(), _timeline())),
                page.Row("By transponder and gateway; most status changes", _where()),
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
                About("Carriers", "Number of carriers matching the filters above."),
                CARRIERS.number(CARRIERS.info()),
                promql.CARRIER_DATA,
                look.PLAIN,
            ),
            (
                About("Down", "Number of carriers in service that are not operational."),
                CARRIERS.number_down(),
                promql.CARRIER_DATA,
                look.NONE_IS_GOOD,
            ),
            (
                About(
                    "Changed in selected range",
                    "Number of carriers that went down or recovered in the selected range.",
                ),
                f"count({_changed('$__range')} > 0)",
                promql.CARRIER_DATA,
                look.NONE_IS_BETTER,
            ),
            (
                About(
                    "Flapping",
                    "Number of carriers that went down or recovered at least four times in the last hour.",
                ),
                f"count({_changed('1h')} >= 4)",
                promql.CARRIER_DATA,
                look.NONE_IS_GOOD,
            ),
            (
                About(
                    "Transponders with carriers down", "Number of transponders with a carrier that is down."
                ),
                f"count({CARRIERS.number_down('transponder')})",
                promql.CARRIER_DATA,
                look.NONE_IS_GOOD,
            ),
            (
                About("Gateways with carriers down", "Number of gateways with a carrier that is down."),
                f"count({CARRIERS.number_down('gateway')})",
                promql.CARRIER_DATA,
                look.NONE_IS_GOOD,
            ),
        )
    )


def _all() -> page.Panel:
    about = About(
        "Carriers",
        "Carriers matching the filters above. Sort and filter by any column. Characteristics are those of "
        "the exporter's configuration, in the units of the inventory.",
        "none",
    )
    parts = (_inventory_columns(), *_states_and_dates(), _characteristics(), _segments())
    return table(about, Plan("carrier_id", parts, COLUMNS, "Operational")).height(16)


def _inventory_columns() -> Part:
    labels = ("name", "description", "carrier_type", *overview.WHERE, "terminal")
    columns = (
        Column("Carrier", "name", width=390, properties=(_open(),)),
        Column("ID", "carrier_id", width=110),
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
    return cell("Only this carrier", "carriers", "carrier", field("ID"))


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
        f"Carriers that are down or changed (at most {MOST})",
        "Carriers that are down or changed most often. Use the filters above to see others.",
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
            About("Carriers down by transponder", "Transponders with the most carriers down; top ten."),
            ranked(CARRIERS.number_down("transponder"), "transponder", promql.CARRIER_DATA),
        ),
        bars(
            About("Carriers down by gateway", "Gateways with the most carriers down; top ten."),
            ranked(CARRIERS.number_down("gateway"), "gateway", promql.CARRIER_DATA),
        ),
        above(
            bars(
                About(
                    "Most status changes",
                    "Carriers with the most status changes in the selected range; top six.",
                ),
                ranked(named, "name", promql.CARRIER_DATA, 6),
                look.NONE_IS_BETTER,
            )
        ),
        statuses("carrier", "Of the filters above, only the type applies.", "carrier_type"),
        bars(
            About("Carriers by satellite", "Number of carriers by satellite; top ten."),
            ranked(CARRIERS.number(CARRIERS.info(), "satellite"), "satellite", promql.CARRIER_DATA),
            look.PLAIN,
        ).span(12),
    )
