"""Which settings may solve a problem: other dialects, paths, queries, page sizes, ways of paging, ids.

`candidates` lists changes for what was seen, the likeliest first; `check` tries them on the API, one after
the other. `as_yaml` writes the changes. Pure.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
import yaml

from exporter import errors, settings
from exporter.check.findings import Finding, better_dialect, counted, listed, value_of, written
from exporter.check.sample import Answer, Sample, raws_of
from exporter.inventory import envelope, field_paths, members, text
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.paging.position_names import NUMBERS, OFFSETS, OFFSETS_FROM_1
from exporter.settings.collection import CollectionSettings
from exporter.settings.models import Change

_SERVICES = (
    *("service", "services", "v{0}/service", "serviceInventory/v{0}/service"),
    *("serviceInventory/service", "tmf-api/serviceInventory/v{0}/service"),
)
_RESOURCES = (
    *("resource", "resources", "v{0}/resource", "resourceInventoryManagement/v{0}/resource"),
    *("resourceInventory/v{0}/resource", "tmf-api/resourceInventoryManagement/v{0}/resource"),
)
_PATHS = {"tmf638": _SERVICES, "tmf639": _RESOURCES}
"""Paths of lists that implementations use; {0} is a version of the specification."""

_SOME = "there are records"
_VERSIONS = (4, 5, 3, 2, 1)
_SIZES = (50, 20, 10, 5, 1)
_CURSORS = ("cursor", "after", "pageToken", "page_token", "nextCursor", "continuation", "marker")
_ID_WORDS = ("id", "uuid", "externalid", "identifier", "key", "sysid", "href", "number", "code")
_MOST_LEAVES, _DEEPEST = 200, 4

Trial = Literal["list", "second page", "anonymous"]
"""How a remedy is tried: by a whole sample, by the second page first, or first without credentials."""


class Remedy(msgspec.Struct, frozen=True):
    """Changes of the settings that belong together, the finding that they are right, and how to try them."""

    finding: Finding
    changes: tuple[Change, ...]
    trial: Trial = "list"

    def is_overridden_by(self, other: Remedy) -> bool:
        """Whether the other one sets all that this one sets."""
        return {path for path, _ in self.changes} <= {path for path, _ in other.changes}


class Look(msgspec.Struct, frozen=True):
    """What was seen of a collection under some settings: a sample and its findings, or an error.

    `better` is the name of the dialect that understands the records clearly better, "" for none. `answers`
    are those to all requests.
    """

    config: settings.Settings
    target: settings.Target
    sample: Sample | None = None
    error: errors.SourceError | None = None
    findings: tuple[Finding, ...] = ()
    better: str = ""
    answers: tuple[Answer, ...] = ()

    @property
    def has_records(self) -> bool:
        """Whether records were listed."""
        return self.sample is not None and self.sample.has_records

    @property
    def written(self) -> CollectionSettings:
        """The collection as the operator has set it."""
        found = getattr(self.config.collections, self.target.collection, None)
        return found or CollectionSettings()

    @property
    def problems(self) -> list[Finding]:
        """What would make the exporter serve wrong, partial or no data."""
        dialect = [_of_dialect(self, self.better).finding] if self.better and self.has_records else []
        return [*dialect, *(one for one in self.findings if one.kind == "problem")]

    @property
    def score(self) -> tuple[int, int]:
        """How far it came, and, less than that, how many problems there are; more is better."""
        if self.sample is None:
            return _reached(self.error), 0
        wrong = -2 * len(self.problems) - self.is_doubtful - self.has_bad_rows
        if not self.sample.has_records:
            return 4, wrong
        return 6 - any(one.cause == "ids" for one in self.problems), wrong

    @property
    def has_bad_rows(self) -> bool:
        """Whether there are records that the API cannot list."""
        return any(one.cause == "rows" for one in self.findings)

    @property
    def is_doubtful(self) -> bool:
        """Whether nothing shows that the first page is not the whole list, nor that it is."""
        return any(one.kind == "note" and one.cause == "pages" for one in self.findings)


def _reached(error: errors.SourceError | None) -> int:
    if isinstance(error, errors.Unreachable):
        return int(error.reason == "tls" and "certificate" in str(error).lower())
    if isinstance(error, errors.Malformed) and error.reason != "html":
        return 3
    return 1 if getattr(error, "status", 0) in (0, 404, 405) else 2


def as_yaml(config: settings.Settings, changes: Sequence[Change]) -> str:
    """The changes as a YAML document, to be merged into the file from which `config` was read.

    Mappings of the same key are to be merged, other values replaced. So a query is written as a list, and
    where the file has no `collections`, all of them are named, because those that are not would be disabled.
    """
    tree: dict[str, Any] = {}
    changes = list(changes)
    if config.collections is None and any(path[0] == "collections" for path, _ in changes):
        tree["collections"] = {one.collection: {} for one in config.targets()}
    for path, value in changes:
        here = tree
        for step in path[:-1]:
            here = here.setdefault(step, {})
        here[path[-1]] = value
    return yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=1000)


def candidates(look: Look) -> Iterator[Remedy]:
    """Remedies for the worst of what was seen, the likeliest first."""
    error, reason = look.error, look.error.reason if look.error is not None else ""
    if reason in ("auth", "dns", "proxy", "throttled"):
        return
    if reason == "forbidden":  # pages of this size or such a query may be, and not the list
        yield from (*_other_sizes(look), *_other_queries(look), *_without_parameters(look))
        return
    if look.better:
        yield _of_dialect(look, look.better)
    if error is not None:
        yield from _of_error(look, error)
        return
    causes = [one.cause for one in look.problems] or ["pages"] * look.is_doubtful
    for cause, found in _BY_CAUSE.items():
        if cause in causes:
            yield from found(look)


def _problem(look: Look, what: str, key: str, value: object, shown: str = "") -> Remedy:
    """The remedy that sets one key of the collection; `shown` is the value in words, or else as YAML."""
    name = look.target.collection
    shown = (
        shown or yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("\n...\n").strip()
    )
    hint = f"write {key}: {shown} under collections.{name}"
    return Remedy(Finding("problem", what, hint), ((("collections", name, key), value),))


def _of_error(look: Look, error: errors.SourceError) -> Iterator[Remedy]:
    """Remedies for a list that cannot be read."""
    status = getattr(error, "status", 0)
    if error.reason in ("tls", "reset") or status == 400:
        yield from _other_scheme(look)
    if isinstance(error, errors.Unreachable):
        return
    if error.reason != "html":
        yield from _other_queries(look)
    if isinstance(error, errors.Malformed) and error.reason != "html":
        yield from _other_members(look)
    if status in (404, 405) or error.reason in ("html", "redirect"):
        yield from _other_paths(look)
    if error.reason != "html":
        yield from _other_sizes(look)
        yield from _other_dialects(look)
        yield from _without_parameters(look)


def _other_scheme(look: Look) -> Iterator[Remedy]:
    api, url = look.target.api, look.target.http.url
    scheme, _, rest = url.partition("://")
    other, spoken = ("http", "plain HTTP, not TLS") if scheme == "https" else ("https", "TLS, not plain HTTP")
    unsafe = "; credentials are then sent without encryption" if other == "http" else ""
    finding = Finding(
        "problem",
        f"{urlsplit(url).netloc} speaks {spoken}",
        f"write url: {other}://{rest} under apis.{api}{unsafe}",
    )
    yield Remedy(finding, ((("apis", api, "url"), f"{other}://{rest}"),), "anonymous")


def _other_members(look: Look) -> Iterator[Remedy]:
    """Lists within the answers, the longest list of records first."""
    bodies = [one.page.body for one in look.answers if one.page is not None]
    found = {one.place: one for body in bodies for one in envelope.lists(body)}
    ranked = sorted(found.values(), key=lambda one: (one.kind != "records", -len(one.raws)))
    for one in ranked:
        if one.kind in ("records", "objects"):
            yield _paged(look, f"The list is the member {one.place}", {"records": one.place})


def _other_paths(look: Look) -> Iterator[Remedy]:
    """Other paths at the same URL, and other URLs on the same origin."""
    target = look.target
    api, url, path = target.api, target.http.url, target.mapping.path
    default = target.dialect.collections[target.collection].path
    known = [one.format(version) for one in _PATHS[api] for version in _VERSIONS]
    alike = [path.removesuffix("s"), f"{path}s", path[:1].swapcase() + path[1:], path.lower()]
    for other in dict.fromkeys((default, *alike, *known, f"{api}/{default}")):
        if other and other != path:
            yield _problem(look, f"The list is not at {path}, but at {other}", "path", other)
    split = urlsplit(url)
    origin, steps = f"{split.scheme}://{split.netloc}", split.path.strip("/").split("/")
    above = ["/".join((origin, *steps[:count])).rstrip("/") for count in range(len(steps) - 1, -1, -1)]
    versions = [re.sub(r"/v\d+(?=/|$)", f"/v{version}", url) for version in _VERSIONS]
    bases = (*(url.replace(other, api) for other in _PATHS), *versions, *above)
    places = [(base, other) for base in bases for other in (path, default)]
    places += [(above[0], steps[-1] or path), *((origin, other) for other in known)]
    for base, other in dict.fromkeys(places):
        if base != url:
            where = f"collections.{target.collection}"
            finding = Finding(
                "problem",
                f"The list is not at {target.url}, but at {base}/{other}",
                f"write url: {base} under apis.{api}, and path: {other} under {where}",
            )
            changed: Change = (("collections", target.collection, "path"), other)
            yield Remedy(finding, ((("apis", api, "url"), base), *([changed] if other != path else [])))


def _other_queries(look: Look) -> Iterator[Remedy]:
    """The dialect's own query, and none."""
    target = look.target
    own = target.dialect.collections[target.collection].query
    queries = " and ".join(filter(None, map(written, target.queries)))
    if not queries:
        return
    for query in (own, {}):
        if query is None or target.queries == (query,):
            continue
        instead = f"With the query {written(query)}, the dialect's own," if query else "Without the query"
        what = f"{instead}{'' if query else f' {queries}'} {_SOME}"
        yield _problem(look, what, "query", [dict(query)], "" if query else "{} for all of them")


def _other_sizes(look: Look) -> Iterator[Remedy]:
    for size in _SIZES:
        if size < look.target.page_size:
            what = f"The API lists pages of {size} records, not of {look.target.page_size}"
            yield _problem(look, what, "page_size", size)


def _without_parameters(look: Look) -> Iterator[Remedy]:
    """Position 1 instead of 0, and no parameters of paging at all."""
    paging = look.target.paging
    if paging.style == "offset":
        yield _paged(look, f"The API counts records from 1 in {paging.position_param}", {"first": 1})
        change = {"style": "page", "first": 1}
        yield _paged(look, f"{paging.position_param}=0 is refused, 1 is accepted", change)
    if paging.style != "none":
        yield _paged(look, "The API lists records only without the parameters of paging", {"style": "none"})


def _other_dialects(look: Look) -> Iterator[Remedy]:
    for name in DIALECTS:
        if name != look.target.dialect.name:
            yield _of_dialect(look, name)


def _of_dialect(look: Look, name: str) -> Remedy:
    target = look.target
    finding = Finding(
        "problem",
        f"This looks like {name}, not {target.dialect.name}",
        f"write dialect: {name} under apis.{target.api}",
    )
    return Remedy(finding, ((("apis", target.api, "dialect"), name),))


def confirmed(remedy: Remedy, trial: Look) -> Remedy:
    """The remedy with what its trial has shown."""
    pages = trial.sample.pages if trial.sample is not None else []
    count = f"there are {counted(pages[0], trial.target)}" if pages else _SOME
    finding = msgspec.structs.replace(remedy.finding, text=remedy.finding.text.replace(_SOME, count))
    return msgspec.structs.replace(remedy, finding=finding)


def better(sample: Sample, target: settings.Target) -> str:
    """The dialect that understands the records clearly better, with the query or without it; "" for none."""
    pages = sample.pages if sample.has_records else [sample.bare] if sample.bare is not None else []
    raws = [bytes(raw) for page in pages for raw in raws_of(page, sample.place)]
    suited = better_dialect(b"[%b]" % b",".join(raws), target)
    return suited.dialect if suited is not None else ""


def _paged(look: Look, what: str, change: Mapping[str, object], trial: Trial = "list") -> Remedy:
    """The remedy that changes the paging, with what else the operator has written of it."""
    paging = look.written.paging
    before = paging.model_dump(exclude_none=True) if paging else {}
    if "first" in before and change.get("style") == "offset":
        before["first"] = 0  # what was the number of the first page
    return msgspec.structs.replace(_problem(look, what, "paging", {**before, **change}), trial=trial)


def _other_positions(look: Look) -> Iterator[Remedy]:
    """Other styles of paging and other names of the parameter; numbers may begin with 0 or 1."""
    paging = look.target.paging
    own = paging.position_param
    pages = [("page", name, first) for name in dict.fromkeys((own, *NUMBERS)) for first in (0, 1)]
    offsets = [("offset", name, paging.start) for name in dict.fromkeys((own, *OFFSETS))]
    offsets += [("offset", name, 1) for name in OFFSETS_FROM_1 if paging.start != 1]
    kept = [one for one in (*pages, *offsets) if one[1] == own]
    yield from _next_pages(look)
    for style, name, first in dict.fromkeys((*kept, *offsets, *pages)):
        change: dict[str, object] = {"style": style, "position_param": name}
        if style == "page" or first != paging.start:
            change["first"] = first
        if change.items() <= msgspec.structs.asdict(paging).items():
            continue
        counts = f"{'page numbers' if style == 'page' else 'positions of records'} from {first}"
        trial: Trial = "list" if (style, name) == (paging.style, own) else "second page"
        yield _paged(look, f"The API takes {counts} in {name}", change, trial)
    if look.sample is not None and all(read.is_ended_by_position for read in look.sample.reads):
        yield from _no_total(look)


def _next_pages(look: Look) -> Iterator[Remedy]:
    """Links and cursors to the next page that the first page has."""
    paging, pages = look.target.paging, look.sample.pages if look.sample is not None else []
    if paging.style != "link" and any("rel" in page.headers.get("Link", "") for page in pages[:1]):
        yield _paged(look, "The API leads to the next page by links", {"style": "link"})
    for page in pages[:1]:
        if found := re.search(r"\b([01])-\d+/", page.headers.get("Content-Range", "")):
            change: dict[str, object] = {"style": "range", "first": int(found[1])}
            yield _paged(look, "The API takes positions in the Range header", change)
    for place, value in [one for page in pages[:1] for one in members.next_pages(page.body).items()]:
        what = f"The API leads to the next page by the member {place}"
        if value.startswith(("http:", "https:", "/", "?")):
            yield _paged(look, what, {"style": "link", "next_member": place})
            continue
        for name in dict.fromkeys((paging.cursor_param, field_paths.steps(place)[-1], *_CURSORS)):
            yield _paged(look, what, {"style": "cursor", "next_member": place, "cursor_param": name})


def _no_total(look: Look) -> Iterator[Remedy]:
    paging = look.target.paging
    what = f"{paging.total_member or paging.total_header} is not the number of records of the list"
    yield _paged(look, what, {"total_header": "", **({"total_member": None} if paging.total_member else {})})


def _other_ids(look: Look) -> Iterator[Remedy]:
    """Paths at which nearly every record has a value of its own."""
    if look.sample is None:
        return
    raws = [raw for page in look.sample.pages for raw in raws_of(page, look.sample.place)][:_MOST_LEAVES]
    kept = {name: list(places) for name, places in look.written.fields.items() if name != "id"}
    for path in _unique_paths(raws)[:3]:
        yield _problem(look, f"The id of a record is at {path}", "fields", {**kept, "id": [path]})


def _unique_paths(raws: Sequence[msgspec.Raw]) -> list[str]:
    """The paths that have a different text or number in each record, those that are named like ids first."""
    values: dict[str, list[str]] = {}
    for raw in raws:
        for path, value in _leaves(value_of(raw), ""):
            values.setdefault(path, []).append(value)
    unique = [
        path
        for path, found in values.items()
        if len(found) == len(set(found)) and len(found) >= 0.9 * len(raws)
    ]
    return sorted(unique, key=_id_rank)


def _id_rank(path: str) -> tuple[bool, int, int]:
    """Whether no step is named like an id, which word it is, and how deep it is."""
    steps = [text.fold(step) for step in path.split(".")]
    ranks = [_ID_WORDS.index(step) for step in steps if step in _ID_WORDS]
    return not (ranks or steps[-1].endswith("id")), min(ranks, default=len(_ID_WORDS)), len(steps)


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None  # of several, none stands for the record
    if isinstance(value, dict) and path.count(".") < _DEEPEST:
        for key, member in value.items():
            if "." not in key and "[" not in key:
                yield from _leaves(member, f"{path}.{key}" if path else key)
    elif path and isinstance(value, str | int) and not isinstance(value, bool):
        yield path, str(value)


def _other_types(look: Look) -> Iterator[Remedy]:
    """Types that the records have instead of those that are included, or no choice by type."""
    target = look.target
    pages = look.sample.pages if look.sample is not None else []
    kinds = Counter(kind for page in pages for one in listed(page, target) for kind in one.kinds if kind)
    for wanted in target.include_types:
        for kind in difflib.get_close_matches(wanted, kinds, n=1):
            yield _problem(look, f"The type is {kind}, not {wanted}", "include_types", [kind])
    for key in ("include_types", "exclude_types"):
        if getattr(target, key):
            yield _problem(look, f"{key} leaves out all records", key, [])


def _other_filters(look: Look) -> Iterator[Remedy]:
    """Types that the exporter chooses itself, or a query without the conditions that the API ignores."""
    target, reads = look.target, look.sample.reads if look.sample is not None else ()
    ignored = {one.key: one for read in reads for one in read.ignored}
    queries = [{key: value for key, value in query.items() if key not in ignored} for query in target.queries]
    kinds = [value for one in ignored.values() if one.is_of_type for value in one.written.split(",")]
    if kinds:
        remedy = _problem(look, "The exporter has to choose the types itself", "include_types", kinds)
        query: Change = (("collections", target.collection, "query"), queries)
        yield msgspec.structs.replace(remedy, changes=(*remedy.changes, query))
    elif ignored:
        named = ", ".join(map(str, ignored.values()))
        yield _problem(look, f"{named} has no effect", "query", queries)


def _nothing_found(look: Look) -> Iterator[Remedy]:
    yield from _other_queries(look)
    yield from _other_dialects(look)
    if look.target.paging.style == "page":
        first = 1 - look.target.paging.start
        yield _paged(look, f"The list begins with page {first}", {"first": first})
    yield from _without_parameters(look)


_BY_CAUSE = {
    "ids": _other_ids,
    "query": _nothing_found,
    "empty": _nothing_found,
    "types": _other_types,
    "total": _no_total,
    "pages": _other_positions,
    "filter": _other_filters,
    "size": _other_sizes,
}
"""The remedies for the causes of problems, in the order in which they are tried."""
