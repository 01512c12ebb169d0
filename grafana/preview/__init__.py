"""Previews of the dashboards: real data, drawn with Grafana's own components, by a browser without a window.

`python -m grafana.preview` starts the simulator, the exporter and Prometheus, asks all that the dashboards
ask, and writes `docs/images/dashboard-*.png`. `asking` gets the data, `drawing` makes the pictures, `src/` is
the page. They are previews, not Grafana: what it alone can do, such as menus and tooltips, is not on them.
"""
