"""What counts while data is missing: the last values of an exporter that is away.

One recording rule per family keeps its series by `job` and `instance`. A series that its exporter serves is
kept as it is. Of an exporter without current data (down, starting, cut off from the API, expired) the last
values stay until it is current again, or another exporter of the same records is (`coverage`), at most for
a day. A record that is renamed meanwhile keeps the labels it was first seen with, so that its alert stays
the same. The cost depends on the number of problems, not on the number of records.
"""

from __future__ import annotations

import re

from rules.rule import Recording, text

CURRENT = "ses_inventory_exporter_current"
DROPPED = "ses_inventory_exporter_series_dropped"


def last_known(record: str, source: str, key: str, collection: str, comment: str) -> Recording:
    """The rule that keeps the series of `source`, an expression that begins with its family.

    `key` are the labels that identify a series next to `job` and `instance`. An exporter is current if its
    `collection` is. While series of the family are dropped, none that is missing is over.
    """
    family = re.split(r"\W", source)[0]
    known = f'{CURRENT}{{collection="{collection}"}}'
    on = f"job, instance, {key}"
    by_exporter = "on (job, instance)"
    expr = f"""
        (
          ({record} and on ({on}) ({source}))
          or on ({on}) ({source})
          or on ({on}) ({record} and {by_exporter} (
            max_over_time({known}[1d]) == 1 unless {by_exporter} {known} == 1
            or {by_exporter} {DROPPED}{{family="{family}"}} > 0
          ))
        )
        unless {by_exporter} # another exporter of the same records is current
        (last_over_time({known}[1d]) unless {by_exporter} {known} == 1 and on (coverage) {known} == 1)
        """
    return Recording(record, text(expr), comment)
