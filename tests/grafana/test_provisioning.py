"""Grafana's provisioning files load the dashboards there are, against a data source that exists."""

import yaml

from tests.grafana import boards

FOLDER = boards.ROOT / "deploy" / "grafana" / "provisioning"


def test_the_dashboards_are_loaded_and_cannot_be_edited_in_place() -> None:
    (provider,) = yaml.safe_load((FOLDER / "dashboards" / "inventory.yaml").read_text())["providers"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].endswith("/ses-inventory")
    assert provider["allowUiUpdates"] is False


def test_the_data_source_is_a_prometheus_of_the_operators_choice() -> None:
    (source,) = yaml.safe_load((FOLDER / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "${PROMETHEUS_URL}")
    assert source["jsonData"]["httpMethod"] == "POST"


def test_the_page_about_dashboards_shows_every_one() -> None:
    text = (boards.ROOT / "docs" / "dashboards.md").read_text(encoding="utf-8")
    for uid in boards.boards():
        assert f"images/dashboard-{uid.removeprefix('ses-inventory-')}.png" in text
    assert "previews, not screenshots of Grafana" in text
