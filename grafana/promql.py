"""The fragments of PromQL that all dashboards share: selectors, zeros that need data, sums, rates.

Pure text; `records` has what is asked about records, and which panels ask what is the dashboards' own.
Invariant: every selector is limited to the chosen jobs and instances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SCOPE = 'job=~"$job",instance=~"$instance"'


def series(metric: str, *matchers: str) -> str:
    """A selector of the chosen exporters' series."""
    return f"{metric}{{{','.join((SCOPE, *matchers))}}}"


def own(name: str, *matchers: str) -> str:
    """A selector of one of the families that the exporter has about itself."""
    return series(f"ses_inventory_exporter_{name}", *matchers)


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


def whole(collection: str, family: str, *labels: str) -> str:
    """Counts of all exporters by labels: the larger of replicas, with the same records; of shards the sum."""
    coverage = f"""({own("current", f'collection="{collection}"')} >= bool 0)"""
    each = f"sum by ({', '.join(('job', 'instance', *labels))}) ({family})"
    joined = f"{each} * on (job, instance) group_left (coverage) {coverage}"
    covered = f"max by ({', '.join(('coverage', *labels))}) ({joined})"
    return f"sum by ({', '.join(labels)}) ({covered})" if labels else f"sum({covered})"


def total(kind: str, *matchers: str) -> str:
    """The number of records, of some types or statuses."""
    return whole(f"{kind}s", series(f"ses_inventory_{kind}s", *matchers))


def by_status(kind: str, variables: Sequence[str] = ()) -> str:
    """The number of records by status, of the types that variables choose."""
    family = series(f"ses_inventory_{kind}s", *(f'{name}=~"${name}"' for name in variables))
    return f"{whole(f'{kind}s', family, 'status')} > 0"


def quantile(share: float, metric: str, *by: str) -> str:
    """A quantile of a histogram of the last while, by labels; nothing where nothing happened."""
    rate = f"rate({series(f'{metric}_bucket')}[$__rate_interval])"
    return f"histogram_quantile({share}, sum by ({', '.join(('le', *by))}) ({rate})) >= 0"


def rate(metric: str, *by: str) -> str:
    """Events a second by labels."""
    return f"sum by ({', '.join(by)}) (rate({series(metric)}[$__rate_interval]))"


def per_minute(metric: str, *by: str) -> str:
    """Events a minute by labels."""
    return f"60 * {rate(metric, *by)}"
