"""`python -m bench.rules`: what the rules cost in Prometheus, those of 0.1.0 beside the present ones.

Both are evaluated by one Prometheus on the same series with an hour of history. Printed are, for both, the
CPU time of all expressions alone, asked one after the other, that of one run of all groups, with recording
and alerts, and the ratios. CPU time, so that it holds on a busy machine; that of Prometheus without rules
is taken off. `BENCH_CARRIERS` is the number of carriers (100,000, which takes about 6 GB of memory and half
an hour).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.programs import required
from bench.remote_write import RemoteWrite
from bench.rule_data import Fleet

HERE = Path(__file__).parent
FILES = {"old": HERE / "old_rules", "new": HERE.parent / "deploy/prometheus/rules"}
CARRIERS = int(os.environ.get("BENCH_CARRIERS", "100000"))
AHEAD = int(os.environ.get("BENCH_AHEAD", "1800"))
"""Seconds of samples that lie in the future when writing begins: time to write them and to evaluate."""

HISTORY = 3700
ROUNDS = 3
SETTLED = 3
"""Runs of all groups before they are measured: what they record is there then."""

WINDOW = float(os.environ.get("BENCH_WINDOW", "150"))
"""Seconds over which CPU time is measured."""

BARS = {"expressions": 20.0, "groups": 4.0}
Costs = Mapping[str, float]


@dataclass(frozen=True)
class Server:
    """A Prometheus: its URL, its process, the file it is configured by."""

    url: str
    process: int
    config: Path

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer of its API."""
        full = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(full, timeout=600) as answer:
            return json.load(answer)["data"]

    def load(self, rules: list[Path]) -> None:
        """From now on it evaluates these files and no others."""
        config = {"global": {"evaluation_interval": "30s"}, "rule_files": [str(file) for file in rules]}
        self.config.write_text(json.dumps(config))
        request = urllib.request.Request(f"{self.url}/-/reload", method="POST")
        urllib.request.urlopen(request, timeout=600).read()

    def cpu(self) -> float:
        """CPU seconds that the process has used, to the nanosecond, unlike those of /proc/PID/stat."""
        threads = Path(f"/proc/{self.process}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    def runs(self) -> float:
        """How often each group has been evaluated, on average."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=60) as answer:
            lines = answer.read().decode().splitlines()
        counts = {"iterations_total": 0.0, "iterations_missed_total": 0.0}
        for name in counts:
            values = [
                float(line.split()[-1])
                for line in lines
                if line.startswith(f"prometheus_rule_group_{name}{{")
            ]
            counts[name] = sum(values) / max(1, len(values))
        return counts["iterations_total"] - counts["iterations_missed_total"]


@contextlib.contextmanager
def prometheus(folder: Path) -> Iterator[Server]:
    """A Prometheus without rules that takes remote writes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({"global": {"evaluation_interval": "30s"}}))
    command = (
        *("prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--web.enable-lifecycle", "--log.level=error"),
        *("--web.enable-remote-write-receiver", "--query.timeout=10m"),
        *("--storage.tsdb.min-block-duration=6h", "--storage.tsdb.max-block-duration=6h"),
    )
    with subprocess.Popen(command) as running:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(url)
            yield Server(url, running.pid, config)
        finally:
            running.terminate()
            running.wait()


def _wait(url: str) -> None:
    for _ in range(600):
        with contextlib.suppress(urllib.error.URLError, OSError):
            urllib.request.urlopen(f"{url}/-/ready", timeout=5).read()
            return
        time.sleep(0.1)
    raise RuntimeError("Prometheus did not start")


def copied(folder: Path, age: str) -> list[Path]:
    """Copies of one set of rules, all groups evaluated equally often; alerts of 0.1.0 get other names.

    The present rules read `ALERTS`, in which those of 0.1.0 must not be.
    """
    copies = []
    for file in sorted(FILES[age].glob("*.yml")):
        content = yaml.safe_load(file.read_text())
        for group in content["groups"]:
            group.pop("interval", None)
            for rule in group["rules"] if age == "old" else ():
                if "alert" in rule:
                    rule["alert"] = f"Old{rule['alert']}"
        copies.append(folder / f"{age}-{file.name}")
        copies[-1].write_text(json.dumps(content))
    return copies


def expressions(age: str) -> list[tuple[str, str]]:
    """Name and expression of every rule."""
    groups = [
        group
        for file in sorted(FILES[age].glob("*.yml"))
        for group in yaml.safe_load(file.read_text())["groups"]
    ]
    rules = [rule for group in groups for rule in group["rules"]]
    return [(str(rule.get("alert") or rule.get("record")), str(rule["expr"])) for rule in rules]


def of_groups(server: Server, rules: list[Path], idle: float) -> float:
    """CPU seconds of one run of all groups; `idle` are those of a second without rules."""
    server.load(rules)
    while server.runs() < SETTLED:
        time.sleep(5)
    began, cpu, runs = time.monotonic(), server.cpu(), server.runs()
    time.sleep(WINDOW)
    took = server.cpu() - cpu - idle * (time.monotonic() - began)
    return took / (server.runs() - runs)


def of_expressions(server: Server, age: str) -> float:
    """CPU seconds of all expressions, the least of some rounds; prints the dearest ones.

    What is recorded is there: the rules have been evaluated before.
    """
    found = expressions(age)
    each: dict[str, float] = {}
    for name, expr in found:
        costs = []
        for _ in range(ROUNDS):
            cpu = server.cpu()
            server.ask("query", query=f"count({expr})")
            costs.append(server.cpu() - cpu)
        each[name] = each.get(name, 0.0) + min(costs)
    for name, took in sorted(each.items(), key=lambda one: -one[1])[:8]:
        print(f"{age:<4} {name:<64} {took * 1000:8.1f} ms", flush=True)
    return sum(each.values())


def main() -> int:
    """Exit status 1 where a bar is missed."""
    required("prometheus")
    with (
        tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as name,
        prometheus(Path(name)) as server,
    ):
        began = int(time.time())
        write = RemoteWrite(server.url, (began - HISTORY, began + AHEAD), began - 1800)
        number = write.write(Fleet(CARRIERS).series())
        print(f"{CARRIERS} carriers: {number} series, written in {time.time() - began:.0f} s", flush=True)
        time.sleep(15)
        cpu = server.cpu()
        time.sleep(45)
        idle = (server.cpu() - cpu) / 45
        costs: dict[str, dict[str, float]] = {what: {} for what in BARS}
        for age in FILES:
            costs["groups"][age] = of_groups(server, copied(Path(name), age), idle)
            server.load([])
            costs["expressions"][age] = of_expressions(server, age)
        left = began + AHEAD - time.time()
    if left < 0:
        print(f"the samples ended {-left:.0f} s too early: set BENCH_AHEAD higher", file=sys.stderr)
        return 1
    return report(costs)


def report(costs: Mapping[str, Costs]) -> int:
    """Prints both costs and their ratio; exit status 1 where it is below the bar."""
    missed = 0
    for what, bar in BARS.items():
        old, new = costs[what]["old"], costs[what]["new"]
        ratio = old / new
        missed |= ratio < bar
        print(
            f"{what:<12} old {old:7.3f} s, new {new:7.3f} s: 1/{ratio:.1f}, at most 1/{bar:.0f}: "
            f"{ratio >= bar}"
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
