"""What the benchmarks start: programs on PATH, and the log as the exporter writes it."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence

import structlog


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


def log_as_the_exporter() -> None:
    """Nothing below level info is logged; without this structlog prints a line for each request."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
