"""The options of `simulate` and `demo`."""

from __future__ import annotations

import argparse
from pathlib import Path

from exporter.simulator import fault, quirk
from exporter.simulator.dialect import DIALECTS
from exporter.simulator.server import Options

ADDRESS = "127.0.0.1:10680"
"""Where `simulate` listens by default."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that describe a simulated inventory."""
    default = Options()

    def add(option: str, kind: type, metavar: str | None, text: str) -> None:
        value = getattr(default, option.replace("-", "_"))
        text = f"{text} (default: %(default)s)"
        parser.add_argument(f"--{option}", type=kind, default=value, metavar=metavar, help=text)

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
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="FAULT[:KEY=VALUE,…]",
        help="inject a fault, see `simulate --help`; repeatable (default: none)",
    )
    parser.add_argument(
        "--quirk",
        action="append",
        default=[],
        metavar="QUIRK[=VALUE]",
        help="behave like an API with this quirk, see `simulate --help`; repeatable (default: none)",
    )


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
        "--replay",
        type=Path,
        metavar="FOLDER",
        help="serve the responses that `check --save` has written, instead of a simulated inventory "
        "(default: none)",
    )


def epilog() -> str:
    """All faults and quirks, for the help of `simulate`."""
    faults = (f"  {name:<24} {what}" for name, what in fault.FAULTS.items())
    quirks = (f"  {name:<24} {what}" for name, what in quirk.QUIRKS.items())
    return "\n".join(("faults:", *faults, "", "quirks:", *quirks))


def options(given: argparse.Namespace, host: str, port: int) -> Options:
    """The simulated inventory that the arguments describe; raises `ValueError` for an invalid fault."""
    for text in given.fault:
        fault.parse(text)
    return Options(
        listen_host=host,
        listen_port=port,
        dialect=given.dialect,
        services=given.services,
        carriers=given.carriers,
        resources=given.resources,
        seed=given.seed,
        latency=given.latency,
        change_rate=given.change_rate,
        faults=tuple(given.fault),
        quirks=tuple(given.quirk),
    )
