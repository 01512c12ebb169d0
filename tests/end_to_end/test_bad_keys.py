"""Every key that may be written, given a value of the wrong type, and every mapping, given a key it has not.

The keys are found in the schema of the settings and in the table of docs/web-configuration.md, so that a new
one is tried too. Through the command, for what a person reads is what counts; exit status 2 each time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from exporter import cli
from exporter.settings import Settings
from exporter.settings.base import Block, as_block, block_at, is_structured, mapped
from tests.web.web_config.served import STRICT, Folder

ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:9/x"
GOOD = f"apis: {{tmf638: {{url: '{URL}'}}}}\n"
PREFIX = "SES_INVENTORY_"
FREE = "X-Name"
"""A made-up name where names are free."""


class Key(NamedTuple):
    """A key of the settings: its path, and a value that is not of its type."""

    path: tuple[str, ...]
    wrong: object


def keys(block: type[Block] = Settings, at: tuple[str, ...] = ()) -> Iterator[Key]:
    """Every key below a block; of mappings with free names those of one made-up name."""
    for name, field in block.model_fields.items():
        path = (*at, name)
        if path[:2] in (("apis", "tmf639"), ("collections", "carriers"), ("collections", "resources")):
            continue  # as tmf638 and services
        # a number is a text as it is written, and one text is a list of it
        takes_text = name.endswith("_types") or not is_structured(field.annotation)
        yield Key(path, {"no": "such"} if takes_text else 3.5)
        inner = mapped(field.annotation)
        if found := as_block(field.annotation):
            yield from keys(found, path)
        elif inner and (found := as_block(inner)):
            yield from keys(found, (*path, FREE))


KEYS = tuple(keys())
BLOCKS = ((), *(key.path for key in KEYS if block_at(Settings, key.path)))


def written(path: tuple[str, ...], value: object) -> dict[str, object]:
    """Settings that would be good without this value at the path."""
    tree: dict[str, object] = {"apis": {"tmf638": {"url": URL}}}
    here = tree
    for step in path[:-1]:
        here = here.setdefault(step, {})  # type: ignore[assignment]
    here[path[-1]] = value
    return tree


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that `check --offline` says, which all end with a hint."""
    assert cli.main(["check", "--offline", "--config.file", "config.yaml"]) == 2
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert not out
    assert all(line.endswith(")") for line in lines)
    return lines


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ".".join(key.path))
def test_a_value_of_the_wrong_type_is_told_by_its_key(key: Key, capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.yaml").write_text(yaml.safe_dump(written(key.path, key.wrong)))
    said = refused(capsys)
    assert [line for line in said if line.startswith(f"config.yaml: {'.'.join(key.path)}: ")], said


@pytest.mark.parametrize("path", BLOCKS, ids=".".join)
def test_an_unknown_key_is_told_by_its_path_and_where_secrets_stand_by_that_of_its_mapping(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("config.yaml").write_text(yaml.safe_dump(written((*path, "nonsense"), "x")))
    block = block_at(Settings, path)
    assert block is not None
    said = ": ".join(["config.yaml", ".".join((*path, "nonsense")), "is an unknown key"])
    if block.secret:
        said = f"config.yaml: {'.'.join(path)}: has an unknown key, not shown because it may be a secret"
    assert [line for line in refused(capsys) if line.startswith(said)]


LISTS = [key.path for key in KEYS if isinstance(key.wrong, float) and FREE not in key.path]


@pytest.mark.parametrize("path", LISTS, ids=".".join)
def test_a_variable_whose_list_or_mapping_is_no_json_is_told_by_its_name(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("config.yaml").write_text(GOOD)
    monkeypatch.setenv(variable := f"{PREFIX}{'__'.join(path).upper()}", "[nonsense")
    (line,) = refused(capsys)
    named = f"environment variable {variable}: {'.'.join(path)}: "
    assert line.startswith(f"{named}is not valid JSON at character 2 (")


@pytest.mark.parametrize("path", [path for path in BLOCKS if FREE not in path], ids=".".join)
def test_a_variable_that_is_no_setting_is_told_by_its_name(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("config.yaml").write_text(GOOD)
    monkeypatch.setenv(variable := f"{PREFIX}{'__'.join((*path, 'nonsense')).upper()}", "x")
    assert [line for line in refused(capsys) if line.startswith(f"environment variable {variable}: ")]


def web_keys() -> Mapping[str, object]:
    """The keys of the page's table, each with a value of the wrong type."""
    page = (ROOT / "docs" / "web-configuration.md").read_text()
    table = page.partition("## What is supported")[2].partition("\n## ")[0]
    found: dict[str, object] = {}
    for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
        first, *more = re.findall(r"`([^`]+)`", row)
        block = first.rpartition(".")[0]
        for name in (first, *(f"{block}.{one}" for one in more)):
            found[name] = {"no": "such"}
    return {**found, "basic_auth_users": ["alice"], "http_server_config.headers": ["no-such"]}


WEB_KEYS = web_keys()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """With what a good web configuration file names."""
    (tmp_path / "config.yaml").write_text(f"{GOOD}web: {{config_file: web.yml}}\n")
    return Folder(tmp_path)


@pytest.mark.parametrize("key", WEB_KEYS)
def test_a_value_of_the_wrong_type_in_the_web_configuration_is_told_by_its_key(
    key: str, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = yaml.safe_load(STRICT)
    *block, name = key.split(".")
    here = tree.setdefault(block[0], {}) if block else tree
    here[name] = WEB_KEYS[key]
    folder.web(yaml.safe_dump(tree))
    assert [line for line in refused(capsys) if line.startswith(f"web.yml: {key}: must be ")]


@pytest.mark.parametrize("block", ["", "tls_server_config", "http_server_config", "rate_limit"])
def test_an_unknown_key_in_the_web_configuration_is_told_by_its_path(
    block: str, folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = yaml.safe_load(STRICT)
    (tree.setdefault(block, {}) if block else tree)["nonsense"] = "x"
    folder.web(yaml.safe_dump(tree))
    path = f"{block}.nonsense" if block else "nonsense"
    assert refused(capsys)[0].startswith(f"web.yml: {path}: is an unknown key (")
