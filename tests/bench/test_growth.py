"""What a run of the growth benchmark is made of, and that its page and its plot are those of its results."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import growth, plot, point, sizing
from tests.bench import points

AGAIN = "run `python -m bench.sizing` and commit what it wrote"


def test_a_run_keeps_its_points_in_order_and_comes_back_from_its_file(tmp_path: Path) -> None:
    run = points.run(1000).joined(points.point(100)).joined(points.point(10_000))
    assert [one.carriers for one in run.points] == [100, 1000, 10_000]
    point.save(run, tmp_path / "growth.json")
    assert point.load(tmp_path / "growth.json") == run
    assert point.load(tmp_path / "growth.json").fingerprint == run.fingerprint
    assert run.fingerprint != points.run(1000).fingerprint


def test_a_new_run_says_when_and_where() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\d, Python 3\.\S+, \d+ cores, \S+", point.begun().where)


def test_the_sizes_are_those_asked_for_or_all() -> None:
    assert growth.sizes([]) == growth.SIZES
    assert growth.sizes(["3_000", "1000", "1000"]) == (1000, 3000)


@pytest.mark.parametrize("word", ["many", "0", "-5"])
def test_a_size_that_is_none_is_told(word: str) -> None:
    with pytest.raises(SystemExit, match="give numbers"):
        growth.sizes([word])


@pytest.mark.parametrize(
    ("size", "quantity"),
    [(1, "32Mi"), (33 * 2**20, "64Mi"), (513 * 2**20, "640Mi"), (4e9, "3840Mi"), (5e9, "5120Mi")],
)
def test_memory_is_suggested_in_quantities_that_are_never_less(size: float, quantity: str) -> None:
    assert sizing.suggested(size) == quantity


def test_the_table_has_a_row_for_each_size() -> None:
    rows = list(sizing.table(points.run(1000, 100_000)))
    assert len(rows) == 4
    assert rows[-1] == (
        "| 100,000 | 2,000,000 | 22.0 MB | 240 MB | 33,333 | 360 MB | 720 MB | 0.60 s | 416Mi | 1408Mi |"
    )
    assert len({row.count("|") for row in rows}) == 1


def test_the_page_is_written_from_the_results_that_are_kept() -> None:
    assert sizing.PAGE.read_text(encoding="utf-8") == sizing.as_markdown(), AGAIN


def test_the_plot_is_drawn_from_the_results_that_are_kept() -> None:
    assert point.load().fingerprint in sizing.PICTURE.read_text(encoding="utf-8"), (
        "run `python -m bench.sizing`"
    )


def test_the_same_run_gives_the_same_picture() -> None:
    assert plot.svg(points.run(1000, 10_000)) == plot.svg(points.run(1000, 10_000))


@pytest.mark.parametrize("carriers", [(1000,), (1000, 10_000, 1_000_000)])
def test_the_picture_shows_every_panel_and_line_on_any_ground(carriers: tuple[int, ...]) -> None:
    picture = plot.svg(points.run(*carriers))
    texts = {"".join(one.itertext()) for one in ElementTree.fromstring(picture).iter() if "text" in one.tag}
    for title, lines in plot.PANELS:
        assert title in texts
        assert {line.name for line in lines} <= texts
    assert "prefers-color-scheme: dark" in picture
    for name, light, dark in plot.SHADES.values():
        assert f"var(--{name})" in picture
        assert f"--{name}: {light};" in picture
        assert f"--{name}: {dark};" in picture
    outside = re.sub(r"<style>.*?</style>", "", picture)
    assert not re.findall(r"#[0-9a-f]{6}", outside), "a colour that no ground changes"


def test_numbers_at_the_axes_are_short() -> None:
    assert [plot.short(number) for number in (0.01, 3, 1000, 30_000, 1e6)] == ["0.01", "3", "1k", "30k", "1M"]
