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
for size in range(1, 30):  # each larger than the one before, as scrapes grow
    whole = bytes(size << 20)
    part = bytes(600)
    held = [bytes(600) for _ in range(200)]
    del whole
print(resident() - before)
"""


def test_large_texts_that_were_freed_take_no_memory() -> None:
    environment = {**os.environ, **MALLOC}
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True, env=environment)
    assert int(run.stdout) < 8 << 20


def test_the_unit_the_image_and_the_benchmark_configure_the_allocator_alike() -> None:
    unit = (ROOT / "deploy/systemd/ses-inventory-exporter.service").read_text()
    assert _found(r"^Environment=(MALLOC_\w+)=(\S+)$", unit) == MALLOC
    image = (ROOT / "Dockerfile").read_text()
    assert _found(r"^ +(MALLOC_\w+)=(\S+) \\$", image) == MALLOC
    page = (ROOT / "docs/deploy/index.md").read_text()
    assert all(f"{name}={value}" in page for name, value in MALLOC.items())


def _found(pattern: str, text: str) -> Mapping[str, str]:
    return dict(re.findall(pattern, text, re.MULTILINE))
