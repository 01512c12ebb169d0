"""`make mutants`: changes the code in small ways, and counts the changes that no test notices.

cosmic-ray makes the changes (mutants), in a copy of the sources. `SAMPLE` of each module of `MODULES` are
drawn, the same ones in every run as long as the module stays as it is. A mutant that survives is printed with
its difference: either a test is missing, or the change changes nothing.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SAMPLE = int(os.environ.get("MUTANTS", "6"))
SEED = 16
MODULES: Mapping[str, Sequence[str]] = {
    "exporter/client/error_mapping.py": (
        "tests/source/test_error_mapping.py",
        "tests/source/test_proxy.py",
    ),
    "exporter/client/limiter.py": (
        "tests/source/test_limiter.py",
        "tests/source/test_schedule.py",
        "tests/source/test_concurrency.py",
    ),
    "exporter/client/response.py": (
        "tests/source/test_response_headers.py",
        "tests/source/test_answers.py",
        "tests/source/test_decompress.py",
    ),
    "exporter/inventory/absences.py": ("tests/inventory/test_absences.py",),
    "exporter/inventory/dates.py": ("tests/inventory/test_text.py", "tests/outside/test_wire_values.py"),
    "exporter/inventory/snapshot.py": (
        "tests/inventory/test_snapshot.py",
        "tests/inventory/test_tally.py",
    ),
    "exporter/topology/dangling.py": ("tests/topology/test_dangling.py",),
    "exporter/topology/defects.py": ("tests/topology/test_defects.py", "tests/topology/test_sorted_ids.py"),
    "exporter/topology/rollups.py": ("tests/topology/test_rollups.py",),
    "exporter/paging/bisect.py": ("tests/paging/test_bisection.py",),
    "exporter/paging/links.py": ("tests/paging/test_next_link.py", "tests/outside/test_position_check.py"),
    "exporter/paging/pagination.py": (
        "tests/paging/test_pagination.py",
        "tests/paging/test_range.py",
        "tests/paging/test_total_count.py",
    ),
    "exporter/supervisor.py": ("tests/test_supervisor.py", "tests/test_sd_notify.py"),
    "exporter/token_bucket.py": ("tests/test_token_bucket.py",),
}
"""Modules that decide, and the tests of each."""

UNUSED = ("BitOr", "Decorator")
"""Operators of cosmic-ray that mostly change annotations, which nothing evaluates."""

CONFIG = """
[cosmic-ray]
module-path = ["{module}"]
timeout = 60.0
excluded-modules = []
test-command = "{python} -m pytest -q -x -p no:randomly -p no:cacheprovider {tests}"
[cosmic-ray.distributor]
name = "local"
"""


def main() -> int:
    """Prints survivors and the score, the share of mutants that a test notices; modules may be chosen."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("exporter", "tests", "docs", "deploy"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        for module in sys.argv[1:] or MODULES:
            found = mutated(copy, module, MODULES[module])
            print(f"{module:<36} {found['KILLED']} of {found.total()} noticed", flush=True)
            outcomes += found
    print(f"Score: {outcomes['KILLED'] / outcomes.total():.0%} of {outcomes.total()} mutants noticed")
    return 0


def mutated(copy: Path, module: str, tests: Sequence[str]) -> Counter[str]:
    """How many mutants of one module were KILLED and how many SURVIVED; the latter are printed."""
    config, session = copy / "mutants.toml", copy / "mutants.sqlite"
    config.write_text(CONFIG.format(module=module, python=sys.executable, tests=" ".join(tests)))
    session.unlink(missing_ok=True)
    cosmic_ray(copy, "init", config.name, session.name)
    with sqlite3.connect(session) as base:
        keep_sample(base, module)
    cosmic_ray(copy, "exec", config.name, session.name)
    with sqlite3.connect(session) as base:
        results = base.execute("SELECT test_outcome, diff FROM work_results").fetchall()
    for outcome, difference in results:
        if outcome == "SURVIVED":
            print(difference, flush=True)
    return Counter("SURVIVED" if outcome == "SURVIVED" else "KILLED" for outcome, _ in results)


def keep_sample(base: sqlite3.Connection, module: str) -> None:
    """Removes all mutants but the sample from a session of cosmic-ray."""
    query = (
        "SELECT job_id, operator_name FROM mutation_specs"
        " ORDER BY start_pos_row, start_pos_col, operator_name, operator_args, occurrence"
    )
    jobs = [job for job, name in base.execute(query) if not any(one in name for one in UNUSED)]
    drawn = random.Random(f"{SEED} {module}").sample(jobs, min(SAMPLE, len(jobs)))
    marks = ",".join("?" * len(drawn))
    for table in ("mutation_specs", "work_items"):
        base.execute(f"DELETE FROM {table} WHERE job_id NOT IN ({marks})", drawn)


def cosmic_ray(copy: Path, *arguments: str) -> None:
    """A command of cosmic-ray; Python keeps no bytecode, which might be that of the mutant before."""
    command = (sys.executable, "-m", "cosmic_ray.cli", *arguments)
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, cwd=copy, env=environ, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
