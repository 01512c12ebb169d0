"""One collection: `CollectionSettings` is what the operator sets, `Target` what the program uses.

A `Target` is complete: the operator's values, the dialect's where the operator sets none, and the defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field

from exporter.exposition import families as metrics
from exporter.exposition import topology_families
from exporter.inventory import dates, dialects, field_paths, text
from exporter.inventory.condition import Condition
from exporter.inventory.dialects.relationships import Direction
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.inventory.record import KINDS
from exporter.settings.api_models import Api, Apis
from exporter.settings.base import Block, Flaw, Key, checked, refusal
from exporter.settings.types import (
    Interval,
    Metric,
    Scale,
    StatusMeaning,
    TypeName,
    Word,
    WordOrNothing,
    one_of,
    shown,
)

NAMES = ("services", "carriers", "resources")
"""All collections, in the order in which they are served."""

_Meaning = TypeVar("_Meaning")

FIELDS = tuple(field.name for field in msgspec.structs.fields(dialects.Fields))

_PATH = re.compile(r"(?:characteristic|party|place|resource|service)\[[^\[\]]*\]|[^\[\]\s][^\[\]]*")
_RESERVED_ENDINGS = ("_total", "_count", "_sum", "_bucket", "_created", "_info")


def _query(written: object, at: tuple[Key, ...] = ()) -> Mapping[str, str]:
    if not isinstance(written, Mapping):
        raise refusal(Flaw("must be a mapping", 'write it like {status: "1"}', at))
    for key, value in written.items():
        if not isinstance(value, str):
            hint = 'write KEY: "VALUE"; a parameter without a value is KEY: ""'
            raise refusal(Flaw("must be text", hint, (*at, str(key))))
    return {str(key): value for key, value in written.items()}


def _queries(written: object) -> object:
    """One mapping is one query; a list of them is their union."""
    if isinstance(written, Sequence) and not isinstance(written, str):
        if not written:
            raise refusal(Flaw("is an empty list", "write {} for one query without conditions"))
        return tuple(_query(one, (number,)) for number, one in enumerate(written))
    return (_query(written),)


def _by_name(written: Any) -> Any:
    """A list of names, or a mapping with optional values."""
    if isinstance(written, Mapping):
        return {name: {} if value is None else value for name, value in written.items()}
    is_list = isinstance(written, Sequence) and not isinstance(written, str)
    if is_list and all(isinstance(name, str) for name in written):
        return {name: {} for name in written}
    return written


def _path_flaws(path: str) -> Iterator[Flaw]:
    if not path or re.search(r"[\s?#\\]|://|(?:^|/)\.\.?(?:/|$)", path):
        yield Flaw("is not the path of a collection", "write it like service; queries go into query")


def _field_flaws(fields: Mapping[str, tuple[str, ...]]) -> Iterator[Flaw]:
    for name, paths in fields.items():
        if name not in FIELDS:
            yield Flaw("is not a field", f"write one of {', '.join(FIELDS)}", (name,))
        for path in paths:
            if not _PATH.fullmatch(path):
                hint = "write it like place.name, party[ROLE] or characteristic[NAME]"
                yield Flaw(f"{shown(path)} is not a path", hint, (name,))


def _member_flaws(path: str) -> Iterator[Flaw]:
    if not path or not all(field_paths.steps(path)):
        yield Flaw(f"{shown(path)} is not a path", r"write it like data.services; a dot in a key is \.")


def _date_format_flaws(written: str) -> Iterator[Flaw]:
    if not dates.is_format(written):
        hint = "write it like '%d.%m.%Y %H:%M:%S', with a year, a month and a day"
        yield Flaw(f"{shown(written)} is not a date format", hint)


Member = Annotated[str, checked(_member_flaws), TypeName("text")]
Queries = Annotated[
    tuple[Mapping[str, str], ...], BeforeValidator(_queries), TypeName("mapping, or list of them")
]
Delta = Annotated[Mapping[str, str], BeforeValidator(lambda written: _query(written)), TypeName("mapping")]
Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda written: (written,) if isinstance(written, str) else written),
    TypeName("list of texts"),
]
Path = Annotated[str, AfterValidator(lambda path: path.lstrip("/")), checked(_path_flaws)]


class PagingSettings(Block):
    """Overrides of the dialect's paging."""

    style: Annotated[str, one_of(dialects.PAGING_STYLES, "a paging style")] | None = Field(
        default=None, description=f"Pagination style: {', '.join(dialects.PAGING_STYLES)}."
    )
    size_param: Word | None = Field(default=None, description="Query parameter for the page size.")
    position_param: Word | None = Field(
        default=None, description="Query parameter for the offset or the page number."
    )
    first: int | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Number of the first page (style page) or of the first record (styles offset and range). "
        "Default: 0 for offset, else 1.",
    )
    cursor_param: Word | None = Field(
        default=None, description="Query parameter for the cursor (style cursor)."
    )
    total_header: WordOrNothing | None = Field(
        default=None,
        description='Response header with the total number of records; "" to ignore announced totals.',
    )
    total_member: Member | None = Field(
        default=None,
        description="Member of the response with the total number of records, a dotted path like page.total.",
    )
    next_header: WordOrNothing | None = Field(
        default=None,
        description="Response header with the link or the cursor to the next page (styles link and cursor). "
        "Default: Link.",
    )
    next_member: Member | None = Field(
        default=None,
        description="Member of the response with the link or the cursor to the next page (styles link and "
        "cursor), a dotted path like _links.next.href.",
    )
    records: Member | None = Field(
        default=None,
        description="Member of the response that is the list of records, a dotted path like data.services. "
        "Default: found by itself.",
    )

    def flaws(self) -> Iterator[Flaw]:
        """A next page that the style does not look for."""
        for name in ("next_header", "next_member"):
            if getattr(self, name) and self.style not in (None, "link", "cursor"):
                hint = "write style: link or style: cursor, or leave it out"
                yield Flaw(f"is not used by style {self.style}", hint, (name,))


class Characteristic(Block):
    """A characteristic to export: as a label, or as a gauge if `metric` is set."""

    metric: Metric | None = Field(default=None, description="Export as the gauge ses_inventory_KIND_METRIC.")
    scale: Scale = Field(default=1.0, description="Factor to convert the value to base units.")

    def flaws(self) -> Iterator[Flaw]:
        """A metric name that Prometheus reserves, or a scale without a metric."""
        ending = next((end for end in _RESERVED_ENDINGS if (self.metric or "").endswith(end)), "")
        if ending:
            hint = "name the quantity and its unit, as symbol_rate_hertz"
            yield Flaw(f"ends in {ending}, which Prometheus reserves for other types", hint, ("metric",))
        if "scale" in self.model_fields_set and self.metric is None:
            yield Flaw("needs metric, because only numbers can be scaled", "write metric too", ("scale",))


class CollectionSettings(Block):
    """A collection; keys that are not set have the dialect's value or a default."""

    api: Literal["tmf638", "tmf639"] | None = Field(
        default=None, description="API to list it from: by default tmf639 for resources, else tmf638."
    )
    path: Path | None = Field(
        default=None, description="Path relative to the API's url. Default: from the dialect."
    )
    query: Queries | None = Field(
        default=None, description="Query parameters; a list of mappings lists the union of several queries."
    )
    page_size: int | None = Field(
        default=None, ge=1, le=10_000, description="Records per page. Default: from the dialect."
    )
    paging: PagingSettings | None = Field(default=None, description="Overrides of the dialect's paging.")
    fields: Annotated[Mapping[str, Texts], checked(_field_flaws)] = Field(
        default_factory=dict,
        description="Overrides where a field is read from: {FIELD: [PATH, …]}; the first match is used. "
        r"A dot that belongs to a key is \.",
    )
    statuses: Mapping[str, StatusMeaning] = Field(
        default_factory=dict,
        description=f"Additional status values: {{VALUE: CONDITION}}; {', '.join(Condition)}. "
        "true, false and null are short for operational, down and unknown.",
    )
    relationships: Mapping[str, Annotated[str, one_of(tuple(Direction), "a direction")]] = Field(
        default_factory=dict,
        description=f"Additional types of relationships: {{TYPE: DIRECTION}}; {', '.join(Direction)}. "
        "Whether the record depends on the other one, the other one on it, or neither.",
    )
    date_format: Annotated[str, checked(_date_format_flaws)] | None = Field(
        default=None,
        description="Format of dates as for Python's strptime, like %d.%m.%Y %H:%M, if they are not read "
        "without it; UTC without %z.",
    )
    include_types: Texts = Field(
        default=(), description="Types of the records to keep. If empty, all types are kept."
    )
    exclude_types: Texts | None = Field(
        default=None, description="Types of the records to drop. Default: from the dialect."
    )
    preserve_status_types: Texts = Field(
        default=(), description="Types of the records that keep the first status seen."
    )
    characteristics: Annotated[Mapping[str, Characteristic], BeforeValidator(_by_name)] | None = Field(
        default=None,
        description="Characteristics to export: a list of names, or {NAME: {metric, scale}}. "
        "Default: from the dialect.",
    )
    delta: Delta | None = Field(
        default=None,
        description="Query parameters for recently changed records; {} for none. Default: from the dialect.",
    )
    refresh_interval: Interval | None = Field(
        default=None,
        description="Interval of refreshes. Default: 1m for carriers if only changes are asked for (delta), "
        "else 5m; full_refresh_interval if that is shorter.",
    )
    full_refresh_interval: Interval | None = Field(
        default=None, description="Interval of full crawls. Default: 1h, or refresh_interval if longer."
    )

    def flaws(self) -> Iterator[Flaw]:
        """A type that is included and excluded, or intervals in the wrong order."""
        excluded = {text.fold(word) for word in self.exclude_types or ()}
        for word in self.include_types:
            if text.fold(word) in excluded:
                what = f"{shown(word)} is in include_types and in exclude_types"
                yield Flaw(what, "keep it in one of them", ("exclude_types",))
        refresh, full = self.refresh_interval, self.full_refresh_interval
        if refresh is not None and full is not None and full < refresh:
            hint = "make it as long or longer"
            yield Flaw("is shorter than refresh_interval", hint, ("full_refresh_interval",))


class Collections(Block):
    """The enabled collections: those that are set, even without a value, which means their defaults."""

    enabled_by_null: ClassVar[frozenset[str]] = frozenset(NAMES)

    services: CollectionSettings | None = Field(default=None, description="Customer-facing services.")
    carriers: CollectionSettings | None = Field(
        default=None, description="Carriers, which are also TMF638 services."
    )
    resources: CollectionSettings | None = Field(default=None, description="Network resources.")

    def flaws(self) -> Iterator[Flaw]:
        """No collection."""
        if not self.enabled():
            yield Flaw(
                "no collection is enabled", f"write one of {', '.join(NAMES)}, or leave collections out"
            )

    def enabled(self) -> Mapping[str, CollectionSettings]:
        """The enabled collections by name, in the order in which they are served."""
        found = {name: getattr(self, name) for name in NAMES}
        return {name: collection for name, collection in found.items() if collection is not None}


REFRESH, FULL = 300.0, 3600.0
"""Default intervals of refreshes and of full crawls, in seconds."""

CARRIER_DELTA = 60.0
"""Default interval of refreshes of carriers that ask only for changes, in seconds: a page waits for it."""

DEFAULT_API = {"services": "tmf638", "carriers": "tmf638", "resources": "tmf639"}
"""The API that a collection is listed from, unless `api` is set."""


@dataclass(frozen=True, slots=True)
class Target:
    """One enabled collection, resolved.

    The collection is the union of the records of `queries`, at least one. `paging` and `mapping` are the
    dialect's with the operator's changes. Intervals are in seconds. `delta` is the query for recent changes,
    empty if there is none.
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


def _has_selection(written: CollectionSettings, default: dialects.Collection) -> bool:
    """Whether a query, a path or a type selects records of the list."""
    by_query = default.query is not None or written.query is not None
    by_path = written.path is not None and written.path.strip("/") != default.path
    return by_query or by_path or bool(written.include_types)


def resolve(name: str, written: CollectionSettings, apis: Apis) -> Target | Flaw:
    """The target of one collection, or why it cannot be resolved."""
    api_name = written.api or DEFAULT_API[name]
    api: Api | None = getattr(apis, api_name)
    if api is None:
        hint = f"write apis.{api_name}.url, or leave {name} out"
        return Flaw(f"is listed from {api_name}, which is not configured", hint, ("collections", name))
    dialect = DIALECTS[api.dialect]
    default = dialect.collections.get(name)
    if default is None:
        hint = f"leave it out, or change apis.{api_name}.dialect"
        return Flaw(f"is unknown to the dialect {api.dialect}", hint, ("collections", name))
    if not _has_selection(written, default):
        what = f"nothing selects {name}: the dialect {api.dialect} has no query for them"
        hint = f'write a query, as {{"@type": TYPE}}, or include_types: [TYPE], or leave {name} out'
        return Flaw(what, hint, ("collections", name))
    delta = dialect.delta if written.delta is None else written.delta
    refresh, full = _intervals(written, CARRIER_DELTA if delta and name == "carriers" else REFRESH)
    mapping = _mapping(written, default, api_name)
    changed = written.paging.model_dump(exclude_none=True) if written.paging else {}
    return Target(
        collection=name,
        kind=KINDS[name],
        api=api_name,
        http=api,
        dialect=dialect,
        url=f"{api.url}/{mapping.path}",
        queries=written.query if written.query is not None else (default.query or {},),
        page_size=written.page_size or dialect.page_size,
        paging=msgspec.structs.replace(dialect.paging, **changed),
        mapping=mapping,
        include_types=written.include_types,
        exclude_types=mapping.exclude_types,
        preserve_status_types=written.preserve_status_types,
        characteristics=_characteristics(written, default),
        refresh_interval=refresh,
        full_refresh_interval=full,
        delta=delta,
    )


def _mapping(written: CollectionSettings, default: dialects.Collection, api: str) -> dialects.Collection:
    """The dialect's collection with the operator's values."""
    characteristics = _characteristics(written, default)
    return msgspec.structs.replace(
        default,
        api=api,
        path=written.path or default.path,
        query=written.query[0] if written.query else default.query,
        fields=msgspec.structs.replace(default.fields, **written.fields),
        statuses=_overridden(written.statuses, default.statuses),
        relationships=_overridden(
            {word: Direction(one) for word, one in written.relationships.items()}, default.relationships
        ),
        exclude_types=_excluded(written, default),
        date_format=written.date_format or default.date_format,
        characteristics=tuple(name for name, one in characteristics.items() if one.metric is None),
    )


def _characteristics(
    written: CollectionSettings, default: dialects.Collection
) -> Mapping[str, Characteristic]:
    if written.characteristics is not None:
        return written.characteristics
    return dict.fromkeys(default.characteristics, Characteristic())


def _overridden(written: Mapping[str, _Meaning], default: Mapping[str, _Meaning]) -> Mapping[str, _Meaning]:
    """The dialect's words and the operator's, which override them in any case and spacing."""
    own = {text.fold(word) for word in written}
    return {**{word: one for word, one in default.items() if text.fold(word) not in own}, **written}


def _excluded(written: CollectionSettings, default: dialects.Collection) -> tuple[str, ...]:
    """The types that the operator excludes, or else the dialect's, except for included ones."""
    if written.exclude_types is not None:
        return written.exclude_types
    wanted = {text.fold(word) for word in written.include_types}
    return tuple(word for word in default.exclude_types if text.fold(word) not in wanted)


def _intervals(written: CollectionSettings, default: float) -> tuple[float, float]:
    """Both intervals in seconds; the default of one never conflicts with the other."""
    refresh, full = written.refresh_interval, written.full_refresh_interval
    if refresh is None:
        refresh = min(default, full or FULL)
    return refresh, full if full is not None else max(FULL, refresh)


def clashes(target: Target) -> Iterator[Flaw]:
    """Metric names of characteristics that are not unique in both formats: every scrape would fail."""
    taken = {
        name: "a metric of the exporter" if name == family.name else f"the family of {family.name}"
        for family in (*metrics.FAMILIES, *topology_families.FAMILIES)
        for name in metrics.names(family)
    }
    for name, (ending, _) in target.numbers.items():
        full = metrics.numeric(target.collection, ending, [name]).name
        if full in taken:
            at = ("collections", target.collection, "characteristics", name, "metric")
            yield Flaw(f"{full} is already {taken[full]}", "choose another name", at)
        taken[full] = "the metric of another characteristic"
