"""Rules on the quality of the inventory: records that vanish, services past their end, defects that grow."""

from __future__ import annotations

from collections.abc import Iterator

from rules.rule import Alert, File, Group, text

_KINDS = ("service", "carrier", "resource")


def file() -> File:
    """The file of what is evaluated once a minute."""
    rules = (
        _vanished("carriers|services", "warning"),
        _vanished("resources", "info"),
        _past_end(),
        *_growing(),
    )
    comment = "Data quality: records that vanish, services past their end, defects that grow."
    return File("records", comment, (Group("records", rules, interval="1m"),))


def _vanished(collections: str, severity: str) -> Alert:
    """An event: it fires for about two hours. Only removals that a complete crawl proves are counted."""
    removed = f'ses_inventory_exporter_records_removed_total{{collection=~"{collections}"}}'
    return Alert(
        "InventoryRecordVanished",
        f"max by (job, collection) (increase({removed}[1h])) >= 0.5",
        severity,
        "noc",
        "{{ printf `%.0f` $value }} {{ $labels.collection }} are no longer in the inventory",
        "Removed within an hour, missing from complete crawls of {{ $labels.job }}.",
        "exporter",
        wait="2m",
        keep="1h",
    )


def _past_end() -> Alert:
    defects = 'ses_inventory_service_defects{defect="past_end_but_operational"}'
    return Alert(
        "InventoryServicePastEnd",
        f"max by (job) (last_over_time({defects}[1d])) > 0",
        "info",
        "noc",
        "{{ $value }} services are past their end",
        "The inventory of {{ $labels.job }} has them in operation although their end has passed.",
        "services",
        wait="1h",
    )


def _growing() -> Iterator[Alert]:
    """One rule per kind: ten more than a day ago, and a tenth more."""
    for kind in _KINDS:
        family = f"ses_inventory_{kind}_defects"
        expr = f"""
            max by (job, instance, defect) (last_over_time({family}[1d]) - {family} offset 1d) >= 10
            and on (job, instance, defect) last_over_time({family}[1d]) > 1.1 * {family} offset 1d
            """
        yield Alert(
            "InventoryDefectsGrowing",
            text(expr),
            "warning",
            "monitoring",
            f"{{{{ $value }}}} more {kind}s than a day ago have the defect {{{{ $labels.defect }}}}",
            "Counted by exporter {{ $labels.instance }}. A change of the inventory, or of its "
            "interface, may be the cause.",
            f"{kind}s",
            wait="30m",
            labels={"collection": f"{kind}s"},
        )
