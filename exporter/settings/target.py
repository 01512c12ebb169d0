"""What the program uses of a collection: the operator's words joined with the dialect's.

`collection` holds what was written, `exporter.inventory.dialects` what is the rule; they are joined here.
Invariant: a Target is complete; whoever uses it looks up no default anywhere.
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
"""Default seconds from refresh to refresh, and from full crawl to full crawl."""

HOME = {"services": "tmf638", "carriers": "tmf638", "resources": "tmf639"}
"""The API a collection is listed from unless the operator says otherwise."""


@dataclass(frozen=True, slots=True)
class Target:
    """One enabled collection, resolved.

    `queries` has at least one mapping; each is listed, and the union is the collection. `paging` and
    `mapping` are the dialect's with the operator's changes. `characteristics` maps names to how they are
    shown. The intervals are in seconds. `delta` is the query for recent changes, empty if there is none.
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
        """The characteristics shown as text."""
        return tuple(name for name, one in self.characteristics.items() if one.metric is None)

    @property
    def numbers(self) -> Mapping[str, tuple[str, float]]:
        """The characteristics shown as gauges: name to (metric's ending, factor)."""
        return {name: (one.metric, one.scale) for name, one in self.characteristics.items() if one.metric}

    @property
    def families(self) -> tuple[metrics.Family, ...]:
        """The metrics its records become, in the order in which they are served."""
        return metrics.of(self.collection, self.numbers)

    @property
    def crawls_per_hour(self) -> tuple[float, float]:
        """How often in an hour everything is asked for, and how often only what changed."""
        refreshes = 3600.0 / self.refresh_interval
        if not self.delta:
            return refreshes, 0.0
        fulls = 3600.0 / self.full_refresh_interval
        return fulls, refreshes - fulls


def resolve(apis: Apis, collections: Collections | None) -> tuple[tuple[Target, ...], list[Flaw]]:
    """The targets of all enabled collections, and what is wrong with those that have none."""
    written = collections.written() if collections else _all(apis)
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
    """The collections that are on where none is written: all that the dialect has a query for."""
    found = {name: getattr(apis, api) for name, api in HOME.items()}
    return {name: Collection() for name, api in found.items() if api and _native(api, name).query is not None}


def _native(api: Api, name: str) -> dialects.Collection:
    return dialects.DIALECTS[api.dialect].collections[name]


def _is_chosen(written: Collection, native: dialects.Collection) -> bool:
    """Whether anything says which records of the list are meant."""
    by_query = native.query is not None or written.query is not None
    by_path = written.path is not None and written.path != native.path
    return by_query or by_path or bool(written.include_types)


def _unchosen(name: str, dialect: str) -> Flaw:
    what = f"nothing says which records are {name}: the dialect {dialect} has no query for them"
    return Flaw(what, f'write a query, as {{"@type": TYPE}}, or include_types: [TYPE], or leave {name} out')


def _target(name: str, written: Collection, apis: Apis) -> Target | Flaw:
    api_name = written.api or HOME[name]
    api: Api | None = getattr(apis, api_name)
    if api is None:
        hint = f"write apis.{api_name}.url, or leave {name} out"
        return Flaw(f"is listed from {api_name}, which is not configured", hint, ("collections", name))
    spoken = dialects.DIALECTS[api.dialect]
    native = spoken.collections.get(name)
    if native is None:
        hint = f"leave it out, or change apis.{api_name}.dialect"
        return Flaw(f"is unknown to the dialect {api.dialect}", hint, ("collections", name))
    if not _is_chosen(written, native):
        return _unchosen(name, api.dialect)._replace(at=("collections", name))
    refresh, full = _intervals(written)
    mapping = _mapping(written, native, api_name)
    return Target(
        collection=name,
        kind=KINDS[name],
        api=api_name,
        http=api,
        dialect=spoken,
        url=f"{api.url}/{mapping.path}",
        queries=written.query if written.query is not None else (native.query or {},),
        page_size=written.page_size or spoken.page_size,
        paging=_paging(written, spoken),
        mapping=mapping,
        include_types=written.include_types,
        exclude_types=mapping.exclude_types,
        preserve_status_types=written.preserve_status_types,
        characteristics=_characteristics(written, native),
        refresh_interval=refresh,
        full_refresh_interval=full,
        delta=spoken.delta if written.delta is None else written.delta,
    )


def _mapping(written: Collection, native: dialects.Collection, api: str) -> dialects.Collection:
    shown = _characteristics(written, native)
    return msgspec.structs.replace(
        native,
        api=api,
        path=written.path or native.path,
        query=written.query[0] if written.query else native.query,
        fields=msgspec.structs.replace(native.fields, **written.fields),
        statuses=_statuses(written, native),
        exclude_types=_excluded(written, native),
        characteristics=tuple(name for name, one in shown.items() if one.metric is None),
    )


def _paging(written: Collection, spoken: dialects.Dialect) -> dialects.Paging:
    changed = written.paging.model_dump(exclude_none=True) if written.paging else {}
    return msgspec.structs.replace(spoken.paging, **changed)


def _statuses(written: Collection, native: dialects.Collection) -> Mapping[str, bool | None]:
    """The dialect's words and the operator's, who wins whatever case and spaces either wrote."""
    own = {text.fold(word) for word in written.statuses}
    return {
        **{w: meaning for w, meaning in native.statuses.items() if text.fold(w) not in own},
        **written.statuses,
    }


def _excluded(written: Collection, native: dialects.Collection) -> tuple[str, ...]:
    """What the operator excludes; else what the dialect does, save what is asked for by name."""
    if written.exclude_types is not None:
        return written.exclude_types
    wanted = {text.fold(word) for word in written.include_types}
    return tuple(word for word in native.exclude_types if text.fold(word) not in wanted)


def _characteristics(written: Collection, native: dialects.Collection) -> Mapping[str, Characteristic]:
    if written.characteristics is not None:
        return written.characteristics
    return {name: Characteristic() for name in native.characteristics}


def _intervals(written: Collection) -> tuple[float, float]:
    """Both intervals in seconds; one that is left out gives way to the one that is written."""
    refresh, full = written.refresh_interval, written.full_refresh_interval
    if refresh is None:
        refresh = min(REFRESH, full or FULL)
    return refresh, full if full is not None else max(FULL, refresh)


def _clashes(target: Target) -> Iterator[Flaw]:
    """Two characteristics, or one and a metric of ours, must not share a name: every scrape would fail."""
    taken = {family.name: "a metric of the exporter" for family in metrics.FAMILIES}
    for name, (metric, _) in target.numbers.items():
        full = metrics.numeric(target.collection, metric, [name]).name
        if full in taken:
            at = ("collections", target.collection, "characteristics", name, "metric")
            yield Flaw(f"{full} is already {taken[full]}", "choose another name", at)
        taken[full] = "the metric of another characteristic"
