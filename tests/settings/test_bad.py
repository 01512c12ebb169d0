"""Every rule has a file in `bad/` that breaks it, and says what `messages.txt` holds."""

import traceback
from pathlib import Path

import pytest

from exporter.errors import ConfigError
from exporter.settings import load

HERE = Path(__file__).parent
FILES = sorted(path.name for path in (HERE / "bad").glob("*.yaml"))
CANARY = "canary-9f2c"
"""Stands in every secret of the bad files."""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE)


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_says_where_what_and_what_to_do(name: str) -> None:
    said = (HERE / "messages.txt").read_text().splitlines()
    with pytest.raises(ConfigError) as caught:
        load(Path("bad") / name, {})
    found = str(caught.value).replace(f"{HERE}/", "")
    assert found.splitlines() == [line for line in said if line.startswith(f"bad/{name}: ")]


@pytest.mark.parametrize("name", FILES)
def test_no_message_and_no_traceback_shows_a_secret(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path("bad") / name, {})
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in repr(vars(caught.value))


def test_every_message_belongs_to_a_file() -> None:
    said = {line.partition(": ")[0] for line in (HERE / "messages.txt").read_text().splitlines()}
    assert said == {f"bad/{name}" for name in FILES}


def test_one_problem_carries_its_parts() -> None:
    with pytest.raises(ConfigError) as caught:
        load(Path("bad/log_level.yaml"), {})
    assert (caught.value.file, caught.value.path) == ("bad/log_level.yaml", "log.level")
    assert caught.value.problem
    assert caught.value.hint


def test_a_missing_file_says_so() -> None:
    with pytest.raises(ConfigError, match=r"^nowhere\.yaml: cannot be read: No such file or directory \("):
        load(Path("nowhere.yaml"), {})


def test_a_directory_is_no_file() -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(Path("bad"), {})


def test_a_name_that_is_no_path_says_so() -> None:
    with pytest.raises(ConfigError, match="its name is not a path"):
        load(Path("a\0b"), {})


def test_nesting_without_end_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    deep = tmp_path / "deep.yaml"
    deep.write_text("apis: " + "[" * 5000)
    with pytest.raises(ConfigError, match="is not valid YAML"):
        load(deep, {})
