"""A demo inventory: a believable satellite operator served over HTTP, with faults and quirks on demand.

`fleet` holds the operator's world in neutral words, grown from a seed by `growth`. `dialect` says how it is
shown (`ses`, `servicenow`, `tmf…`) and, by the values of `manner`, asked for and answered; `quirk` and
`twist` change those values, `spelling` the records. A request goes through `position` and `listing` to
`page`, which counts (`heading`), disturbs (`unrest`) and makes bytes (`body`). `fault`, `trouble`, `oddity`
and `reply` spoil things on purpose; `server` is the HTTP edge. Nothing here is used by the exporter, and
nothing of the exporter is used here: the two meet only over a socket. Invariant: every reference in what is
served points to a record that can be had too, whatever the seed and the sizes.
"""
