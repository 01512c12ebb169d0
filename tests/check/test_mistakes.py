"""Mistakes of a first configuration, and what the program says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.check.running import run, sole


def checked(folder: Path, **http: object) -> tuple[int, str]:
    config = sole("http://127.0.0.1:1")
    config["apis"]["tmf638"] |= http
    file = folder / "inventory.yaml"
    file.write_text(yaml.safe_dump(config))
    return run("check", "--offline", "--config.file", str(file))


def test_a_user_without_a_password_is_noted(tmp_path: Path) -> None:
    status, said = checked(tmp_path, basic_auth={"username": "monitor"})
    assert status == 0
    assert "Note: apis.tmf638.basic_auth has no password: requests are sent with an empty one." in said


@pytest.mark.parametrize("password", ["${PASSWORD}", "$PASSWORD"])
def test_a_variable_in_place_of_a_secret_is_noted(tmp_path: Path, password: str) -> None:
    status, said = checked(tmp_path, basic_auth={"username": "monitor", "password": password})
    assert status == 0
    assert "apis.tmf638.basic_auth.password looks like a variable, which is not expanded" in said
    assert password not in said


def test_a_variable_in_place_of_a_url_is_not_expanded(tmp_path: Path) -> None:
    status, said = checked(tmp_path, url="${INVENTORY}/tmf638")
    assert status == 2
    assert "is not expanded; write the URL, or set it as SES_INVENTORY_APIS__TMF638__URL" in said


def test_a_missing_file_is_named_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path)
    status, said = checked(Path("etc"), basic_auth={"username": "monitor", "password_file": "secrets/x"})
    assert status == 2
    assert f"{tmp_path}/etc/secrets/x cannot be read: No such file or directory" in said


@pytest.mark.parametrize("arguments", [("serve", "inventory.yaml"), ("check", "-c", "inventory.yaml")])
def test_another_way_to_name_the_file_gets_the_usage_of_the_command(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2


def test_no_file_at_all_says_which_option_names_it() -> None:
    status, said = run("once")
    assert status == 2
    assert "no --config.file was given (write --config.file FILE" in said
