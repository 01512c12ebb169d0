"""Which of the programs that the benchmarks start are on PATH, and what to say of those that are not."""

from __future__ import annotations

import shutil
from collections.abc import Sequence


def missing(*names: str) -> tuple[str, ...]:
    """Those of the programs that are not on PATH."""
    return tuple(name for name in names if not shutil.which(name))


def advice(names: Sequence[str]) -> str:
    """How to get programs that are missing, as one sentence."""
    return f"{' and '.join(names)} not found on PATH. On Debian: apt-get install {' '.join(names)}"


def required(*names: str) -> None:
    """Raises SystemExit with a sentence where one of the programs is missing."""
    if absent := missing(*names):
        raise SystemExit(advice(absent))
