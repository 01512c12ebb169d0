"""Rules on resources: those in alarm. One that is down raises alerts on the services that rest on it."""

from __future__ import annotations

from rules.last_known import last_known
from rules.rule import Alert, File, Group

ALARM = "instance_resource:ses_inventory_alarm:since"
LABELS = "resource_id, name, resource_type, party, place"

_PROBLEM = "ses_inventory_resource_problem_since_timestamp_seconds"
_NONE = "(?i:|none|cleared|normal|ok|false|0|indeterminate|under.?repair)"
_STATE = f'ses_inventory_resource_state{{dimension="alarm",state!~"{_NONE}"}}'


def file() -> File:
    """The file of the resources."""
    known = last_known(
        ALARM,
        f'{_PROBLEM} and on (job, instance, resource_id) {_STATE} or {_PROBLEM}{{status=~"(?i:alarm)"}}',
        "resource_id",
        "resources",
        "Resources in alarm, by exporter: the last known ones. Value: since when.",
    )
    alarm = Alert(
        "InventoryResourceInAlarm",
        f"bottomk by (resource_id) (1, min by ({LABELS}) ({ALARM}))",
        "warning",
        "noc",
        "{{ or $labels.resource_type `Resource` }} {{ or $labels.name $labels.resource_id }} "
        "has been in alarm since {{ $value | humanizeTimestamp }}: "
        "customer {{ or $labels.party `unknown` }}, place {{ or $labels.place `unknown` }}",
        "",
        "resources?var-resource={{ $labels.resource_id | urlquery }}",
        wait="2m",
        keep="30s",
    )
    return File("resources", "Resources in alarm.", (Group("resources", (known, alarm)),))
