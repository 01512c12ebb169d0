"""Keeps the collections over a restart: writes them to the state file, reads them back or says why not.

`write`, `read` and `set_aside` are all of it (`disk`); what the bytes mean is `chunk`'s. When the file is
written, and what an unusable one means, the pollers and `app` decide. Invariants: under the file's name
stands at every moment the whole old or the whole new state, whatever is killed; what is read is what was
written, or `StateError` is raised; nothing in a file is ever executed, and no file but ours is
replaced or renamed.
"""

from __future__ import annotations

from exporter.warmstart.chunk import Kept
from exporter.warmstart.disk import read, set_aside, write

__all__ = ["Kept", "read", "set_aside", "write"]
