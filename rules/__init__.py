"""Alerting and recording rules: one Python source of the files in `deploy/prometheus/rules`.

`python -m rules` writes them; `make docs` copies them to the chart and, as PrometheusRule objects, to the
kustomization. A module holds the rules of one file; `last_known` says once what counts while data is missing.
"""
