"""The options of `simulate` and `demo`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from exporter.simulator import fault, outage, quirk, status_shares
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.record import PROBLEMS
from exporter.simulator.server import Options

ADDRESS = "127.0.0.1:10680"
"""Where `simulate` listens by default."""


_OUTAGES = f"""\
outages:
  KIND[:NAME]@START[+DURATION][,every=TIME][,status=STATUS]
  KIND      {", ".join(outage.KINDS)}
  NAME      a name or an id, see --list-names; without it one is chosen each time, by the seed
  START     from the start of the simulator; times are written as 1h, 5m or 1m30s
  DURATION  until the repair; without it there is none
  every     from one start to the next; without it the outage does not return
  STATUS    {", ".join(PROBLEMS)}; without it down
  Carriers and services that rest on it follow {outage.DELAY} seconds later, services on those carriers after
  {outage.DELAY} more; those of service level Gold become degraded instead.
  Example: --outage satellite:SES-17@60s+5m --outage transponder@2m+3m,every=10m,status=degraded"""

SIMULATE = Options()
"""The defaults of `simulate`."""

DEMO = Options(
    latency=0.05,
    change_rate=0.5,
    outages=(
        "satellite@1m+4m,every=15m",
        "transponder@2m+3m,every=10m,status=degraded",
        "gateway@7m+5m,every=15m,status=maintenance",
    ),
    shares=("planned=0.01", "retired=0.01"),
)
"""The defaults of `demo`."""


def add_options(parser: argparse.ArgumentParser, default: Options) -> None:
    """Adds the options that describe a simulated inventory, with these defaults."""
    parser.set_defaults(simulated=default)

    def add(option: str, kind: type, metavar: str | None, text: str) -> None:
        value = getattr(default, option.replace("-", "_"))
        text = f"{text} (default: %(default)s)"
        parser.add_argument(f"--{option}", type=kind, default=value, metavar=metavar, help=text)

    def add_repeatable(option: str, metavar: str, text: str, values: Sequence[str]) -> None:
        text = f"{text}; repeatable (default: {' '.join(values) or 'none'})"
        parser.add_argument(f"--{option}", action="append", metavar=metavar, help=text)

    parser.add_argument(
        "--dialect",
        default=default.dialect,
        choices=tuple(DIALECTS),
        help="dialect of the simulated APIs (default: %(default)s)",
    )
    for kind in ("services", "carriers", "resources"):
        add(kind, int, "N", f"number of {kind}")
    add("seed", int, "N", "seed of the random inventory; the same seed gives the same records")
    add("latency", float, "SECONDS", "delay of every response")
    add("change-rate", float, "RECORDS/S", "records that change per second")
    add_repeatable(
        "share",
        "STATUS=SHARE",
        "share of the records with a status; planned and retired ones are in addition to the numbers above",
        [f"{status}={share:g}" for status, share in status_shares.parse(default.shares).items()],
    )
    add_repeatable(
        "outage",
        "KIND:NAME@START+DURATION",
        "let hardware or a carrier fail for a time, see `simulate --help`",
        default.outages,
    )
    add_repeatable("fault", "FAULT[:KEY=VALUE,…]", "inject a fault, see `simulate --help`", ())
    add_repeatable("quirk", "QUIRK[=VALUE]", "behave like an API with this quirk, see `simulate --help`", ())


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `simulate` alone."""
    parser.add_argument(
        "--listen-address",
        action="append",
        metavar="HOST:PORT",
        help=f"address to listen on; repeatable (default: {ADDRESS})",
    )
    parser.add_argument(
        "--config-out",
        type=Path,
        metavar="FILE",
        help="write a configuration for the exporter that reads this simulator (default: none)",
    )
    parser.add_argument(
        "--list-names",
        action="store_true",
        help="print what can fail by `--outage`, with what rests on it, and exit (default: off)",
    )
    parser.add_argument(
        "--replay",
        type=Path,
        metavar="FOLDER",
        help="serve the responses that `check --save` has written, instead of a simulated inventory "
        "(default: none)",
    )


def epilog() -> str:
    """How outages are written, and all faults and quirks, for the help of `simulate`."""
    faults = (f"  {name:<24} {what}" for name, what in fault.FAULTS.items())
    quirks = (f"  {name:<24} {what}" for name, what in quirk.QUIRKS.items())
    return "\n".join((_OUTAGES, "", "faults:", *faults, "", "quirks:", *quirks))


def options(given: argparse.Namespace, host: str, port: int) -> Options:
    """The simulated inventory that the arguments describe; raises `ValueError` for an invalid fault."""
    for text in given.fault or ():
        fault.parse(text)
    default: Options = given.simulated
    return replace(
        default,
        listen_host=host,
        listen_port=port,
        dialect=given.dialect,
        services=given.services,
        carriers=given.carriers,
        resources=given.resources,
        seed=given.seed,
        latency=given.latency,
        change_rate=given.change_rate,
        faults=tuple(given.fault or ()),
        quirks=tuple(given.quirk or ()),
        outages=default.outages if given.outage is None else tuple(given.outage),
        shares=(*default.shares, *(given.share or ())),
    )
