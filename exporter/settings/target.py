"""The settings of one collection as the program uses them: the operator's merged with the dialect's.

`collection` has what the operator sets, `exporter.inventory.dialects` the values of each dialect. Invariant:
a Target is complete; its users look up no defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from exporter.exposition import families as metrics
from exporter.inventory import dialects, text
from exporter.inventory.record import KINDS
from exporter.settings.api_models import Api, Apis
from exporter.settings.base import Flaw
from exporter.settings.collection import Characteristic, Collection, Collections

REFRESH, FULL = 300.0, 3600.0
"""Default intervals of refreshes and of full crawls, in seconds."""

DEFAULT_API = {"services": "tmf638", "carriers": "tmf638", "resources": "tmf639"}
"""The API that a collection is listed from, unless `api` is set."""


@dataclass(frozen=True, slots=True)
class Target:
    """One enabled collection, resolved.

    `queries` has at least one mapping; the collection is the union of their records. `paging` and `mapping`
    are the dialect's with the operator's changes. `characteristics` maps the names to how they are exported.
    The intervals are in seconds. `delta` is the query for recent changes, empty if there is none.
    """

    collection: str
    kind: str
    api: str
    http: Api
    dialect: dialects.Dialect
    url: str
    queries: tuple[Mapping[str, str], ...]
    page_size: int
    paging: dialects.Paging
    mapping: dialects.Collection
    include_types: tuple[str, ...]
    exclude_types: tuple[str, ...]
    preserve_status_types: tuple[str, ...]
    characteristics: Mapping[str, Characteristic]
    refresh_interval: float
    full_refresh_interval: float
    delta: Mapping[str, str]

    @property
    def shown(self) -> tuple[str, ...]:
        """The characteristics exported as labels."""
        return tuple(name for name, one in self.characteristics.items() if one.metric is None)

    @property
    def numbers(self) -> Mapping[str, tuple[str, float]]:
        """The characteristics exported as gauges: name to (end of the metric name, factor)."""
        return {name: (one.metric, one.scale) for name, one in self.characteristics.items() if one.metric}

    @property
    def families(self) -> tuple[metrics.Family, ...]:
        """The metrics of its records, in the order in which they are served."""
        return metrics.of(self.collection, self.numbers)

    @property
    def crawls_per_hour(self) -> tuple[float, float]:
        """Full crawls and delta refreshes per hour."""
        refreshes = 3600.0 / self.refresh_interval
        if not self.delta:
            return refreshes, 0.0
        fulls = 3600.0 / self.full_refresh_interval
        return fulls, refreshes - fulls


def resolve(apis: Apis, collections: Collections | None) -> tuple[tuple[Target, ...], list[Flaw]]:
    """The targets of all enabled collections, and the flaws of those that cannot be resolved."""
    written = collections.enabled() if collections else _all(apis)
    targets, flaws = [], []
    for name, collection in written.items():
        found = _target(name, collection, apis)
        if isinstance(found, Flaw):
            flaws.append(found)
        else:
            targets.append(found)
            flaws.extend(_clashes(found))
    return tuple(targets), flaws


def _all(apis: Apis) -> Mapping[str, Collection]:
    """The enabled collections if none is set: all that the dialect has a query for."""
    found = {name: getattr(apis, api) for name, api in DEFAULT_API.items()}
    return {
        name: Collection()
        for name, api in found.items()
        if api and _dialect_values(api, name).query is not None
    }


def _dialect_values(api: Api, name: str) -> dialects.Collection:
    return dialects.DIALECTS[api.dialect].collections[name]


def _has_selection(written: Collection, default: dialects.Collection) -> bool:
    """Whether a query, a path or a type selects records of the list."""
    by_query = default.query is not None or written.query is not None
    by_path = written.path is not None and written.path != default.path
    return by_query or by_path or bool(written.include_types)


def _target(name: str, written: Collection, apis: Apis) -> Target | Flaw:
    api_name = written.api or DEFAULT_API[name]
    api: Api | None = getattr(apis, api_name)
    if api is None:
        hint = f"write apis.{api_name}.url, or leave {name} out"
        return Flaw(f"is listed from {api_name}, which is not configured", hint, ("collections", name))
    dialect = dialects.DIALECTS[api.dialect]
    default = dialect.collections.get(name)
    if default is None:
        hint = f"leave it out, or change apis.{api_name}.dialect"
        return Flaw(f"is unknown to the dialect {api.dialect}", hint, ("collections", name))
    if not _has_selection(written, default):
        what = f"nothing selects {name}: the dialect {api.dialect} has no query for them"
        hint = f'write a query, as {{"@type": TYPE}}, or include_types: [TYPE], or leave {name} out'
        return Flaw(what, hint, ("collections", name))
    refresh, full = _intervals(written)
    mapping = _mapping(written, default, api_name)
    return Target(
        collection=name,
        kind=KINDS[name],
        api=api_name,
        http=api,
        dialect=dialect,
        url=f"{api.url}/{mapping.path}",
        queries=written.query if written.query is not None else (default.query or {},),
        page_size=written.page_size or dialect.page_size,
        paging=_paging(written, dialect),
        mapping=mapping,
        include_types=written.include_types,
        exclude_types=mapping.exclude_types,
        preserve_status_types=written.preserve_status_types,
        characteristics=_characteristics(written, default),
        refresh_interval=refresh,
        full_refresh_interval=full,
        delta=dialect.delta if written.delta is None else written.delta,
    )


def _mapping(written: Collection, default: dialects.Collection, api: str) -> dialects.Collection:
    shown = _characteristics(written, default)
    return msgspec.structs.replace(
        default,
        api=api,
        path=written.path or default.path,
        query=written.query[0] if written.query else default.query,
        fields=msgspec.structs.replace(default.fields, **written.fields),
        statuses=_statuses(written, default),
        exclude_types=_excluded(written, default),
        characteristics=tuple(name for name, one in shown.items() if one.metric is None),
    )


def _paging(written: Collection, dialect: dialects.Dialect) -> dialects.Paging:
    changed = written.paging.model_dump(exclude_none=True) if written.paging else {}
    return msgspec.structs.replace(dialect.paging, **changed)


def _statuses(written: Collection, default: dialects.Collection) -> Mapping[str, bool | None]:
    """The dialect's status values and the operator's, which override them in any case and spacing."""
    own = {text.fold(word) for word in written.statuses}
    return {
        **{word: meaning for word, meaning in default.statuses.items() if text.fold(word) not in own},
        **written.statuses,
    }


def _excluded(written: Collection, default: dialects.Collection) -> tuple[str, ...]:
    """The types that the operator excludes, or else the dialect's, except for included ones."""
    if written.exclude_types is not None:
        return written.exclude_types
    wanted = {text.fold(word) for word in written.include_types}
    return tuple(word for word in default.exclude_types if text.fold(word) not in wanted)


def _characteristics(written: Collection, default: dialects.Collection) -> Mapping[str, Characteristic]:
    if written.characteristics is not None:
        return written.characteristics
    return {name: Characteristic() for name in default.characteristics}


def _intervals(written: Collection) -> tuple[float, float]:
    """Both intervals in seconds; the default of one never conflicts with the other."""
    refresh, full = written.refresh_interval, written.full_refresh_interval
    if refresh is None:
        refresh = min(REFRESH, full or FULL)
    return refresh, full if full is not None else max(FULL, refresh)


def _clashes(target: Target) -> Iterator[Flaw]:
    """Metric names of characteristics that are not unique: every scrape would fail."""
    taken = {family.name: "a metric of the exporter" for family in metrics.FAMILIES}
    for name, (ending, _) in target.numbers.items():
        full = metrics.numeric(target.collection, ending, [name]).name
        if full in taken:
            at = ("collections", target.collection, "characteristics", name, "metric")
            yield Flaw(f"{full} is already {taken[full]}", "choose another name", at)
        taken[full] = "the metric of another characteristic"
