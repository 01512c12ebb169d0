"""The command line: commands, options and exit statuses, nothing else.

Exit status: 0 success; 1 an API could not be read, or not completely, or standard output could not be
written; 2 the configuration or the command line is invalid.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from rich.console import Console

from exporter import __version__, app, check, errors, healthcheck, initial_crawl, logs, settings
from exporter.settings import sources
from exporter.web import sockets
from exporter.web.web_config import AccessControl

if TYPE_CHECKING:
    from exporter.simulator.replay import Replay
    from exporter.simulator.server import Simulator

GOOD, UNREAD, WRONG = 0, 1, 2

_SIMULATOR_BACKLOG = 128

S = TypeVar("S")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status; a `serve` that succeeds ends the process itself."""
    logs.prepare_stdout()
    try:
        status = _status(arguments)
    except SystemExit as stop:  # argparse has printed its help, or what is wrong
        raise SystemExit(_written_out(stop.code, logs.stdout_failure())) from None
    except OSError as error:
        problem = logs.stdout_failure()
        if problem is None:  # then it was not about standard output
            logs.print_error(f"cannot go on: {error}")
            return UNREAD
        return _written_out(GOOD, problem)
    return _written_out(status, logs.stdout_failure())


def _written_out(status: S, problem: OSError | None) -> S | int:
    """The exit status, or that of a standard output that could not be written."""
    if problem is None or isinstance(problem, BrokenPipeError):  # whoever read it has seen enough
        return status
    logs.print_error(f"standard output cannot be written: {problem.strerror or problem}")
    return status or UNREAD


def _status(arguments: Sequence[str] | None) -> int:
    try:
        given = _parsed(sys.argv[1:] if arguments is None else arguments)
        status: int = given.run(given)
    except errors.ConfigError as error:
        logs.print_error(str(error))
        return WRONG
    except KeyboardInterrupt:
        return GOOD
    return status


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """The options of a command; an unknown one is an error with the usage of that command."""
    given, unknown = parser(arguments).parse_known_args(arguments)
    if unknown:
        hint = "; name the configuration file by --config.file FILE" if "config_file" in given else ""
        given.parser.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
    return given


class CommandParser(argparse.ArgumentParser):
    """A parser that knows its `options` in their order, for the CLI reference."""

    def __init__(self, **options: Any) -> None:
        self.options: list[argparse.Action] = []
        super().__init__(**options)

    def add_argument(self, *names: Any, **options: Any) -> argparse.Action:
        """Adds an option."""
        action = super().add_argument(*names, **options)
        self.options.append(action)
        return action

    def error(self, message: str) -> NoReturn:
        """Ends the process with status 2, also if standard error cannot be written."""
        try:
            super().error(message)
        except OSError:  # argparse of Python 3.11.2 lets it through
            raise SystemExit(WRONG) from None


def parser(arguments: Sequence[str] = ("simulate", "demo")) -> CommandParser:
    """The parser of a command line; simulator options are left out unless `arguments` need them."""
    return _parsers(arguments)[""]


def commands() -> Mapping[str, CommandParser]:
    """The parser of each command with all options, by name; that of the program under an empty name."""
    return _parsers(("simulate", "demo"))


def _parsers(arguments: Sequence[str]) -> dict[str, CommandParser]:
    program = CommandParser(
        prog="ses-inventory-exporter",
        description="Prometheus exporter for TM Forum service (TMF638) and resource (TMF639) inventories.",
        epilog=_EXIT_STATUS,
    )
    program.add_argument(
        "--version",
        action="version",
        version=f"ses-inventory-exporter {__version__}",
        help="show the version and exit",
    )
    made = {"": program}
    subparsers = program.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for name, (text, run) in _COMMANDS.items():
        made[name] = subparsers.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        made[name].set_defaults(run=run, parser=made[name])

    for name in ("serve", "check", "once"):
        _config(made[name])
    _serving(made["serve"])
    _checking(made["check"])
    if not {"simulate", "demo"}.isdisjoint(arguments):
        from exporter.simulator import command_line

        made["simulate"].formatter_class = argparse.RawDescriptionHelpFormatter
        made["simulate"].epilog = command_line.epilog()
        command_line.add_options(made["simulate"], command_line.SIMULATE)
        command_line.add_server_options(made["simulate"])
        command_line.add_options(made["demo"], command_line.DEMO)
    _listen_address(made["demo"], "127.0.0.1:10638")
    healthcheck.add_options(made["healthcheck"])
    return made


_EXIT_STATUS = (
    "Exit status: 0 success; 1 an API could not be read, or not completely; "
    "2 the configuration or the command line is invalid."
)


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        metavar="FILE",
        help="configuration file in YAML (default: none; environment variables only)",
    )
    parser.add_argument(
        "--log.level",
        dest="log.level",
        choices=tuple(logs.LEVELS),
        help="least severe level to log (default: log.level of the configuration, else info)",
    )
    parser.add_argument(
        "--log.format",
        dest="log.format",
        choices=("logfmt", "json"),
        help="format of log lines (default: log.format of the configuration, else logfmt)",
    )


def _utf8(value: str) -> str:
    if not sources.is_utf8(value):
        raise argparse.ArgumentTypeError("is not text in UTF-8")
    return value


def _checking(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Reads two pages of each query. Where something is wrong, it tries up to 80 other settings per "
        "collection, with GET requests, and prints those that help as YAML. It changes nothing. Exit status: "
        "0 no problem; 1 a collection cannot be read or has a problem; 2 the configuration is invalid."
    )
    parser.add_argument(
        "--offline", action="store_true", help="only validate the configuration (default: off)"
    )
    parser.add_argument(
        "--record",
        type=_utf8,
        metavar="ID",
        help="explain one record, by its id or name: its JSON, the metrics of its values, and its status "
        "(default: explain the collections)",
    )
    parser.add_argument(
        "--save",
        type=Path,
        metavar="FOLDER",
        help="write the responses into a folder, with names, addresses and ids replaced; "
        "`simulate --replay` serves them (default: none)",
    )


def _serving(parser: argparse.ArgumentParser) -> None:
    _listen_address(parser, "web.listen_address of the configuration, else :10638")
    parser.add_argument(
        "--web.config.file",
        dest="web.config_file",
        metavar="FILE",
        help="Prometheus web configuration file: TLS, users, rate limit (default: none)",
    )


def _listen_address(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument(
        "--web.listen-address",
        dest="web.listen_address",
        action="append",
        metavar="HOST:PORT",
        help=f"address to listen on; :PORT for all addresses; repeatable (default: {default})",
    )


def _read(given: argparse.Namespace) -> settings.Settings:
    flags = {key: value for key, value in vars(given).items() if "." in key and value is not None}
    return settings.load(given.config_file, os.environ, flags)


def _loaded(given: argparse.Namespace) -> settings.Settings:
    config = _read(given)
    logs.configure(config.log.level, config.log.format)
    return config


def _serve(given: argparse.Namespace) -> NoReturn:
    async def watch(runtime: app.Runtime, _: str) -> None:
        await initial_crawl.log_progress(runtime)

    logs.never_block()
    asyncio.run(_served(app.serve(_loaded(given), watch, partial(_read, given))))


async def _served(work: Coroutine[None, None, None]) -> NoReturn:
    """Ends the process as soon as the work has ended successfully; everything is written by then.

    Python would wait for its threads, although nobody needs their results: a resolver that does not respond,
    the rendering of many records, a disk that is gone (fault F64).
    """
    await work
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    logs.drain()
    os._exit(GOOD)


def _check(given: argparse.Namespace) -> int:
    config = _loaded(given)
    AccessControl(config.web.config_file)  # only to say what is wrong with it
    console = logs.Console()
    for doubt in settings.doubts(config):
        console.print(f"Note: {doubt}.", markup=False, soft_wrap=True)
    if given.offline:
        names = ", ".join(target.collection for target in config.targets())
        console.print(f"The configuration is valid. Collections: {names}.")
        return GOOD
    if given.record:
        return asyncio.run(check.explain_record(config, given.record, console))
    return asyncio.run(check.run(config, console, given.save))


def _once(given: argparse.Namespace) -> int:
    config = _loaded(given)

    async def watch(runtime: app.Runtime, _: str) -> None:
        with contextlib.suppress(OSError):  # how far it is matters less than what comes of it
            await initial_crawl.show(runtime, logs.Console(stderr=True))

    runtime, text = asyncio.run(initial_crawl.once(config, watch))
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
    whole = all(poller.status.up and poller.status.complete for poller in runtime.pollers)
    for poller in runtime.pollers:
        if not (poller.status.up and poller.status.complete):
            logs.print_error(f"{poller.target.collection}: {initial_crawl.result(poller)}")
    return GOOD if whole else UNREAD


@contextlib.contextmanager
def _config_errors(option: str = "") -> Iterator[None]:
    """Raises a `ValueError` of the simulator as a `ConfigError`."""
    try:
        yield
    except ValueError as error:
        raise errors.ConfigError(str(error), file=option) from error


def _simulate(given: argparse.Namespace) -> int:
    from exporter.simulator import command_line, outage
    from exporter.simulator.replay import Replay

    addresses = [_address(written) for written in given.listen_address or [command_line.ADDRESS]]
    if given.replay:
        with _config_errors("--replay"):
            replay = Replay(given.replay)
        asyncio.run(_replayed(replay, addresses))
        return GOOD
    simulator = _simulator(given, addresses[0])
    if given.list_names:
        print("\n".join(outage.name_lines(simulator.fleet)))
        return GOOD
    asyncio.run(_simulated(simulator, addresses, given.config_out))
    return GOOD


def _address(written: str) -> sockets.Address:
    """An address of the simulator, which is this machine's own where no host is named."""
    host, _, port = written.rpartition(":")
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise errors.ConfigError(
            f"{written!r} is no address",
            file="--listen-address",
            hint="write HOST:PORT, with a port from 0 to 65535",
        )
    return sockets.Address(host.strip("[]") or "127.0.0.1", int(port))


def _simulator(given: argparse.Namespace, address: sockets.Address) -> Simulator:
    from exporter.simulator import command_line
    from exporter.simulator.server import Simulator

    with _config_errors("--fault"):
        options = command_line.options(given, str(address.host), address.port)
    with _config_errors():
        return Simulator(options)


async def _replayed(replay: Replay, addresses: Sequence[sockets.Address]) -> None:
    stop = _stop_signal()
    async with _started(replay, addresses):
        for api in replay.apis:
            print(f"{api.upper()} at {replay.url(api)}", flush=True)
        await stop.wait()


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _simulated(
    simulator: Simulator, addresses: Sequence[sockets.Address], config_out: Path | None
) -> None:
    stop = _stop_signal()
    async with _started(simulator, addresses):
        options = simulator.options
        print(f"TMF638 at {simulator.url638}")
        print(f"TMF639 at {simulator.url639}")
        print(f"username {options.username}, password {options.password}", flush=True)
        if config_out:
            _written(config_out, simulator.configuration())
            print(f"configuration for it in {config_out}", flush=True)
        await stop.wait()


@contextlib.asynccontextmanager
async def _started(
    simulator: Simulator | Replay, addresses: Sequence[sockets.Address]
) -> AsyncIterator[None]:
    try:
        found = await sockets.listen(addresses, _SIMULATOR_BACKLOG)
    except sockets.CannotListenError as error:
        raise errors.ConfigError(
            f"cannot start the simulator: {error}", hint="is its address in use, or not of this machine?"
        ) from error
    await simulator.start([one for address in found for one in address.sockets])
    try:
        yield
    finally:
        await simulator.stop()


def _written(file: Path, text: str) -> Path:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        hint = "name a file in a folder that exists"
        raise errors.ConfigError(
            f"cannot be written: {error.strerror or error}", file=str(file), hint=hint
        ) from error
    return file


def _demo(given: argparse.Namespace) -> int:
    addresses = getattr(given, "web.listen_address") or ["127.0.0.1:10638"]
    asyncio.run(_demonstrated(_simulator(given, sockets.Address("127.0.0.1", 0)), addresses))
    return GOOD


async def _demonstrated(simulator: Simulator, addresses: Sequence[str]) -> None:
    console = logs.Console()
    unwritten: OSError | None = None
    async with _started(simulator, [sockets.Address("127.0.0.1", 0)]):
        with tempfile.TemporaryDirectory() as folder:
            file = _written(Path(folder, "demo.yaml"), simulator.configuration())
            flags = {"log.level": "warning", "web.listen_address": addresses}
            config = settings.load(file, {}, flags)
        logs.configure(config.log.level, config.log.format)

        async def watch(runtime: app.Runtime, served: str) -> None:
            nonlocal unwritten
            try:
                await initial_crawl.show(runtime, console)
                _introduce(simulator, served, console)
            except OSError as error:
                unwritten = error
                signal.raise_signal(signal.SIGTERM)  # nobody can look at it

        await app.serve(config, watch)
    if unwritten:
        raise unwritten


def _introduce(simulator: Simulator, served: str, console: Console) -> None:
    console.print(f"\nsimulator  {simulator.url638}\n           {simulator.url639}", highlight=False)
    console.print(f"exporter   {served}/\nmetrics    {served}/metrics", highlight=False)
    console.print(
        "\nCarriers and satellites fail and recover while you look. Ctrl-C stops it.",
        highlight=False,
    )


def _healthcheck(given: argparse.Namespace) -> int:
    try:
        healthy, text = healthcheck.ask(given.url, given.cert, given.key)
    except healthcheck.UnreachableError as error:
        logs.print_error(str(error))
        return UNREAD
    print(text)
    return GOOD if healthy else UNREAD


_COMMANDS: Mapping[str, tuple[str, Callable[[argparse.Namespace], int]]] = {
    "serve": ("crawl the inventories in the background and serve their metrics", _serve),
    "check": ("validate the configuration and explain what the APIs answer", _check),
    "once": ("crawl once and print the metrics", _once),
    "simulate": ("serve a simulated inventory", _simulate),
    "demo": ("run the simulator and the exporter together", _demo),
    "healthcheck": ("ask a running exporter whether it is healthy", _healthcheck),
}
"""The commands: what each does, and the function that runs it and returns the exit status."""
