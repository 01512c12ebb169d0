"""A simulated inventory: an invented satellite operator served over HTTP, with faults and quirks on demand.

`fleet` holds the operator's records, made from a seed by `generator`. `dialect` says how they are
formatted (`ses`, `servicenow`, `tmf…`) and, by `response_options`, how lists are requested and answered.
`quirk_effects` changes those options for each `quirk`, `spelling` changes records. A request is read by
`position` and `listing`; `page` cuts the page, with its headers (`headers`), disturbances
(`list_disturbances`) and bytes (`body`). `fault_injection` decides when a `fault` applies,
`record_faults` and `reply` what it does. `server` is the HTTP server. The exporter uses nothing of this, and
this uses nothing of the exporter: they meet over a socket. Every reference in a response points to a record
that can be fetched.
"""
