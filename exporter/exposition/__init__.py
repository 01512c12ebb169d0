"""The metrics that are exposed, and their text: pure functions of the snapshot."""
