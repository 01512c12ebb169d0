"""One collection as the operator sets it: what to list, how often, and what of the dialect to override.

All keys are optional; `target` merges them with the dialect and the defaults. Invariant: the values are valid
by themselves; whether they fit the API and its dialect is checked in `target`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from pydantic import AfterValidator, BeforeValidator, Field

from exporter.inventory import text
from exporter.inventory.dialects import PAGING_STYLES, Fields
from exporter.settings.base import Block, Flaw, Key, checked, refusal
from exporter.settings.types import Interval, Metric, Scale, TypeName, Word, WordOrNothing, one_of, shown

NAMES = ("services", "carriers", "resources")
"""All collections, in the order in which they are served."""

FIELDS = tuple(field.name for field in msgspec.structs.fields(Fields))

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


def _characteristics(written: Any) -> Any:
    """A list of names, or a mapping whose values are optional."""
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


Queries = Annotated[
    tuple[Mapping[str, str], ...], BeforeValidator(_queries), TypeName("mapping, or list of them")
]
Delta = Annotated[Mapping[str, str], BeforeValidator(lambda written: _query(written)), TypeName("mapping")]
Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda written: (written,) if isinstance(written, str) else written),
    TypeName("list of texts"),
]
Path = Annotated[str, AfterValidator(lambda path: path.strip("/")), checked(_path_flaws)]


class Paging(Block):
    """Overrides of the dialect's paging."""

    style: Annotated[str, one_of(PAGING_STYLES, "a paging style")] | None = Field(
        default=None, description=f"Pagination style: {', '.join(PAGING_STYLES)}."
    )
    size_param: Word | None = Field(default=None, description="Query parameter for the page size.")
    position_param: Word | None = Field(
        default=None, description="Query parameter for the offset or the page number."
    )
    first: int | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Number of the first page (style page) or of the first record (style range).",
    )
    cursor_param: Word | None = Field(
        default=None, description="Query parameter for the cursor (style cursor)."
    )
    total_header: WordOrNothing | None = Field(
        default=None,
        description='Response header with the total number of records; "" to ignore announced totals.',
    )


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


class Collection(Block):
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
    paging: Paging | None = Field(default=None, description="Overrides of the dialect's paging.")
    fields: Annotated[Mapping[str, Texts], checked(_field_flaws)] = Field(
        default_factory=dict,
        description="Overrides where a field is read from: {FIELD: [PATH, …]}; the first match is used.",
    )
    statuses: Mapping[str, bool | None] = Field(
        default_factory=dict,
        description="Additional status values: true is operational, false is not, null is neither.",
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
    characteristics: Annotated[Mapping[str, Characteristic], BeforeValidator(_characteristics)] | None = (
        Field(
            default=None,
            description="Characteristics to export: a list of names, or {NAME: {metric, scale}}. "
            "Default: from the dialect.",
        )
    )
    delta: Delta | None = Field(
        default=None,
        description="Query parameters for recently changed records; {} for none. Default: from the dialect.",
    )
    refresh_interval: Interval | None = Field(
        default=None, description="Interval of refreshes. Default: 5m, or full_refresh_interval if shorter."
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

    services: Collection | None = Field(default=None, description="Customer-facing services.")
    carriers: Collection | None = Field(default=None, description="Carriers, which are also TMF638 services.")
    resources: Collection | None = Field(default=None, description="Network resources.")

    def flaws(self) -> Iterator[Flaw]:
        """No collection."""
        if not self.enabled():
            yield Flaw(
                "no collection is enabled", f"write one of {', '.join(NAMES)}, or leave collections out"
            )

    def enabled(self) -> Mapping[str, Collection]:
        """The enabled collections by name, in the order in which they are served."""
        found = {name: getattr(self, name) for name in NAMES}
        return {name: collection for name, collection in found.items() if collection is not None}
