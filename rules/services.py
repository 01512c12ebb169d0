"""Rules on services: down or degraded themselves, or resting on something that is down."""

from __future__ import annotations

from rules import outages
from rules.last_known import last_known
from rules.rule import Alert, File, Group, Rule, text

PROBLEM = "instance_service:ses_inventory_problem:since"
LABELS = "service_id, name, service_type, party, place"
NOT_OPERATIONAL = "InventoryServiceNotOperational"

_WHO = "Service {{ or $labels.name $labels.service_id }}"
_WHOSE = "customer {{ or $labels.party `unknown` }}, place {{ or $labels.place `unknown` }}"
_DASHBOARD = "services?var-service={{ $labels.service_id | urlquery }}"


def file() -> File:
    """The file of the services."""
    problem = last_known(
        PROBLEM,
        'ses_inventory_service_problem_since_timestamp_seconds{condition=~"down|degraded"}',
        "service_id, condition",
        "services",
        "Services that are down or degraded, by exporter: the last known ones. Value: since when.",
    )
    affected = last_known(
        outages.AFFECTED,
        'ses_inventory_service_affected_since_timestamp_seconds{cause_condition="down"}',
        "service_id, cause_id",
        "services",
        "Services that rest on something that is down, by exporter and cause, likewise. Value: since when.",
    )
    rules: tuple[Rule, ...] = (
        problem,
        affected,
        _alert(NOT_OPERATIONAL, "down", "critical", "1m"),
        _alert("InventoryServiceDegraded", "degraded", "warning", "2m"),
        _affected(),
    )
    comment = "Services that are down or degraded, and services that rest on something that is down."
    return File("services", comment, (Group("services", rules),))


def _alert(name: str, condition: str, severity: str, wait: str) -> Alert:
    """One alert a service in this condition. The cause is no label: it may change while the alert fires."""
    rows = f'bottomk by (service_id) (1, min by ({LABELS}) ({PROBLEM}{{condition="{condition}"}}))'
    explained = " or ".join(
        f"{outages.AFFECTED} and on ({label}) {outages.firing(outage)}"
        for label, outage in (("satellite", outages.SATELLITE), ("gateway", outages.GATEWAY))
    )
    expr = f"""
        {rows}
        unless on (service_id) (
          ({explained})
          unless on (service_id) {outages.firing(name)}
        )
        """
    asked = f"query (printf `{outages.AFFECTED}{{service_id=%q}}` $labels.service_id)"
    cause = (
        f"{{{{ with {asked} }}}}{{{{ with first . }}}}; cause: {{{{ .Labels.cause_kind }}}} "
        "{{ or .Labels.cause .Labels.cause_id }}{{ with .Labels.satellite }}, satellite {{ . }}{{ end }}"
        "{{ with .Labels.gateway }}, gateway {{ . }}{{ end }}{{ end }}{{ end }}"
    )
    return Alert(
        name,
        text(expr),
        severity,
        "noc",
        f"{_WHO} has been {condition} since {{{{ $value | humanizeTimestamp }}}}: {_WHOSE}{cause}",
        "",
        _DASHBOARD,
        wait=wait,
        keep="30s",
    )


def _affected() -> Alert:
    """One alert a service that is not down itself; of several causes the oldest.

    A carrier that is the cause has an alert of its own, with the customer.
    """
    name = "InventoryServiceAffected"
    labels = f"{LABELS}, cause_kind, cause_id, cause, satellite, gateway"
    rows = f'bottomk by (service_id) (1, min by ({labels}) ({outages.AFFECTED}{{cause_kind!="carrier"}}))'
    expr = outages.unexplained(
        name,
        "service_id",
        rows,
        ("service_id", NOT_OPERATIONAL),
        ("satellite", outages.SATELLITE),
        ("gateway", outages.GATEWAY),
    )
    return Alert(
        name,
        expr,
        "warning",
        "noc",
        f"{_WHO} has been affected since {{{{ $value | humanizeTimestamp }}}}: {{{{ $labels.cause_kind }}}} "
        f"{{{{ or $labels.cause $labels.cause_id }}}} is down; {_WHOSE}, "
        "satellite {{ or $labels.satellite `unknown` }}, gateway {{ or $labels.gateway `unknown` }}",
        "",
        _DASHBOARD,
        wait="1m",
        keep="10m",
    )
