"""The chart as Helm renders it: values in, Kubernetes' objects out; no cluster is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import yaml
from helm_python import Chart

from tests.deploy.copies import CHART, ROOT

FOLDER = ROOT / CHART
VALUES = {file.name.removesuffix("-values.yaml"): file for file in sorted((FOLDER / "ci").glob("*.yaml"))}
"""Values files by name; each is one way to install the chart."""

FOREIGN = {"ServiceMonitor", "PrometheusRule"}
"""Kinds that are the Prometheus operator's, not Kubernetes' own."""

Thing = Mapping[str, Any]


def values(name: str) -> dict[str, Any]:
    """What a values file says."""
    return dict(yaml.safe_load(VALUES[name].read_text(encoding="utf-8")))


def rendered(given: Mapping[str, Any], release: str = "space") -> list[Thing]:
    """Every object of the chart with these values, beside those without which there is no installing it."""
    with Chart.load(FOLDER) as chart:
        texts = chart.render({**values("defaults"), **given}, name=release, namespace="monitoring")
    return [
        thing
        for path, text in sorted(texts.items())
        if path.endswith(".yaml")
        for thing in yaml.safe_load_all(text)
        if thing
    ]


@cache
def installed(name: str) -> Sequence[Thing]:
    """Every object of the chart with a values file of `ci`."""
    return rendered(values(name))


def validate(thing: Thing, version: str) -> None:
    """Checks an object against the schemas of this version of Kubernetes."""
    import kubernetes_validate  # takes two seconds, which every worker of the tests would spend

    kubernetes_validate.validate(thing, version, strict=True)


def of(kind: str, things: Sequence[Thing]) -> list[Thing]:
    """The objects of a kind."""
    return [thing for thing in things if thing["kind"] == kind]


def pods(things: Sequence[Thing]) -> list[Thing]:
    """The templates of the pods."""
    kinds = ("Deployment", "StatefulSet")
    return [thing["spec"]["template"] for thing in things if thing["kind"] in kinds]
