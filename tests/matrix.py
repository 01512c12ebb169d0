"""Every dialect against every quirk: what a crawl of 1,003 simulated carriers gives, as `docs/dialects.md`.

`python -m tests.matrix` crawls them all and writes the page; a test crawls them again and compares. A verdict
is made from the served snapshot alone: what it holds, and what the exporter says of it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from exporter.inventory.dialects.vendors import DIALECTS
from exporter.simulator.quirk import ENVELOPES, QUIRKS, STYLES
from exporter.simulator.server import Options, Simulator
from tests import crawling
from tests.habits import recipes

RECORDS = 1003
PAGE = Path(__file__).parent.parent / "docs" / "dialects.md"

_VALUES: Mapping[str, tuple[str, ...]] = {
    "style": tuple(f"style={style}" for style in STYLES),
    "envelope": tuple(f"envelope={name}" for name in ENVELOPES),
    "acl-total": ("acl-gaps acl-total=all", "acl-gaps acl-total=readable"),
    "clamp": ("clamp=25", "clamp=7"),
    "total-wrong": ("total-wrong=7", "total-wrong=-7"),
    "link-relative": ("style=link link-relative", "link-relative"),
    "link-foreign": ("style=link link-foreign", "link-foreign"),
    "link-loop": ("style=link link-loop", "link-loop"),
    "link-shrunk": ("style=link link-shrunk", "link-shrunk"),
}

_RECIPES = (
    "## Recipes",
    "",
    "The same information can be sent in many ways. Most are recognised; others need a setting."
    " `ses-inventory-exporter check`",
    "finds what an API needs. Write the settings under the collection, such as `collections.services`;",
    "`none` means that none is needed.",
    "",
)
_PATHS = (
    "",
    "A path like `page.total` names a member in a member. Names match without regard to case, `_` and `-`."
    " A dot that belongs to",
    r"a name has a backslash before it: `location\.name`.",
    "",
)

EXACT = "all"
UNPROVEN = "all, not verified"
PART = "part, reported"
FAILED = "none, reported"
UNFIT = "–"
WRONG = "WRONG"

MEANINGS = {
    EXACT: f"exactly the {RECORDS:,} records (or all that may be read), and `complete` 1",
    UNPROVEN: "exactly these records; the API contradicts itself, so `complete` is 0",
    PART: "fewer records, no wrong ones, and `complete` 0",
    FAILED: "the API cannot be read: `up` 0 and nothing is served",
    UNFIT: "not applicable: the dialect does not have this quirk",
}


def quirks() -> Iterator[str]:
    """Every quirk as it is given, several words where one needs another; no quirk first."""
    yield ""
    for name in QUIRKS:
        yield from _VALUES.get(name, (name,))


async def verdict(dialect: str, quirk: str) -> str:
    """Crawls one simulated inventory and compares what is held with what is there."""
    options = Options(
        listen_port=0,
        dialect=dialect,
        services=0,
        carriers=RECORDS,
        resources=40,
        quirks=tuple(quirk.split()),
    )
    try:
        simulator = Simulator(options)
    except ValueError:
        return UNFIT
    with tempfile.TemporaryDirectory() as folder:
        async with simulator:
            config = crawling.configured(simulator, Path(folder), {"limits.retries": 0})
            async with crawling.app.built(config) as built:
                poller = crawling.poller(built, "carriers")
                await poller.refresh()
                truth = {
                    record.code
                    for record in simulator.fleet.records("carrier")
                    if not simulator.access_rules.hides(record)
                }
                held = {ident.rpartition(":")[2] for ident in poller.snapshot.records}
                return _compared(held, truth, poller)


def _compared(held: set[str], truth: set[str], poller: crawling.Poller) -> str:
    if poller.status.up is False:
        return WRONG if held else FAILED
    if held == truth:
        return EXACT if poller.status.complete else UNPROVEN
    return WRONG if poller.status.complete or held - truth else PART


async def matrix() -> dict[str, dict[str, str]]:
    """All verdicts: quirk → dialect → verdict."""
    return {quirk: {name: await verdict(name, quirk) for name in DIALECTS} for quirk in quirks()}


def row(quirk: str, verdicts: Mapping[str, str]) -> str:
    """One row of the page."""
    return f"| {' | '.join((f'`{quirk}`' if quirk else 'none', *verdicts.values()))} |"


_MEANING = (
    "A dialect describes an implementation: the paths of its lists, how they are paged, and the names of",
    "fields and status values. Write it next to the URL of the API; the default is `ses`:",
    "",
    "```yaml",
    "apis:",
    "  tmf638:",
    "    url: https://inventory.example.com/tmf-api/serviceInventory/v4",
    "    dialect: tmf-v4",
    "```",
    "",
)


def page(verdicts: Mapping[str, Mapping[str, str]]) -> str:
    """The generated page."""
    titles = [f"* `{one.name}`: {one.title}." for one in DIALECTS.values()]
    head = ["quirk", *(f"`{name}`" for name in DIALECTS)]
    return "\n".join(
        (
            "# Dialects",
            "",
            "Generated by `python -m tests.matrix`; do not edit.",
            "",
            *_MEANING,
            *titles,
            "",
            "If an API does not match its dialect, `ses-inventory-exporter check` finds another one"
            " ([check](check.md)).",
            "`paging`, `fields` and `statuses` override any part of a dialect ([settings](settings.md),",
            "[status values](status-values.md)).",
            "",
            *(*_RECIPES, recipes.BEGIN, recipes.table(), recipes.END, *_PATHS),
            "## Quirks of implementations",
            "",
            f"Each cell is one crawl of a simulated inventory of {RECORDS:,} carriers with the quirk.",
            "",
            *(f"* **{word}**: {meaning}." for word, meaning in MEANINGS.items()),
            "",
            f"| {' | '.join(head)} |",
            f"|{'---|' * len(head)}",
            *(row(quirk, by) for quirk, by in verdicts.items()),
            "",
            "`ses-inventory-exporter simulate --help` explains the quirks ([CLI](cli.md#simulate)).",
            "",
        )
    )


def main() -> int:
    PAGE.write_text(page(asyncio.run(matrix())), encoding="utf-8")
    print(f"written {PAGE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
