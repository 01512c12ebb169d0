"""How these tests render: from JSON values to a body's text and its samples, without a scrape.

Invariant: a text is read by prometheus-client's own parsers, never by pieces of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parsed_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed_text

from exporter.exposition import families, render, segments
from exporter.inventory import record_reader
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.snapshot import Changes, Snapshot
from tests.inventory import reading

Labels = frozenset[tuple[str, str]]
Samples = dict[tuple[str, Labels], float]
Numbers = Mapping[str, tuple[str, float]]


def exposition(
    name: str = "ses", collection: str = "services", numbers: Numbers | None = None, **how: Any
) -> render.Exposition:
    """The exposition of a dialect's collection as the program makes it."""
    statuses = tuple(DIALECTS[name].collections[collection].statuses)
    return render.Exposition(families.of(collection, numbers), **{"statuses": statuses, **how})


def snapshot(items: object, using: record_reader.Reader | None = None) -> Snapshot:
    """What is held after a complete first crawl."""
    return reading.full(Snapshot(), items, using=using).snapshot


def body(
    items: object, name: str = "ses", collection: str = "services", numbers: Numbers | None = None, **how: Any
) -> render.Body:
    """A page of one collection, rendered from nothing."""
    using = reading.reader(name, collection, numbers=numbers or {})
    return exposition(name, collection, numbers, **how).update(snapshot(items, using), Changes())


def whole(rendered: render.Body, form: str = "text") -> str:
    """A body in text format 0.0.4, or as OpenMetrics without its end."""
    return segments.join(rendered.parts(form)).text().decode()


def text(items: object, *where: Any, **how: Any) -> str:
    """The same as text format 0.0.4."""
    return whole(body(items, *where, **how))


def both(rendered: render.Body) -> tuple[list[Metric], list[Metric]]:
    """A body as two parsers read it: text format 0.0.4 and OpenMetrics 1.0.0."""
    ended = f"{whole(rendered, 'openmetrics')}# EOF\n"
    return list(parsed_text(whole(rendered))), list(parsed_openmetrics(ended))


def samples(metrics: Iterable[Metric]) -> Samples:
    """Every sample by name and labels. Fails where two have equal ones, and so no scrape would be taken."""
    found: Samples = {}
    for metric in metrics:
        for sample in metric.samples:
            key = sample.name, frozenset(sample.labels.items())
            assert key not in found, f"twice: {key}"
            assert not math.isnan(sample.value)
            found[key] = sample.value
    return found


def series(items: object, *where: Any, **how: Any) -> dict[str, list[dict[str, str]]]:
    """The labels of every series, by the name of the metric, as they stand in the text."""
    found: dict[str, list[dict[str, str]]] = {}
    for metric in parsed_text(text(items, *where, **how)):
        for sample in metric.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found
