"""Outages: many carriers of one satellite, transponder or gateway are down at once.

An outage is a minimum number of carriers that are down, counted in the last known ones, and, by roll-ups, as
many that are down as are operational. While there are no roll-ups, an outage that fires keeps firing.
"""

from __future__ import annotations

from rules.last_known import CURRENT
from rules.rule import Alert, Recording, text

PROBLEM = "instance_carrier:ses_inventory_problem:since"
AFFECTED = "instance_service:ses_inventory_affected:since"
GATEWAYS = "satellite:ses_inventory_carriers_down:count_gateways"

SATELLITE_CARRIERS, TRANSPONDER_CARRIERS, GATEWAY_CARRIERS = (
    f"ses_inventory_{place}_carriers" for place in ("satellite", "transponder", "gateway")
)
SATELLITE, TRANSPONDER, GATEWAY = (
    f"Inventory{place}CarriersDown" for place in ("Satellite", "Transponder", "Gateway")
)

_IN_SERVICE = 'condition=~"down|degraded|maintenance|operational"'


def firing(alert: str) -> str:
    """The alerts of this name that fire."""
    return f'ALERTS{{alertname="{alert}",alertstate="firing"}}'


def unexplained(alert: str, key: str, rows: str, *outages: tuple[str, str]) -> str:
    """The rows, one for each value of the label `key`, without those that an outage explains.

    An outage is the labels that it has in common with the rows, and its alert. What fires when the outage
    begins goes on, and Alertmanager mutes it: if it ended here, its notification would never be resolved.
    """
    lines = [
        rows,
        *(f"unless on ({labels}) {firing(outage)}" for labels, outage in outages),
        f"or on ({key}) ({rows} and on ({key}) {firing(alert)})",
    ]
    return "\n".join(lines)


def gateways() -> Recording:
    """The satellites with an outage that no single gateway explains."""
    family = GATEWAY_CARRIERS
    return Recording(
        GATEWAYS,
        text(
            f"""
            count by (satellite) (
              {_half(family, "satellite, gateway")}
            ) >= 2
            and on (satellite) {_half(family, "satellite")}
            """
        ),
        "Gateways through which half of the carriers of a satellite are down: if two, the satellite is.",
    )


def satellite() -> Alert:
    """Five carriers of a satellite, and half of them."""
    return Alert(
        SATELLITE,
        _outage(SATELLITE, "satellite", SATELLITE_CARRIERS, 5),
        "critical",
        "noc",
        f"Satellite {{{{ $labels.satellite }}}}: {_m_of_n(SATELLITE_CARRIERS, 'satellite')} are down",
        f"Affected: {_number('service', 'satellite')} services of {_number('customer', 'satellite')} "
        f"customers. "
        "Its carriers and services raise no alerts of their own.",
        "overview?var-satellite={{ $labels.satellite | urlquery }}",
        wait="30s",
        keep="1m",
    )


def transponder() -> Alert:
    """Three carriers of a transponder, and half of them."""
    place = ("satellite", "transponder")
    return Alert(
        TRANSPONDER,
        f"{_outage(TRANSPONDER, ', '.join(place), TRANSPONDER_CARRIERS, 3)}\n"
        f"unless on (satellite) {firing(SATELLITE)}",
        "critical",
        "noc",
        f"Transponder {{{{ $labels.transponder }}}}: {_m_of_n(TRANSPONDER_CARRIERS, *place)} are down",
        "Satellite {{ or $labels.satellite `unknown` }}. Its carriers raise no alerts of their own.",
        "carriers?var-transponder={{ $labels.transponder | urlquery }}",
        wait="30s",
        keep="1m",
    )


def gateway() -> Alert:
    """Five carriers of a gateway, and half of them, without satellites that have an outage themselves."""
    family = GATEWAY_CARRIERS
    down = f'group by (satellite, gateway, carrier_id) ({PROBLEM}{{condition="down",gateway!=""}})'
    expr = f"""
        sum by (gateway) (count by (satellite, gateway) ({down}) unless on (satellite) {GATEWAYS}) >= 5
        and on (gateway) (
          sum by (gateway) ({family}{{condition="down"}} unless on (satellite) {GATEWAYS})
          >= sum by (gateway) ({family}{{condition="operational"}} unless on (satellite) {GATEWAYS})
          or {firing(GATEWAY)} unless on (gateway) {family}{{condition="down"}}
        )
        """
    return Alert(
        GATEWAY,
        text(expr),
        "critical",
        "noc",
        f"Gateway {{{{ $labels.gateway }}}}: {_m_of_n(GATEWAY_CARRIERS, 'gateway')} are down",
        f"Affected: {_number('service', 'gateway')} services of {_number('customer', 'gateway')} customers. "
        "Its carriers and services raise no alerts of their own.",
        "overview?var-gateway={{ $labels.gateway | urlquery }}",
        wait="30s",
        keep="1m",
    )


def _half(family: str, by: str) -> str:
    """Places at which as many carriers are down as are operational, or more."""
    down, operational = (f'sum by ({by}) ({family}{{condition="{one}"}})' for one in ("down", "operational"))
    return f"{down} >= {operational}"


def _outage(alert: str, by: str, family: str, least: int) -> str:
    """Number of carriers that are down, by place, where it is an outage."""
    place = by.rpartition(" ")[2]
    down = f'{PROBLEM}{{condition="down",{place}!=""}}'
    return text(
        f"""
        count by ({by}) (group by ({by}, carrier_id) ({down})) >= {least}
        and on ({by}) (
          {_half(family, by)}
          or {firing(alert)} unless on (satellite) {SATELLITE_CARRIERS}{{condition="down"}}
        )
        """
    )


def _m_of_n(family: str, *places: str) -> str:
    """The number of carriers that are down, and how many there are in service.

    Shards add up; of replicas, which have the same coverage, one counts. Without data of a shard the number
    in service is not known, and left out where it is less than the number of those that are down.
    """
    chosen = ",".join((_IN_SERVICE, *(f"{place}=%q" for place in places)))
    names = " ".join(f"$labels.{place}" for place in places)
    counting = (
        f"sum(max by (coverage) (sum by (job, instance) ({family}{{{chosen}}})"
        f' * on (job, instance) group_left (coverage) {CURRENT}{{collection="carriers"}} ^ 0))'
    )
    return (
        f"{{{{ $value }}}}{{{{ with query (printf `{counting}` {names}) }}}}"
        "{{ if ge (. | first | value) $value }} of {{ . | first | value }}{{ end }}{{ end }} carriers"
    )


def _number(of: str, place: str) -> str:
    """How many services, or customers, are affected by what is down there."""
    label = {"service": "service_id", "customer": "party"}[of]
    counting = f"count(group by ({label}) ({AFFECTED}{{{place}=%q}}))"
    asked = f"query (printf `{counting}` $labels.{place})"
    return f"{{{{ with {asked} }}}}{{{{ . | first | value }}}}{{{{ else }}}}0{{{{ end }}}}"
