"""The picture of an outage: every row and time in it, on any ground, and drawn from the run that is kept."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import msgspec

from bench import outage_plot
from bench.outage_plot import Message, Timeline

FOUND = Timeline(
    date="2026-11-30",
    satellite="SES-17",
    alert="InventorySatelliteCarriersDown",
    inventory={"satellite": (0.0, 600.0), "carriers": (10.0, 610.0), "services": (20.0, 620.0)},
    refreshes=tuple(range(-200, 1000, 60)),
    scrapes=tuple(range(-210, 1000, 30)),
    pending=(62.0, 92.0, 122.0, 152.0),
    firing=tuple(range(182, 680, 30)),
    messages=(
        Message(215.0, "noc-page", "firing", "InventorySatelliteCarriersDown", "Satellite SES-17"),
        Message(755.0, "noc-page", "resolved", "InventorySatelliteCarriersDown", "Satellite SES-17"),
    ),
)


def texts(picture: str) -> set[str]:
    return {
        "".join(one.itertext()).strip() for one in ElementTree.fromstring(picture).iter() if "text" in one.tag
    }


def test_the_picture_has_a_row_for_each_step_with_its_times() -> None:
    assert texts(outage_plot.svg(FOUND)) >= {
        *("inventory: satellite", "inventory: carriers", "inventory: services"),
        *("exporter refreshes carriers", "Prometheus scrapes", "SatelliteCarriersDown", "notifications"),
        *("down 0:00 to 10:00", "down 0:10 to 10:10", "down or degraded 0:20 to 10:20"),
        *("0:40", "1:00", "10:40", "11:00", "pending 1:02", "firing 3:02"),
        *("noc-page: firing 3:35", "noc-page: resolved 12:35"),
    }


def test_an_alert_that_fires_at_once_has_no_pending_part() -> None:
    shown = texts(outage_plot.svg(msgspec.structs.replace(FOUND, pending=())))
    assert not any(text.startswith("pending") for text in shown)


def test_the_same_times_give_the_same_picture_in_colours_of_the_ground() -> None:
    picture = outage_plot.svg(FOUND)
    assert picture == outage_plot.svg(FOUND)
    assert FOUND.fingerprint in picture
    outside = re.sub(r"<style>.*?</style>", "", picture)
    assert not re.findall(r"#[0-9a-f]{6}", outside), "a colour that no ground changes"


def test_the_picture_is_drawn_from_the_run_that_is_kept() -> None:
    again = "run `python -m bench.outage_plot`"
    assert outage_plot.load().fingerprint in outage_plot.PICTURE.read_text(encoding="utf-8"), again
