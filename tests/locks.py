"""Reads the hashed locks, and says what they lack: pure functions of texts and of the metadata of packages.

A lock is complete when everything that a pinned package requires, with the extras that it asks of others, is
pinned for the same environment. Only then may pip install it with `--no-deps`; a pip that resolves (any
before 23.3) takes an extra that is pinned without it as one more thing to look for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13")
MACHINES = ("x86_64", "aarch64")

_ENTRY = re.compile(r"^(?=[A-Za-z0-9])", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """One entry of a lock: a version of a package, where it is meant for, and how many hashes it has."""

    name: str
    version: str
    marker: Marker | None
    hashes: int
    text: str

    def applies(self, environment: Mapping[str, str]) -> bool:
        """Whether pip installs it in an environment (the variables of markers, PEP 508)."""
        return self.marker is None or self.marker.evaluate(dict(environment))


def pins(lock: str) -> tuple[Pin, ...]:
    """The entries of a lock, in its order."""
    return tuple(_pin(entry) for entry in _ENTRY.split(lock) if re.match(r"[A-Za-z0-9]", entry))


def _pin(entry: str) -> Pin:
    said = re.split(r"\s*\\\n|\n", entry, maxsplit=1)[0]
    required = Requirement(said)
    (exactly,) = required.specifier
    name = canonicalize_name(required.name)
    return Pin(name, exactly.version, required.marker, entry.count("--hash=sha256:"), entry)


def environments() -> Iterator[dict[str, str]]:
    """The variables of markers on Linux, for each series of Python and each kind of machine."""
    for python in PYTHONS:
        for machine in MACHINES:
            yield {
                **cast("dict[str, str]", default_environment()),
                "python_version": python,
                "python_full_version": f"{python}.0",
                "implementation_version": f"{python}.0",
                "platform_machine": machine,
                "sys_platform": "linux",
                "platform_system": "Linux",
                "os_name": "posix",
            }


def closure(
    roots: Iterable[str], requires: Callable[[str], Iterable[str]], environment: Mapping[str, str]
) -> dict[str, list[Requirement]]:
    """Everything that must be there for `roots` (PEP 508), by name: what is asked of each.

    `requires` gives what a package says that it needs (`Requires-Dist`), with the markers of its extras.
    """
    found: dict[str, list[Requirement]] = {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        wanted = waiting.pop()
        if wanted.marker and not wanted.marker.evaluate({**environment, "extra": ""}):
            continue
        name = canonicalize_name(wanted.name)
        found.setdefault(name, []).append(wanted)
        for extra in {"", *wanted.extras} - {old for package, old in seen if package == name}:
            seen.add((name, extra))
            needed = (Requirement(text) for text in requires(name))
            waiting += [one for one in map(_without_marker(extra, environment), needed) if one]
    return found


def _without_marker(
    extra: str, environment: Mapping[str, str]
) -> Callable[[Requirement], Requirement | None]:
    def taken(required: Requirement) -> Requirement | None:
        if required.marker and not required.marker.evaluate({**environment, "extra": extra}):
            return None
        required.marker = None
        return required

    return taken


def lacking(
    lock: Iterable[Pin],
    roots: Iterable[str],
    requires: Callable[[str], Iterable[str]],
    environment: Mapping[str, str],
) -> list[str]:
    """What a lock lacks in an environment: `needed: what is there instead`, one line each."""
    there = {pin.name: pin for pin in lock if pin.applies(environment)}
    python = environment["python_version"]
    lines = []
    for name, asked in closure(roots, requires, environment).items():
        pin = there.get(name)
        if pin is None:
            lines.append(f"{asked[0]}: not pinned for Python {python}")
        elif not pin.hashes:
            lines.append(f"{asked[0]}: pinned without a hash")
        else:
            lines += [
                f"{one}: {pin.version} is pinned"
                for one in asked
                if not one.specifier.contains(pin.version, prereleases=True)
            ]
    return lines
