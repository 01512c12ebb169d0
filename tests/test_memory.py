"""What is freed is given back to the system."""

from __future__ import annotations

import subprocess
import sys

from exporter import memory

PROGRAM = """
import sys
from pathlib import Path
from exporter import memory

if sys.argv[1] == "settled":
    assert memory.give_back()

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

before = resident()
for size in range(1, 30):  # each larger than the one before, as bodies grow
    whole = bytes(size << 20)
    part = bytes(600)
    held = [bytes(600) for _ in range(200)]
    del whole
print(resident() - before)
"""


def left(how: str) -> int:
    """Bytes that a process keeps of thirty large texts that came and went."""
    run = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, check=True)
    return int(run.stdout)


def test_large_texts_that_came_and_went_leave_nothing_behind() -> None:
    assert left("settled") < 8 << 20


def test_a_c_library_without_such_functions_is_left_as_it_is() -> None:
    assert memory._call("no_such_function", 1) == 0
