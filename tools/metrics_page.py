"""The text of docs/metrics.md, from the list of metric families: `make docs` writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.exposition.families import OWN, PREFIX, TELEMETRY, Family, of
from exporter.inventory.record import KINDS


def as_markdown() -> str:
    """The reference page of all metrics."""
    return "\n".join(
        (
            "# Metrics",
            "",
            "Generated from `exporter/exposition/families.py` by `make docs`; do not edit.",
            "",
            "Label values come from the inventory, cleaned and cut; what a record does not say is empty.",
            "All inventory families are from the exporter's snapshot: they are as old as",
            f"`{OWN}last_success_timestamp_seconds` says, and a scrape never causes a request.",
            "",
            "Counts by status and type include zeros: each status seen or known is counted with each type",
            "seen, and goes to zero and not away. Where an API invents words without end, zeros stay of the",
            f"thousand pairs that had a record last, and `{OWN}status_changes_total` tells a thousand",
            "changes apart and counts the rest with `from_status` and `to_status` `other`",
            "([decision 26](decisions/0026-words-without-end.md)).",
            "",
            "As all families of a collection, its counts are absent before its first snapshot and once that",
            "is older than `retention.max_staleness`: a zero would say that there is nothing where nothing",
            "is known, and alerts would believe it.",
            "",
            "Counters by few words, as the reasons of rejects, begin at 0. Those by many (status codes,",
            "changes of status, reasons of failures) appear with their first event, which `increase()` does",
            "not see: the rules that come with the exporter count series that are new, too.",
            "",
            "In OpenMetrics a family of this page whose name ends in a base unit says so (`# UNIT`).",
            "",
            *(line for name in KINDS for line in _section(name.capitalize(), of(name))),
            *_numeric_section(),
            *_section("The exporter about itself", TELEMETRY),
            "In addition there are `process_*` and `python_*`, from prometheus-client.",
            "",
        )
    )


def _section(title: str, listed: Sequence[Family]) -> Iterator[str]:
    yield from (f"## {title}", "", "| family | type | labels | what | source | stability |")
    yield "|---|---|---|---|---|---|"
    for family in listed:
        labels = ", ".join(f"`{label}`" for label in family.labels)
        cells = (f"`{family.name}`", family.type, labels, family.help, family.source, family.stability)
        yield f"| {' | '.join(cells)} |"
    yield ""


def _numeric_section() -> Iterator[str]:
    yield from (
        "## Numeric characteristics",
        "",
        "A characteristic listed in a collection's `characteristics` with a `metric` becomes a gauge named",
        f"`{PREFIX}<kind>_<metric>` with the one label `<kind>_id`; its value is multiplied by `scale`.",
        "",
    )
