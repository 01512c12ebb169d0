"""Only `simulate` and `demo` import the simulator: `serve` runs without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
from exporter import cli
try:
    cli.main(sys.argv[1:])
except SystemExit:
    pass
print(sorted(name for name in sys.modules if name.startswith("exporter.simulator")))
"""


def imported(*arguments: str) -> str:
    """The modules of the simulator that a command line imports."""
    command = (sys.executable, "-c", PROGRAM, *arguments)
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("command", ["serve", "check", "once", "healthcheck"])
def test_commands_of_production_do_not_import_the_simulator(command: str) -> None:
    assert imported(command, "--help") == "[]"


@pytest.mark.parametrize("command", ["simulate", "demo"])
def test_simulate_and_demo_import_it(command: str) -> None:
    assert "exporter.simulator.server" in imported(command, "--help")
