"""glibc's allocator: large blocks of freed memory go back to the system, however the exporter is deployed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping

from bench.__main__ import MALLOC
from tests.deploy.copies import ROOT

PROGRAM = """
from pathlib import Path

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

before = resident()
whole = b"x" * (30 << 20)
del whole  # without the variables glibc now keeps blocks of up to 30 MB in its heap
held = [(b"x" * (4 << 20), [bytes(600) for _ in range(200)]) for _ in range(20)]
held = [small for _, small in held]
print(resident() - before)
"""


def test_large_texts_that_were_freed_take_no_memory() -> None:
    assert _left(MALLOC) < 8 << 20
    assert _left({}) > 40 << 20, "the variables are what does it"


def test_the_unit_the_image_and_the_benchmark_configure_the_allocator_alike() -> None:
    unit = (ROOT / "deploy/systemd/ses-inventory-exporter.service").read_text()
    assert _found(r"^Environment=(MALLOC_\w+)=(\S+)$", unit) == MALLOC
    image = (ROOT / "Dockerfile").read_text()
    assert _found(r"^ +(MALLOC_\w+)=(\S+) \\$", image) == MALLOC
    page = (ROOT / "docs/deploy/index.md").read_text()
    assert all(f"{name}={value}" in page for name, value in MALLOC.items())


def _left(variables: Mapping[str, str]) -> int:
    """Bytes that a process keeps after large texts were freed."""
    command = (sys.executable, "-c", PROGRAM)
    run = subprocess.run(command, capture_output=True, check=True, env={**os.environ, **variables})
    return int(run.stdout)


def _found(pattern: str, text: str) -> Mapping[str, str]:
    return dict(re.findall(pattern, text, re.MULTILINE))
