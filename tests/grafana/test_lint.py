"""The rules of Grafana's dashboard linter, and the house's own."""

import re
from pathlib import Path
from typing import Any

import pytest

from rules.rule import Links
from tests.grafana import boards

BOARDS = boards.boards()
PANELS = [
    pytest.param(uid, panel, id=f"{uid}-{panel['id']}")
    for uid, board in BOARDS.items()
    for panel in boards.panels(board)
]
EACH_BOARD = pytest.mark.parametrize("uid", BOARDS)
EACH_PANEL = pytest.mark.parametrize(("uid", "panel"), PANELS)

HIDDEN = 2
"""Of Grafana, a variable that is not shown."""

RUNBOOK = Links().runbook("${__value.raw}")
"""The only link of a cell that leads to no dashboard."""

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
            if one.get("hide") != HIDDEN:
                assert one["allValue"] == ".*", "All takes in what says nothing"


@EACH_BOARD
def test_hidden_variables_are_all_the_ids_that_a_query_finds_and_are_in_no_link(uid: str) -> None:
    for one in BOARDS[uid]["templating"]["list"]:
        if one.get("hide") == HIDDEN:
            assert one["query"]["query"].startswith("query_result(")
            assert one["current"]["value"] == "$__all" and one["includeAll"] and one["multi"]
            assert "allValue" not in one and one["skipUrlSync"] and one["refresh"] == 2


@EACH_BOARD
def test_nothing_is_set_that_newer_versions_of_grafana_do_not_know(uid: str) -> None:
    for panel in boards.panels(BOARDS[uid]):
        assert panel["type"] != "table" or "footer" not in panel["options"]
    for one in BOARDS[uid]["templating"]["list"]:
        assert not [name for name in one if name.startswith("auto")]


@EACH_BOARD
def test_a_dashboard_says_what_it_requires(uid: str) -> None:
    required = {(one["type"], one["id"]) for one in BOARDS[uid]["__requires"]}
    used = {("panel", panel["type"]) for panel in boards.panels(BOARDS[uid])}
    assert required == used | {("grafana", "grafana"), ("datasource", "prometheus")}


@EACH_BOARD
def test_restarts_reloads_and_expired_data_are_annotations(uid: str) -> None:
    annotations = BOARDS[uid]["annotations"]["list"]
    assert [one["name"] for one in annotations] == ["Restarts", "Reloads", "Expired data"]
    for one in annotations:
        assert one["enable"] and one["datasource"]["uid"] == "${datasource}"
        assert one["target"]["expr"] == one["expr"]


@EACH_PANEL
def test_a_logarithmic_scale_is_in_the_title(uid: str, panel: dict[str, Any]) -> None:
    scale = panel["fieldConfig"]["defaults"].get("custom", {}).get("scaleDistribution", {})
    assert (scale.get("type") == "log") == ("log scale" in panel["title"]), uid


GRAVE = {"Outages", "Data age", "Series limit usage"}
"""What may be red as a whole; the rest is one of many."""


@EACH_PANEL
def test_no_number_is_red_because_of_one_of_many(uid: str, panel: dict[str, Any]) -> None:
    if panel["type"] in ("stat", "bargauge"):
        colours = {step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]}
        assert "red" not in colours or panel["title"] in GRAVE, uid


def test_overview_begins_with_outages_then_problems_then_alerts() -> None:
    titles = [panel["title"] for panel in boards.panels(BOARDS["ses-inventory-overview"])]
    wanted = [
        *("Outages", "Data age", "Carriers down", "Satellites with carriers down"),
        *("Causes of affected services", "Services down or affected", "Carriers with a problem"),
        "Firing alerts",
    ]
    assert [title for title in titles if title in wanted] == wanted


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
                if link["url"] == RUNBOOK:
                    assert override["matcher"]["options"] == "Alert"
                    continue
                assert "${__url_time_range}" in link["url"]
                assert set(re.findall(r'__data\.fields\["([^"]+)"', link["url"])) <= titles
                for url in _leads_to(link["url"]):
                    target, _, asked = url.removeprefix("/d/").partition("?var-")
                    assert asked.partition("=")[0] in boards.variables(BOARDS[target]), uid


def _leads_to(url: str) -> list[str]:
    """The addresses of a link; one that names the kind of record leads to one of three dashboards."""
    kind = '${__data.fields["Type"]:percentencode}'
    return [url.replace(kind, one) for one in ("service", "carrier", "resource")] if kind in url else [url]


def _renamed(step: dict[str, Any]) -> list[str]:
    return list(step["options"].get("renameByName", {}).values()) if step["id"] == "organize" else []
