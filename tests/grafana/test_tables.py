"""The tables have the columns that operators know, words instead of numbers, and stay usable when long."""

import re
from typing import Any

import pytest

from tests.grafana import boards

BOARDS = boards.boards()
TABLES = [
    pytest.param(uid, panel, id=f"{uid}-{panel['id']}")
    for uid, board in BOARDS.items()
    for panel in boards.panels(board)
    if panel["type"] == "table"
]
EACH = pytest.mark.parametrize(("uid", "panel"), TABLES)

WANTED = {
    "services": (
        *(
            "ID",
            "Service",
            "Description",
            "Status",
            "Type",
            "Start",
            "End",
            "Last update",
            "Customer",
        ),
        *("Location", "Specification", "Supporting resources"),
    ),
    "carriers": (
        *("ID", "Carrier", "Description", "Condition", "Status", "Type", "Created", "Last update"),
        *("Gateway", "Terminal", "Satellite", "Transponder", "Uplink alias", "Downlink alias"),
        *("Uplink centre frequency", "Downlink centre frequency", "Bandwidth segments"),
    ),
    "resources": (
        *("ID", "Resource", "Description", "Status", "Type", "Specification", "Characteristics"),
        *("Related parties", "Locations", "Relationships"),
    ),
}


def organised(panel: dict[str, Any]) -> dict[str, Any]:
    (step,) = [step for step in panel["transformations"] if step["id"] == "organize"]
    return step["options"]


def properties(panel: dict[str, Any], title: str) -> dict[str, Any]:
    return {
        one["id"]: one["value"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["options"] == title
        for one in override["properties"]
    }


@pytest.mark.parametrize("name", WANTED)
def test_the_table_has_every_column_that_operators_know(name: str) -> None:
    (panel,) = [
        panel
        for panel in boards.panels(BOARDS[f"ses-inventory-{name}"])
        if panel["type"] == "table" and panel["title"] == name.capitalize()
    ]
    assert set(WANTED[name]) <= set(organised(panel)["renameByName"].values())


@EACH
def test_every_field_of_every_query_has_its_place_among_the_columns(uid: str, panel: dict[str, Any]) -> None:
    steps = organised(panel)
    assert steps["renameByName"].keys() == steps["indexByName"].keys()
    places = sorted(steps["indexByName"].values())
    assert places == list(range(len(places))), uid


@EACH
def test_a_table_asks_for_tables_joins_them_on_one_key_and_has_pages(uid: str, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        assert target["format"] == "table" and target["instant"], uid
    joins = [step for step in panel["transformations"] if step["id"] == "joinByField"]
    assert len(joins) == (len(panel["targets"]) > 1)
    for step in joins:
        for target in panel["targets"]:
            assert step["options"]["byField"] in target["expr"]
    assert panel["options"]["enablePagination"]
    assert panel["fieldConfig"]["defaults"]["custom"]["filterable"]


WORDS = {
    "Condition": ("DOWN", "affected", "degraded", "maintenance", "operational"),
    "Last refresh": ("ok", "FAILED"),
    "Complete": ("ok", "INCOMPLETE"),
    "Fresh": ("ok", "STALE"),
}


@EACH
def test_states_are_words_on_colours(uid: str, panel: dict[str, Any]) -> None:
    for title in organised(panel)["renameByName"].values():
        if title in WORDS:
            looks = properties(panel, title)
            words = [result["text"] for result in looks["mappings"][0]["options"].values()]
            assert sorted(words) == sorted(WORDS[title]), uid
            assert looks["custom.cellOptions"]["type"] == "color-background"


@EACH
def test_times_are_shown_as_dates_or_as_how_long_ago(uid: str, panel: dict[str, Any]) -> None:
    by_ref = {target["refId"]: target["expr"] for target in panel["targets"]}
    for field, title in organised(panel)["renameByName"].items():
        ref = re.match(r"(?:Value #|utc )([A-Z])|Value", field)
        expr = by_ref[ref[1] or "A"] if ref else ""
        if expr.startswith("1000 * "):
            assert properties(panel, title)["unit"] in ("dateTimeFromNow", "dateTimeAsIso"), (uid, title)


@EACH
def test_what_is_long_ago_is_also_a_date_in_utc(uid: str, panel: dict[str, Any]) -> None:
    assert BOARDS[uid]["timezone"] == "utc"
    titles = set(organised(panel)["renameByName"].values())
    for title in titles:
        if properties(panel, title).get("unit") == "dateTimeFromNow":
            assert f"{title} (UTC)" in titles
            assert properties(panel, f"{title} (UTC)")["unit"] == "dateTimeAsIso"


def test_conditions_have_colours_of_their_own_and_only_down_is_red() -> None:
    for uid, panel in (param.values for param in TABLES):
        for title in organised(panel)["renameByName"].values():
            if title == "Condition":
                (mapping,) = properties(panel, title)["mappings"]
                colours = {one["text"]: one["color"] for one in mapping["options"].values()}
                assert colours["DOWN"] == "red" and colours["operational"] == "green", uid
                assert len(set(colours.values())) == len(colours)


@pytest.mark.parametrize(("name", "first"), [("services", "Services"), ("carriers", "Carriers")])
def test_what_is_down_comes_first_then_the_latest(name: str, first: str) -> None:
    panels = boards.panels(BOARDS[f"ses-inventory-{name}"])
    (panel,) = [one for one in panels if (one["type"], one["title"]) == ("table", first)]
    assert [(one["displayName"], one["desc"]) for one in panel["options"]["sortBy"]] == [
        ("Condition", False),
        ("Since", True),
    ]
