"""Alerting and recording rules: one Python source of the files in `deploy/prometheus/rules`.

`python -m rules` writes them; `make docs` copies them to the chart and, as PrometheusRule objects, to the
kustomization. A module has the rules of one file; `last_known` defines what counts while data is missing.
"""
