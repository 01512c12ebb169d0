"""Rules on carriers: outages, single carriers that are down or degraded, and carriers that go down
repeatedly.
"""

from __future__ import annotations

from rules import outages
from rules.last_known import last_known
from rules.rule import Alert, File, Group, Rule

FAMILY = "ses_inventory_carrier_problem_since_timestamp_seconds"
LABELS = "carrier_id, name, satellite, transponder, gateway, party"

_WHO = "Carrier {{ or $labels.name $labels.carrier_id }}"
_WHERE = (
    "customer {{ or $labels.party `unknown` }}, satellite {{ or $labels.satellite `unknown` }}, "
    "transponder {{ or $labels.transponder `unknown` }}, gateway {{ or $labels.gateway `unknown` }}"
)
_DASHBOARD = "carriers?var-carrier={{ $labels.carrier_id | urlquery }}"


def file() -> File:
    """The file of the carriers."""
    known = last_known(
        outages.PROBLEM,
        f'{FAMILY}{{condition=~"down|degraded"}}',
        "carrier_id, condition",
        "carriers",
        "Carriers that are down or degraded, by exporter: the last known ones. Value: since when.",
    )
    rules: tuple[Rule, ...] = (
        known,
        outages.gateways(),
        outages.satellite(),
        outages.transponder(),
        outages.gateway(),
        _alert("InventoryCarrierNotOperational", "down", "critical", "30s"),
        _alert("InventoryCarrierDegraded", "degraded", "warning", "2m"),
        _flapping(),
    )
    comment = (
        "Carriers that are down or degraded, and outages: many of one satellite, transponder or gateway."
    )
    return File("carriers", comment, (Group("carriers", rules),))


def _alert(name: str, condition: str, severity: str, wait: str) -> Alert:
    """One alert a carrier in this condition, whichever exporters report it; the oldest report gives
    the labels.
    """
    rows = f'bottomk by (carrier_id) (1, min by ({LABELS}) ({outages.PROBLEM}{{condition="{condition}"}}))'
    expr = outages.unexplained(
        name,
        "carrier_id",
        rows,
        ("satellite", outages.SATELLITE),
        ("satellite, transponder", outages.TRANSPONDER),
        ("gateway", outages.GATEWAY),
    )
    return Alert(
        name,
        expr,
        severity,
        "noc",
        f"{_WHO} has been {condition} since {{{{ $value | humanizeTimestamp }}}}: {_WHERE}",
        "",
        _DASHBOARD,
        wait=wait,
        keep="30s",
    )


def _flapping() -> Alert:
    """Down three times within an hour: each time the family has another time of the change."""
    expr = f'max by ({LABELS}) (changes({FAMILY}{{condition="down"}}[1h])) >= 2'
    return Alert(
        "InventoryCarrierFlapping",
        expr,
        "warning",
        "noc",
        f"{_WHO} went down {{{{ $value }}}} more times within an hour: {_WHERE}",
        "",
        _DASHBOARD,
        wait="2m",
        keep="30m",
    )
