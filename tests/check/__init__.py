"""`check` against real servers: what it finds, proposes and saves."""
