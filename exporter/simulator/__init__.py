"""A demo inventory: a believable satellite operator served over HTTP, with faults on demand.

`fleet` holds the operator's world in neutral words, grown from a seed by `growth`; `dialect` says how a
dialect shows it (`ses`, `tmf`); `listing` picks and pages; `body` turns records into bytes; `fault`,
`trouble`, `oddity` and `reply` spoil things on purpose; `server` is the HTTP edge. Nothing here is used by
the exporter, and nothing of the exporter is used here: the two meet only over a socket. Invariant: every
reference in what is served points to a record that is served too, whatever the seed and the sizes.
"""
