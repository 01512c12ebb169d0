"""How values look: words and colours of states, thresholds, properties of columns.

It owns appearance only; which panel shows what is the dashboards'. Colours are Grafana's own names, so that
they fit its light and its dark theme. Invariant: red means down, an outage or a
failure; one record of many is no red tile.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

Property = model.DynamicConfigValue
Step = tuple[float | None, str]

GOOD, BAD, WARN, LESS, NOTE, HIT, IDLE = "green", "red", "orange", "yellow", "blue", "purple", "text"

STATUS_WORDS = (
    (r"/^(operational|active|available|enabled?|installed|in.?use)$/i", GOOD),
    (r"/^(non.?operational|down|failed|alarm|disabled?|out.?of.?service|suspended)$/i", BAD),
    (r"/^(degraded|limited|repair.*|stopping|stopped|inactive)$/i", LESS),
    (r"/^(in.?maintenance|dr.?standby|standby|pending.*)$/i", NOTE),
)
"""Colours of status words, as JavaScript's regular expressions; others keep the text's colour."""


def words(*meanings: tuple[str, str, str]) -> list[model.ValueMapping]:
    """Values (as text) with the word and the colour to show instead."""
    results = {
        value: model.ValueMappingResult(text=word, color=color, index=place)
        for place, (value, word, color) in enumerate(meanings)
    }
    return [model.ValueMap(options=results)]


NO_DATA = "no\N{NO-BREAK SPACE}data"
"""Of a tile: one line, however narrow it is."""

NO_VALUE = "—"
"""An empty cell."""

NO_ROWS = "Nothing matches, or there is no data"
"""An empty table."""

NO_COLOR = "#808080"
"""Grey, on the light and on the dark theme."""


def no_data(text: str = NO_DATA) -> model.ValueMapping:
    """What an empty panel shows. Without it Grafana takes the colour of the first threshold, often green."""
    result = model.ValueMappingResult(text=text, color=NO_COLOR, index=99)
    return model.SpecialValueMap(
        options=model.DashboardSpecialValueMapOptions(match=model.SpecialValueMatch.NULL, result=result)
    )


def statuses() -> list[model.ValueMapping]:
    """Status words in their colours."""
    return [
        model.RegexMap(
            options=model.DashboardRegexMapOptions(
                pattern=pattern, result=model.ValueMappingResult(color=color, index=place)
            )
        )
        for place, (pattern, color) in enumerate(STATUS_WORDS)
    ]


CONDITIONS = (
    ("1", "DOWN", BAD),
    ("2", "affected", HIT),
    ("3", "degraded", LESS),
    ("4", "maintenance", NOTE),
    ("5", "operational", GOOD),
)
"""Conditions by their place, worst first, as `records` gives them: each in a colour of its own."""

OF_RECORDS = tuple(one for one in CONDITIONS if one[1] != "affected")
"""The conditions of carriers and resources."""

REFRESHED = (("1", "ok", GOOD), ("0", "FAILED", BAD))
COMPLETE = (("1", "ok", GOOD), ("0", "INCOMPLETE", BAD))
STALE = (("0", "ok", GOOD), ("1", "STALE", BAD))
RESTORED = (("0", "crawl", GOOD), ("1", "state file", WARN))


def thresholds(*steps: Step) -> build.ThresholdsConfig:
    """Absolute thresholds; the first step's value is None."""
    return (
        build.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=value, color=color) for value, color in steps])
    )


NO_OUTAGE: Sequence[Step] = ((None, GOOD), (1, BAD))
"""For what is grave even once."""

NONE_IS_BETTER: Sequence[Step] = ((None, GOOD), (1, WARN))
NONE_DEGRADED: Sequence[Step] = ((None, GOOD), (1, LESS))
NONE_IN_MAINTENANCE: Sequence[Step] = ((None, GOOD), (1, NOTE))
PLAIN: Sequence[Step] = ((None, IDLE),)


def by_palette() -> build.FieldColor:
    """A colour of its own for each series."""
    return build.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC)


def by_thresholds() -> build.FieldColor:
    """Colours from the thresholds."""
    return build.FieldColor().mode(model.FieldColorModeId.THRESHOLDS)


def mapped(*meanings: tuple[str, str, str]) -> tuple[Property, ...]:
    """A column of states: words on a coloured background."""
    return (
        Property("mappings", words(*meanings)),
        Property("custom.cellOptions", {"type": "color-background", "mode": "basic"}),
        Property("custom.align", "center"),
    )


def conditions() -> tuple[Property, ...]:
    """A column of conditions."""
    return mapped(*CONDITIONS)


def coloured_status() -> tuple[Property, ...]:
    """A column of status words in their colours."""
    return (Property("mappings", statuses()), Property("custom.cellOptions", {"type": "color-text"}))


def coloured_number(*steps: Step) -> tuple[Property, ...]:
    """A column of numbers coloured by thresholds."""
    limits = thresholds(*steps).build()
    return (Property("thresholds", limits), Property("custom.cellOptions", {"type": "color-text"}))
