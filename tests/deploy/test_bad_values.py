"""The chart's values, each of the wrong type and each mapping with a key too many: refused, and named.

The values are those of values.yaml, so that a new one is tried too. What stands below `config` are the
exporter's settings, which it checks itself when it starts.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import yaml
from helm_python import Chart, HelmError

from tests.deploy import charting
from tests.deploy.charting import FOLDER

GIVEN: Mapping[str, Any] = yaml.safe_load((FOLDER / "values.yaml").read_text(encoding="utf-8"))
KUBERNETES = frozenset({"podSecurityContext", "securityContext", "resources"})
"""Mappings whose inside is Kubernetes' own, whose API server checks it."""

FREE = frozenset({"affinity", "annotations", "basicAuth", "labels", "nodeSelector", "tlsConfig"})
FREE |= frozenset({"commonLabels", "config", "podAnnotations", "podLabels"}) | KUBERNETES
"""Mappings in which any key may stand."""

Place = tuple[str, ...]


def values(given: Mapping[str, Any] = GIVEN, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value of values.yaml by its path."""
    for key, value in given.items():
        yield (*at, key), value
        if isinstance(value, Mapping) and key != "config" and key not in KUBERNETES:
            yield from values(value, (*at, key))


VALUES = dict(values())
MAPPINGS = [path for path, value in VALUES.items() if isinstance(value, Mapping) and path[-1] not in FREE]


def wrong(value: Any) -> object:
    """A value of another type."""
    return "text" if isinstance(value, (Mapping, list, bool, int)) else {"no": "such"}


def spoilt(path: Place, value: object) -> dict[str, Any]:
    """Good values, but for this one."""
    tree = copy.deepcopy({**GIVEN, **charting.values("defaults")})
    here = tree
    for step in path[:-1]:
        here = here[step]
    here[path[-1]] = value
    return tree


@cache
def chart() -> Chart:
    return Chart.load(FOLDER)


def test_the_values_that_are_spoilt_here_are_good() -> None:
    chart().validate_schema({**GIVEN, **charting.values("defaults")})


@pytest.mark.parametrize("path", VALUES, ids=".".join)
def test_a_value_of_the_wrong_type_is_refused_by_its_path(path: Place) -> None:
    with pytest.raises(HelmError) as caught:
        chart().validate_schema(spoilt(path, wrong(VALUES[path])))
    assert f"at '/{'/'.join(path)}'" in str(caught.value)


@pytest.mark.parametrize("path", [(), *MAPPINGS], ids=lambda path: ".".join(path) or "at the top")
def test_an_unknown_key_is_refused_by_its_name(path: Place) -> None:
    with pytest.raises(HelmError) as caught:
        chart().validate_schema(spoilt((*path, "nonsense"), "x"))
    where = "".join(f"/{step}" for step in path)
    assert f"at '{where}': " in str(caught.value) and "nonsense" in str(caught.value)
