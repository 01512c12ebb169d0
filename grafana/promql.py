"""The fragments of PromQL that the dashboards share: what is selected, what is down, what it is called.

Pure text; which panels ask what is the dashboards' own. Joins are made within one exporter, on `job`,
`instance` and the record's id, and folded over exporters then: replicas and shards give every record once.
Invariant: every selector is limited to the chosen jobs and instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SCOPE = 'job=~"$job",instance=~"$instance"'

NOT_IN_SERVICE = (
    "(?i:feasibility.?checked|designed|reserved|planned|terminated|retired|in.?stock|on.?order|pending.?install"
    "|absent|stolen)"
)
"""Statuses of what is not yet or no longer in service, and so not down; the alerts leave them out too."""


def series(metric: str, *matchers: str) -> str:
    """A selector of the chosen exporters' series."""
    return f"{metric}{{{','.join((SCOPE, *matchers))}}}"


def own(name: str, *matchers: str) -> str:
    """A selector of one of the families that the exporter has about itself."""
    return series(f"ses_inventory_exporter_{name}", *matchers)


@dataclass(frozen=True)
class Kind:
    """A kind of record on one dashboard, and what that dashboard's variables select of it.

    `filters` are matchers of the info series. `search` and `status` name variables, empty where there are
    none: `search` finds a part of a name or an id, `status` chooses by the status word.
    """

    name: str
    filters: tuple[str, ...] = ()
    search: str = ""
    status: str = ""

    @property
    def id(self) -> str:
        """The label with the record's id."""
        return f"{self.name}_id"

    @property
    def on(self) -> str:
        """The labels that identify the record within one exporter."""
        return f"job, instance, {self.id}"

    def metric(self, suffix: str, *matchers: str) -> str:
        """A selector of one of the kind's families."""
        return series(f"ses_inventory_{self.name}_{suffix}", *matchers)

    def info(self) -> str:
        """The info series of what the variables select."""
        if self.search:
            matching = f'=~"(?i).*(?:${self.search}).*"'
            by_name = self.metric("info", *self.filters, f"name{matching}")
            by_id = self.metric("info", *self.filters, f"{self.id}{matching}")
            found = f"({by_name} or {by_id})"
        else:
            found = self.metric("info", *self.filters)
        if self.status:
            chosen = self.metric("status", f'status=~"${self.status}"')
            return f"({found} and on ({self.on}) {chosen})"
        return found

    def down(self) -> str:
        """What is not operational though it is in service; its value is 0."""
        out = self.metric("status", f'status=~"{NOT_IN_SERVICE}"')
        return f"({self.metric('operational')} == 0 unless on ({self.on}) {out})"

    def down_since(self, *labels: str) -> str:
        """Since when the selected are down, in Unix seconds, with labels of their info and their status."""
        return (
            f"({self.metric('status_since_timestamp_seconds')}"
            f" * on ({self.on}) group_left ({', '.join(labels)}) {self.info()}"
            f" * on ({self.on}) group_left (status) {self.metric('status')}"
            f" and on ({self.on}) {self.down()})"
        )

    def rows(self, *labels: str) -> str:
        """The selected, one series a record, with labels of their info."""
        return f"topk by ({self.id}) (1, max by ({self.id}, {', '.join(labels)}) ({self.info()}))"

    def word(self, suffix: str, label: str) -> str:
        """One label of another family for each of the selected."""
        chosen = f"max by ({self.id}, {label}) ({self.metric(suffix)} and on ({self.on}) {self.info()})"
        return f"topk by ({self.id}) (1, {chosen})"

    def value(self, suffix: str) -> str:
        """The value of another family for each of the selected."""
        return f"max by ({self.id}) ({self.metric(suffix)} and on ({self.on}) {self.info()})"

    def moment(self, suffix: str) -> str:
        """The same of a time, in the milliseconds that Grafana takes dates in."""
        return f"1000 * {self.value(f'{suffix}_timestamp_seconds')}"

    def many(self, suffix: str, *labels: str, matching: str = "") -> str:
        """Several series for each of the selected, such as its parties."""
        family = self.metric(suffix, *([matching] if matching else []))
        return f"max by ({self.id}, {', '.join(labels)}) ({family} and on ({self.on}) {self.info()})"

    def number(self, expression: str, *labels: str) -> str:
        """The number of different records in a vector, by labels; a record may occur more than once."""
        distinct = f"group by ({', '.join((self.id, *labels))}) ({expression})"
        return f"count by ({', '.join(labels)}) ({distinct})" if labels else f"count({distinct})"

    def number_down(self, *labels: str) -> str:
        """How many of the selected are down, by labels of their info."""
        return self.number(f"{self.info()} and on ({self.on}) {self.down()}", *labels)


def counted(kind: str) -> str:
    """The family that counts a kind's records: it exists if and only if a snapshot of them is served."""
    return series(f"ses_inventory_{kind}s")


@dataclass(frozen=True)
class Sources:
    """The kinds of records that an expression counts over: without a snapshot of each, 0 would be a guess.

    The collections of the `optional` ones may be switched off; where their `up` exists they are not.
    """

    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


SERVICE_DATA, CARRIER_DATA, RESOURCE_DATA = (
    Sources(("service",)),
    Sources(("carrier",)),
    Sources(("resource",)),
)


def zero(sources: Sources) -> str:
    """0 where there is a snapshot of everything that is counted over, else nothing."""
    first, *further = (f"max({counted(kind)})" for kind in sources.needed)
    lacking = (
        f"""(max({own("up", f'collection="{kind}s"')}) unless max({counted(kind)}))"""
        for kind in sources.optional
    )
    return " ".join(
        (f"0 * {first}", *(f"and {one}" for one in further), *(f"unless {one}" for one in lacking))
    )


def or_zero(expression: str, sources: Sources) -> str:
    """The value of an expression, or `zero` where it has none: missing data is not good news."""
    return f"{expression} or {zero(sources)}"


def or_none(expression: str, label: str, sources: Sources) -> str:
    """Series by a label, or one called `none` that is `zero` where there are none."""
    none = f'label_replace({zero(sources)}, "{label}", "none", "", "")'
    return f"{expression} or ({none} unless on () ({expression}))"


def with_snapshot(name: str) -> str:
    """One of the exporter's own families by collection, where the collection has a snapshot that is served.

    Many of them are 0 from the start of the process on, before anything is known.
    """
    parts = (
        f"""{own(name, f'collection="{kind}s"')} and on (job, instance) {counted(kind)}"""
        for kind in ("service", "carrier", "resource")
    )
    return f"({' or '.join(parts)})"


def known_state(name: str, bad: int) -> str:
    """The same of a state, which counts without a snapshot too where it is bad."""
    return f"({own(name)} == {bad} or {with_snapshot(name)})"


def renamed(expression: str, **labels: str) -> str:
    """A vector with labels copied: `new="old"`."""
    for new, old in labels.items():
        expression = f'label_replace({expression}, "{new}", "$1", "{old}", "(.+)")'
    return expression


def by_status(kind: str, variables: Sequence[str] = ()) -> str:
    """The number of records by status, of the types that variables choose; of replicas the larger number."""
    family = series(f"ses_inventory_{kind}s", *(f'{name}=~"${name}"' for name in variables))
    return f"max by (status) (sum by (job, instance, status) ({family})) > 0"


def quantile(share: float, metric: str, *by: str) -> str:
    """A quantile of a histogram of the last while, by labels; nothing where nothing happened."""
    rate = f"rate({series(f'{metric}_bucket')}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by ({', '.join(('le', *by))}) ({rate})) >= 0"


def rate(metric: str, *by: str) -> str:
    """Events a second by labels."""
    return f"sum by ({', '.join(by)}) (rate({series(metric)}[$__rate_interval]))"


def increase(metric: str, *by: str) -> str:
    """Events by labels within each step of the graph."""
    return f"sum by ({', '.join(by)}) (increase({series(metric)}[$__rate_interval]))"
