"""A simulated inventory: an invented satellite operator served over HTTP, with faults and quirks on demand.

`fleet` has the operator's records, which `generator` makes from a seed. `dialect` says how they are
formatted (`ses`, `servicenow`, `tmf`, `tmf_v5`) and how lists are requested and answered
(`response_options`). A request is read by `list_request`; `listing` selects the records and makes the page,
`headers` its headers. A `quirk` is permanent behaviour: `quirk_effects` changes the options of the dialect,
`list_disturbances` the lists and `record_faults` the records. A `fault` is injected by `fault_injection`.
`server` is the HTTP server.

Only the commands `simulate` and `demo` use it, and it uses nothing of the exporter: they meet over a socket.
Every reference in a response points to a record that can be fetched.
"""
