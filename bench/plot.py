"""Draws how cost grows: three small log-log panels as one SVG, readable on light and on dark ground.

It owns colours and layout; the figures are `point`'s. Colours are variables of a style sheet inside the
picture, which asks the reader's browser whether the ground is dark. Invariant: the same run gives the same
picture, which carries the run's fingerprint.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import matplotlib as mpl
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.point import Point, Run

INK, FAINT, FIRST, SECOND, THIRD = "#010101", "#020202", "#030303", "#040404", "#050505"
"""What is drawn with; the style sheet says how each looks."""

SHADES = {
    INK: ("ink", "#1f2328", "#e6edf3"),
    FAINT: ("faint", "#c3c9d0", "#484f58"),
    FIRST: ("first", "#0969da", "#58a6ff"),
    SECOND: ("second", "#bc4c00", "#f0883e"),
    THIRD: ("third", "#1a7f37", "#56d364"),
}
"""The name of each, and its colour on light and on dark ground."""


class Line(NamedTuple):
    """One figure of every point: what it is called, and how to take it."""

    name: str
    colour: str
    value: Callable[[Point], float]


PANELS: Sequence[tuple[str, Sequence[Line]]] = (
    (
        "CPU of a refresh, seconds",
        (
            Line("cold", SECOND, lambda one: one.cold_cpu),
            Line("1 % changed", THIRD, lambda one: one.changed_cpu),
            Line("unchanged", FIRST, lambda one: one.unchanged_cpu),
        ),
    ),
    (
        "resident memory, MB",
        (
            Line("peak", SECOND, lambda one: one.peak / 1e6),
            Line("after refreshes", FIRST, lambda one: one.resident_later / 1e6),
        ),
    ),
    (
        "bytes a scrape, MB",
        (
            Line("identity", SECOND, lambda one: one.identity / 1e6),
            Line("gzip", FIRST, lambda one: one.gzip / 1e6),
        ),
    ),
)

_MANY = 100  # times: a panel of less has lines at 3, 30, 300 as well

STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "growth",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
}


def short(number: float, _: object = None) -> str:
    """A number as short as it goes: 0.1, 100, 3k, 1M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def svg(run: Run) -> str:
    """The picture of a run of at least one point."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 3.4), layout="constrained")
        for axes, (title, lines) in zip(figure.subplots(1, len(PANELS)), PANELS, strict=True):
            _panel(axes, run.points, lines)
            axes.set_title(title)
        figure.supxlabel(f"carriers; dotted: in proportion. {run.where}", fontsize=8)
        out = io.StringIO()
        figure.savefig(
            out, format="svg", transparent=True, metadata={"Date": None, "Description": run.fingerprint}
        )
    return shaded(out.getvalue())


def _panel(axes: Axes, points: Sequence[Point], lines: Sequence[Line]) -> None:
    sizes = [one.carriers for one in points]
    values = [[line.value(one) for one in points] for line in lines]
    axes.set_xscale("log")
    axes.set_yscale("log")
    for line, figures in zip(lines, values, strict=True):
        proportion = [figures[-1] * size / sizes[-1] for size in sizes]
        axes.plot(sizes, proportion, color=line.colour, linestyle=":", linewidth=0.8)
        axes.plot(sizes, figures, color=line.colour, linewidth=1.6, marker="o", markersize=3.5)
    axes.grid(which="major")
    lowest, highest = min(map(min, values)), max(map(max, values))
    subs = (1.0,) if highest > _MANY * lowest else (1.0, 3.0)
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=subs))
    axes.minorticks_off()
    axes.set_ylim(lowest / 2, highest * 2)
    axes.set_xlim(sizes[0] / 1.3, sizes[-1] * 1.3)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ticker.FuncFormatter(short))
    handles = [handle for handle in axes.lines if handle.get_linestyle() == "-"]
    axes.legend(handles, [line.name for line in lines], loc="upper left", frameon=False)


def shaded(picture: str) -> str:
    """The picture with names for its colours, and the style sheet that says what they are."""
    for colour, (name, _, _) in SHADES.items():
        picture = picture.replace(colour, f"var(--{name})")
    light, dark = (" ".join(f"--{one[0]}: {one[place]};" for one in SHADES.values()) for place in (1, 2))
    sheet = f"<style>:root {{ {light} }} @media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}</style>"
    picture = re.sub(r"[ \t]+$", "", picture, flags=re.MULTILINE)
    return re.sub(r"(<svg [^>]*>)", lambda found: f"{found[1]}\n {sheet}", picture, count=1)
