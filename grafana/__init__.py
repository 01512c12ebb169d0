"""The dashboards, as code: `python -m grafana` writes `grafana/dashboards/*.json`, `--check` finds drift.

`promql` has the fragments every query is made of, `variable`, `panel`, `table`, `look`, `link` and `page` the
parts, and `overview`, `services`, `carriers`, `resources` and `exporter` one dashboard each. Nothing here is
needed to run the exporter. Invariant: the JSON depends on this code alone.
"""
