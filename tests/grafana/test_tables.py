"""The tables have the columns that operators know, words instead of numbers, and stay usable when long."""

import json
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
        *("ID", "Carrier", "Description", "Operational", "Status", "Type", "Created", "Last update"),
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
    assert panel["options"]["footer"]["enablePagination"]
    assert panel["fieldConfig"]["defaults"]["custom"]["filterable"]


@EACH
def test_states_are_words_on_colours(uid: str, panel: dict[str, Any]) -> None:
    for title in organised(panel)["renameByName"].values():
        if title in ("Operational", "Last refresh", "Complete", "Fresh"):
            looks = properties(panel, title)
            words = {result["text"] for result in looks["mappings"][0]["options"].values()}
            assert len(words) == 2, uid
            assert looks["custom.cellOptions"]["type"] == "color-background"


@EACH
def test_times_are_shown_as_dates_or_as_how_long_ago(uid: str, panel: dict[str, Any]) -> None:
    by_ref = {target["refId"]: target["expr"] for target in panel["targets"]}
    for field, title in organised(panel)["renameByName"].items():
        expr = by_ref.get(field.removeprefix("Value #"), "") if field.startswith("Value") else ""
        if expr.startswith("1000 * "):
            assert properties(panel, title)["unit"] in ("dateTimeFromNow", "dateTimeAsIso"), (uid, title)


def test_down_is_red_and_up_is_green() -> None:
    text = json.dumps(BOARDS["ses-inventory-carriers"])
    assert '"color": "red", "index": 1, "text": "DOWN"' in text
    assert '"color": "green", "index": 0, "text": "up"' in text
