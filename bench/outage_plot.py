"""`python -m bench.outage_plot`: the picture of one outage in docs/alerts.md, from `bench/outage.json`.

Five rows, one below the other: the inventory, the refreshes of the exporter, the scrapes of Prometheus, the
alert, the notifications. Nothing is measured here; the same times give the same picture.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import matplotlib as mpl
import msgspec
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.plot import FAINT, FIRST, INK, SECOND, STYLE, THIRD, shaded

FILE = Path(__file__).with_name("outage.json")
PICTURE = Path(__file__).parents[1] / "docs/images/outage.svg"

BEFORE, AFTER = 60.0, 90.0
"""Seconds shown before the failure and after the last notification."""

SMALL = 7.5


class Message(msgspec.Struct, frozen=True):
    """One notification about the satellite: when, to whom, firing or resolved, and what it says."""

    at: float
    receiver: str
    status: str
    alert: str
    summary: str


class Timeline(msgspec.Struct, frozen=True):
    """What happened when, in seconds since the satellite failed.

    `inventory` is from when to when the satellite and what rests on it are down. `refreshes` are the
    successful ones of the carriers; `pending` and `firing` the evaluations with the alert in that state.
    """

    date: str
    satellite: str
    alert: str
    inventory: dict[str, tuple[float, float]]
    refreshes: tuple[float, ...]
    scrapes: tuple[float, ...]
    pending: tuple[float, ...]
    firing: tuple[float, ...]
    messages: tuple[Message, ...]

    @property
    def fingerprint(self) -> str:
        """Sixteen characters that differ where anything that happened differs."""
        return blake2b(msgspec.json.encode(self), digest_size=8).hexdigest()


def load() -> Timeline:
    """The outage that is kept. Raises OSError and `msgspec.DecodeError`."""
    return msgspec.json.decode(FILE.read_bytes(), type=Timeline)


def first_after(times: Sequence[float], at: float) -> float:
    """The first of these times that is after another."""
    return next(time for time in times if time > at)


def seen(found: Timeline, at: float) -> tuple[float, float]:
    """When the exporter read the carriers as they are from a time on, and when Prometheus scraped that."""
    refresh = first_after(found.refreshes, at)
    return refresh, first_after(found.scrapes, refresh)


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds: 2:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def svg(found: Timeline) -> str:
    """The picture."""
    with mpl.rc_context({**STYLE, "svg.hashsalt": "outage"}):
        figure = Figure(figsize=(10, 3.8), layout="constrained")
        axes = figure.subplots()
        end = found.messages[-1].at + AFTER
        _rows(axes, found, end)
        axes.set_xlim(-BEFORE, end)
        minutes = range(0, int(end), 120)
        axes.set_xticks(list(minutes), [f"{minute // 60} min" for minute in minutes])
        axes.grid(axis="x", which="major")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.set_title(f"Satellite {found.satellite} fails, and is repaired after {_length(found)}")
        out = io.StringIO()
        figure.savefig(
            out, format="svg", transparent=True, metadata={"Date": None, "Description": found.fingerprint}
        )
    return shaded(out.getvalue())


def _length(found: Timeline) -> str:
    start, end = found.inventory["satellite"]
    return f"{(end - start) / 60:g} minutes"


def _rows(axes: Axes, found: Timeline, end: float) -> None:
    exporter, prometheus = "exporter refreshes carriers", "Prometheus scrapes"
    alert = found.alert.removeprefix("Inventory")
    names = [
        *(f"inventory: {name}" for name in found.inventory),
        exporter,
        prometheus,
        alert,
        "notifications",
    ]
    height = {name: len(names) - place for place, name in enumerate(names)}
    axes.set_yticks(list(height.values()), list(height))
    axes.set_ylim(0.3, len(names) + 0.6)
    for name, (start, stop) in found.inventory.items():
        what = "down or degraded" if name == "services" else "down"
        text = f"{what} {clock(start)} to {clock(stop)}"
        _bar(axes, height[f"inventory: {name}"], (start, stop), SECOND)
        _text(axes, start + 5, height[f"inventory: {name}"], text)
    ways = zip(*(seen(found, at) for at in found.inventory["carriers"]), strict=True)
    for name, times, marks in zip(
        (exporter, prometheus), (found.refreshes, found.scrapes), ways, strict=True
    ):
        _ticks(axes, height[name], [time for time in times if -BEFORE <= time <= end], marks)
    interval = min(late - early for early, late in zip(found.scrapes, found.scrapes[1:], strict=False))
    for states, colour, word in ((found.pending, THIRD, "pending"), (found.firing, FIRST, "firing")):
        if states:
            span = (states[0], states[-1] + interval)
            _bar(axes, height[alert], span, colour)
            side = {"pending": ("right", -5), "firing": ("left", 5)}[word]  # a short bar has no room for text
            _text(axes, states[0] + side[1], height[alert], f"{word} {clock(states[0])}", side[0])
    for message in found.messages:
        text = f"{message.receiver}: {message.status} {clock(message.at)}"
        axes.plot(message.at, 1, marker="D", color=INK, markersize=5)
        left = message.at > end / 2
        axes.annotate(
            text,
            (message.at, 1),
            (-8 if left else 8, 0),
            textcoords="offset points",
            va="center",
            ha="right" if left else "left",
            fontsize=SMALL,
        )


def _bar(axes: Axes, height: float, span: tuple[float, float], colour: str) -> None:
    start, stop = span
    axes.barh(height, stop - start, 0.5, start, color=colour, alpha=0.35, linewidth=0)


def _text(axes: Axes, at: float, height: float, text: str, side: str = "left") -> None:
    axes.text(at, height, text, ha=side, va="center", fontsize=SMALL)


def _ticks(axes: Axes, height: float, times: Sequence[float], marks: Sequence[float]) -> None:
    """A line for each time; marks for those that saw the failure and the repair."""
    axes.vlines(times, height - 0.25, height + 0.25, color=FAINT, linewidth=1.2)
    for mark, colour in zip(marks, (SECOND, THIRD), strict=True):
        axes.vlines([mark], height - 0.25, height + 0.25, color=colour, linewidth=2.4)
        _text(axes, mark, height + 0.4, clock(mark), "center")


def write() -> None:
    """Draws the outage that is kept."""
    PICTURE.write_text(svg(load()), encoding="utf-8")


if __name__ == "__main__":
    write()
    sys.exit(0)
