"""The rules of Grafana's dashboard linter, and the house's own."""

from pathlib import Path
from typing import Any

import pytest

from tests.grafana import boards

BOARDS = boards.boards()
PANELS = [
    pytest.param(uid, panel, id=f"{uid}-{panel['id']}")
    for uid, board in BOARDS.items()
    for panel in boards.panels(board)
]
EACH_BOARD = pytest.mark.parametrize("uid", BOARDS)
EACH_PANEL = pytest.mark.parametrize(("uid", "panel"), PANELS)

UNITS = set(Path(__file__).with_name("units.txt").read_text(encoding="utf-8").split())
"""The ids of all units that Grafana knows."""


def test_there_are_five_dashboards() -> None:
    assert {uid.removeprefix("ses-inventory-") for uid in BOARDS} == {
        "overview",
        "services",
        "carriers",
        "resources",
        "exporter",
    }


@EACH_BOARD
def test_a_dashboard_can_be_imported_anywhere(uid: str) -> None:
    board = BOARDS[uid]
    assert board["uid"] == uid
    assert board["id"] is None
    assert board["editable"] is False
    assert board["title"].startswith("Inventory / ")
    assert board["description"]
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@EACH_BOARD
def test_the_first_variables_choose_data_source_job_and_instance(uid: str) -> None:
    first = BOARDS[uid]["templating"]["list"][:3]
    assert [one["name"] for one in first] == ["datasource", "job", "instance"]
    assert first[0]["type"] == "datasource" and first[0]["query"] == "prometheus"
    for one in first[1:]:
        assert one["type"] == "query"
        assert one["label"] == one["name"].capitalize()
        assert one["datasource"]["uid"] == "${datasource}"
        assert (one["multi"], one["includeAll"], one["allValue"], one["refresh"]) == (True, True, ".+", 2)


@EACH_BOARD
def test_every_variable_has_a_label_and_follows_the_exporters_chosen(uid: str) -> None:
    for one in BOARDS[uid]["templating"]["list"][3:]:
        assert one["label"]
        if one["type"] == "query":
            assert 'job=~"$job",instance=~"$instance"' in one["query"]["query"]
            assert one["allValue"] == ".*", "All takes in what says nothing"


@EACH_BOARD
def test_links_to_the_other_dashboards_keep_time_and_variables(uid: str) -> None:
    (link,) = BOARDS[uid]["links"]
    assert link["type"] == "dashboards"
    assert set(link["tags"]) <= set(BOARDS[uid]["tags"])
    assert link["includeVars"] and link["keepTime"]


@EACH_BOARD
def test_panels_lie_on_the_grid_and_none_on_another(uid: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in BOARDS[uid]["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        taken |= cells


@EACH_PANEL
def test_a_panel_has_a_title_a_description_a_unit_and_the_chosen_source(
    uid: str, panel: dict[str, Any]
) -> None:
    assert panel["title"], uid
    assert panel["description"].endswith("."), panel["title"]
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["datasource"]["uid"] == "${datasource}"
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@EACH_PANEL
def test_units_and_colours_of_columns_are_grafanas(uid: str, panel: dict[str, Any]) -> None:
    for override in panel["fieldConfig"].get("overrides", []):
        for one in override["properties"]:
            if one["id"] == "unit":
                assert one["value"] in UNITS or one["value"].startswith("suffix:"), uid


@EACH_PANEL
def test_links_in_cells_lead_to_dashboards_there_are_with_variables_they_have(
    uid: str, panel: dict[str, Any]
) -> None:
    titles = {name for step in panel.get("transformations", []) for name in _renamed(step)}
    for override in panel["fieldConfig"].get("overrides", []):
        for one in override["properties"]:
            for link in one["value"] if one["id"] == "links" else ():
                target, _, asked = link["url"].removeprefix("/d/").partition("?var-")
                variable, _, value = asked.partition("=")
                assert variable in boards.variables(BOARDS[target]), uid
                assert "${__url_time_range}" in link["url"]
                if "__data.fields" in value:
                    assert value.split('"')[1] in titles


def _renamed(step: dict[str, Any]) -> list[str]:
    return list(step["options"].get("renameByName", {}).values()) if step["id"] == "organize" else []
