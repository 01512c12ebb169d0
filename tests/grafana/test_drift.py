"""The committed JSON is what the code says, and the command says where it is not."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grafana import __main__ as command
from rules import generated
from tests.grafana import boards


def test_the_committed_dashboards_are_what_the_code_says() -> None:
    assert generated.drifted(command.FOLDER, command.texts()) == [], "run `python -m grafana`"


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    assert len(generated.write(tmp_path, command.texts())) == 5
    assert generated.write(tmp_path, command.texts()) == []


def test_a_changed_a_missing_and_a_left_over_file_are_drift(tmp_path: Path) -> None:
    generated.write(tmp_path, command.texts())
    (tmp_path / "ses-inventory-carriers.json").unlink()
    (tmp_path / "ses-inventory-overview.json").write_text("{}")
    (tmp_path / "old.json").write_text("{}")
    assert generated.drifted(tmp_path, command.texts()) == [
        "old.json",
        "ses-inventory-carriers.json",
        "ses-inventory-overview.json",
    ]
    generated.write(tmp_path, command.texts())
    assert generated.drifted(tmp_path, command.texts()) == []
    assert not (tmp_path / "old.json").exists()


def test_the_command_checks_and_names_the_file_that_drifted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    assert command.main(["--check"]) == 1
    assert "ses-inventory-services.json differs" in capsys.readouterr().err
    assert command.main([]) == 0
    assert f"written {tmp_path}/ses-inventory-services.json" in capsys.readouterr().out
    assert command.main(["--check"]) == 0


def test_the_list_of_alerts_links_to_the_runbooks_that_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    assert command.main(["--runbooks", "https://wiki.example.net/ses/"]) == 0
    overview = json.loads((tmp_path / "ses-inventory-overview.json").read_text(encoding="utf-8"))
    (alerts,) = (panel for panel in overview["panels"] if panel["title"] == "Firing alerts")
    (column,) = (one for one in alerts["fieldConfig"]["overrides"] if one["matcher"]["options"] == "Alert")
    (links,) = (one["value"] for one in column["properties"] if one["id"] == "links")
    assert [link["url"] for link in links] == ["https://wiki.example.net/ses/${__value.raw}.md"]


def test_it_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "grafana", "--check"], cwd=boards.ROOT, check=False)
    assert done.returncode == 0


def test_the_files_are_plain_json_in_a_stable_order() -> None:
    for file in boards.FOLDER.glob("*.json"):
        text = file.read_text(encoding="utf-8")
        assert text == f"{json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False)}\n"
