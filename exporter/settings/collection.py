"""One collection as the operator writes it: what is listed, how often, and what of a dialect is overridden.

Every key is optional, and what is left out is the dialect's or the default; `target` joins the two.
Invariant: what is here is well-formed by itself; whether it fits its API and dialect is `target`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import msgspec
from pydantic import BeforeValidator, Field, field_validator, model_validator

from exporter.inventory import text
from exporter.inventory.dialects import PAGING_STYLES, Fields
from exporter.settings.base import Block, Flaw, Key, refusal
from exporter.settings.types import Interval, Metric, Notation, Scale, Word, WordOrNothing, shown

NAMES = ("services", "carriers", "resources")
"""The collections there are, in the order in which they are served."""

FIELDS = tuple(field.name for field in msgspec.structs.fields(Fields))

_PATH = re.compile(r"(?:characteristic|party|place|resource|service)\[[^\[\]]*\]|[^\[\]\s][^\[\]]*")
_KEPT_ENDINGS = ("_total", "_count", "_sum", "_bucket", "_created", "_info")


def _term(value: object, at: tuple[Key, ...]) -> str:
    if not isinstance(value, str):
        raise refusal(Flaw("must be text", 'write KEY: "VALUE"; a parameter without a value is KEY: ""', at))
    return value


def _query(written: object, at: tuple[Key, ...] = ()) -> Mapping[str, str]:
    if not isinstance(written, Mapping):
        raise refusal(Flaw("must be a mapping", 'write it like {status: "1"}', at))
    return {str(key): _term(value, (*at, str(key))) for key, value in written.items()}


def _queries(written: object) -> object:
    """One mapping is one query; a list of them is their union."""
    if isinstance(written, Sequence) and not isinstance(written, str):
        if not written:
            raise refusal(Flaw("is an empty list", "write {} for one query without conditions"))
        return tuple(_query(one, (number,)) for number, one in enumerate(written))
    return (_query(written),)


def _words(written: object) -> object:
    """A single text stands for a list of one."""
    return (written,) if isinstance(written, str) else written


Queries = Annotated[
    tuple[Mapping[str, str], ...], BeforeValidator(_queries), Notation("mapping, or list of them")
]
Delta = Annotated[Mapping[str, str], BeforeValidator(lambda written: _query(written)), Notation("mapping")]
Words = Annotated[tuple[str, ...], BeforeValidator(_words), Notation("list of texts")]


class Paging(Block):
    """What of the dialect's paging is overridden."""

    style: str | None = Field(
        default=None, description=f"How parts are asked for: {', '.join(PAGING_STYLES)}."
    )
    size_param: Word | None = Field(
        default=None, description="The parameter for the number of records of a page."
    )
    position_param: Word | None = Field(
        default=None, description="The parameter for the offset or the page's number."
    )
    first: int | None = Field(
        default=None,
        ge=0,
        le=1,
        description="The number of the first page (style page), or of the first record (style range).",
    )
    cursor_param: Word | None = Field(
        default=None, description="The parameter for the cursor (style cursor)."
    )
    total_header: WordOrNothing | None = Field(
        default=None,
        description='The header that announces the number of records; "" to believe no announced total.',
    )

    @field_validator("style")
    @classmethod
    def _known(cls, style: str) -> str:
        if style not in PAGING_STYLES:
            raise refusal(
                Flaw(f"{shown(style)} is not a paging style", f"write one of {', '.join(PAGING_STYLES)}")
            )
        return style


class Characteristic(Block):
    """One characteristic to show: as text, or as a gauge of its own where `metric` is written."""

    metric: Metric | None = Field(default=None, description="Show a number as ses_inventory_KIND_METRIC.")
    scale: Scale = Field(
        default=1.0, description="What the number is multiplied by, to arrive at base units."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        ending = next((end for end in _KEPT_ENDINGS if (self.metric or "").endswith(end)), "")
        if ending:
            what = f"ends in {ending}, which Prometheus keeps for other types"
            raise refusal(Flaw(what, "name what is measured and its unit, as symbol_rate_hertz", ("metric",)))
        if "scale" in self.model_fields_set and self.metric is None:
            raise refusal(
                Flaw("needs metric, for only numbers can be scaled", "write metric too", ("scale",))
            )
        return self


def _characteristics(written: Any) -> Any:
    """A list of names, or a mapping whose values may be left out."""
    if isinstance(written, Mapping):
        return {name: {} if value is None else value for name, value in written.items()}
    if (
        isinstance(written, Sequence)
        and not isinstance(written, str)
        and all(isinstance(x, str) for x in written)
    ):
        return {name: {} for name in written}
    return written


Characteristics = Annotated[Mapping[str, Characteristic], BeforeValidator(_characteristics)]


class Collection(Block):
    """One collection; whatever is left out comes from the dialect or has a default."""

    api: Literal["tmf638", "tmf639"] | None = Field(
        default=None,
        description="The API it is listed from. Services and carriers: tmf638; resources: tmf639.",
    )
    path: str | None = Field(
        default=None, description="What is appended to the API's url. By default the dialect's."
    )
    query: Queries | None = Field(
        default=None,
        description="The query's parameters; a list makes the collection the union of several queries.",
    )
    page_size: int | None = Field(
        default=None, ge=1, le=10_000, description="Records of a page. By default the dialect's."
    )
    paging: Paging | None = Field(default=None, description="Overrides the dialect's paging.")
    fields: Mapping[str, Words] = Field(
        default_factory=dict,
        description="Overrides where a field is looked for: {FIELD: [PATH, …]}, first wins.",
    )
    statuses: Mapping[str, bool | None] = Field(
        default_factory=dict,
        description="Adds to what a status means: true operational, false not, null neither.",
    )
    include_types: Words = Field(default=(), description="Keep only records of these types; all if empty.")
    exclude_types: Words | None = Field(
        default=None, description="Drop records of these types. By default the dialect's."
    )
    preserve_status_types: Words = Field(default=(), description="Types that keep the first status seen.")
    characteristics: Characteristics | None = Field(
        default=None,
        description="Which to show: a list of names, or {NAME: {metric, scale}}. By default the dialect's.",
    )
    delta: Delta | None = Field(
        default=None, description="The query for what changed; {} for none. By default the dialect's."
    )
    refresh_interval: Interval | None = Field(
        default=None,
        description="Time from refresh to refresh. By default 5m, or full_refresh_interval if shorter.",
    )
    full_refresh_interval: Interval | None = Field(
        default=None,
        description="Time from full crawl to full crawl. By default 1h, or refresh_interval if longer.",
    )

    @field_validator("path")
    @classmethod
    def _plain_path(cls, path: str) -> str:
        plain = path.strip("/")
        if not plain or re.search(r"[\s?#\\]|://|(?:^|/)\.\.?(?:/|$)", plain):
            raise refusal(
                Flaw("is not the path of a collection", "write it like service; queries go into query")
            )
        return plain

    @field_validator("fields")
    @classmethod
    def _known_fields(cls, fields: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        flaws = [
            Flaw("is not a field", f"write one of {', '.join(FIELDS)}", (name,))
            for name in fields
            if name not in FIELDS
        ]
        flaws.extend(
            Flaw(
                f"{shown(path)} is not a path",
                "write it like place.name, party[ROLE] or characteristic[NAME]",
                (name,),
            )
            for name, paths in fields.items()
            for path in paths
            if not _PATH.fullmatch(path)
        )
        if flaws:
            raise refusal(*flaws)
        return fields

    @model_validator(mode="after")
    def _check(self) -> Self:
        flaws = []
        excluded = {text.fold(word) for word in self.exclude_types or ()}
        for word in self.include_types:
            if text.fold(word) in excluded:
                what = f"{shown(word)} is in include_types and in exclude_types"
                flaws.append(Flaw(what, "keep it in one of them", ("exclude_types",)))
        refresh, full = self.refresh_interval, self.full_refresh_interval
        if refresh is not None and full is not None and full < refresh:
            flaws.append(
                Flaw(
                    "is shorter than refresh_interval",
                    "make it as long or longer",
                    ("full_refresh_interval",),
                )
            )
        if flaws:
            raise refusal(*flaws)
        return self


class Collections(Block):
    """The collections that are on. One that is left out is off; one without a value has its defaults."""

    null_means_on: ClassVar[frozenset[str]] = frozenset(NAMES)

    services: Collection | None = Field(default=None, description="Customer-facing services.")
    carriers: Collection | None = Field(default=None, description="Carriers, which are TMF638 records too.")
    resources: Collection | None = Field(default=None, description="Network resources.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.written():
            raise refusal(
                Flaw("no collection is on", f"write one of {', '.join(NAMES)}, or leave collections out")
            )
        return self

    def written(self) -> Mapping[str, Collection]:
        """The collections that are on, by name, in the order in which they are served."""
        found = {name: getattr(self, name) for name in NAMES}
        return {name: collection for name, collection in found.items() if collection is not None}
