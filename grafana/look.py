"""How values look: words and colours of states, thresholds, properties of columns.

It owns appearance only; which panel shows what is the dashboards'. Colours are Grafana's own names, so that
they fit its light and its dark theme. Invariant: red means not operational or failed, nothing else is red.
"""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

Property = model.DynamicConfigValue
Step = tuple[float | None, str]

GOOD, BAD, WARN, NOTE, IDLE = "green", "red", "orange", "blue", "text"

STATUS_WORDS = (
    (r"/^(operational|active|available|enabled?|installed|in.?use)$/i", GOOD),
    (r"/^(non.?operational|down|failed|alarm|disabled?|out.?of.?service|suspended)$/i", BAD),
    (r"/^(degraded|limited|repair.*|stopping|stopped|inactive)$/i", WARN),
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


NO_DATA = "no data"

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


OPERATIONAL = (("1", "up", GOOD), ("0", "DOWN", BAD))
YES = (("1", "yes", GOOD), ("0", "NO", BAD))
REFRESHED = (("1", "ok", GOOD), ("0", "FAILED", BAD))
STALE = (("0", "fresh", GOOD), ("1", "STALE", BAD))
RESTORED = (("0", "crawled", GOOD), ("1", "from state file", WARN))


def thresholds(*steps: Step) -> build.ThresholdsConfig:
    """Absolute thresholds; the first step's value is None."""
    return (
        build.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=value, color=color) for value, color in steps])
    )


NONE_IS_GOOD: Sequence[Step] = ((None, GOOD), (1, BAD))
NONE_IS_BETTER: Sequence[Step] = ((None, GOOD), (1, WARN))
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


def coloured_status() -> tuple[Property, ...]:
    """A column of status words in their colours."""
    return (Property("mappings", statuses()), Property("custom.cellOptions", {"type": "color-text"}))


def coloured_number(*steps: Step) -> tuple[Property, ...]:
    """A column of numbers coloured by thresholds."""
    limits = thresholds(*steps).build()
    return (Property("thresholds", limits), Property("custom.cellOptions", {"type": "color-text"}))
