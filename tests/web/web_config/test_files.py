"""Every rule has a file in `good/` that keeps it or in `bad/` that breaks it, and says what is expected."""

from __future__ import annotations

import shutil
import subprocess
import traceback
from pathlib import Path

import pytest
import trustme

from exporter.errors import ConfigError
from exporter.web.web_config import AccessControl

from .served import Folder

HERE = Path(__file__).parent
GOOD = sorted(path.name for path in (HERE / "good").iterdir())
BAD = sorted(path.name for path in (HERE / "bad").iterdir())
CANARY = "canary-9f2c"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`good/` and `bad/`, with the certificates they name."""
    folder = tmp_path_factory.mktemp("files")
    for name in ("good", "bad"):
        shutil.copytree(HERE / name, folder / name)
        Folder(folder / name)
    other = trustme.CA().issue_cert("other.example.net").private_key_pem.bytes()
    (folder / "bad" / "other.key").write_bytes(other)
    # As text, for pytest's own output is no terminal to be asked for a password on.
    locked = ["openssl", "pkey", "-in", "server.key", "-aes256", "-passout", "pass:x", "-out", "locked.key"]
    subprocess.run(locked, cwd=folder / "bad", check=True)
    return folder


@pytest.fixture(autouse=True)
def _there(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files)


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_can_be_used(name: str) -> None:
    access = AccessControl(Path("good", name))
    assert (access.tls is not None) == (name.startswith("tls") or name == "node_exporter.yml")


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_says_where_what_and_what_to_do(name: str) -> None:
    said = (HERE / "messages.txt").read_text().splitlines()
    with pytest.raises(ConfigError) as caught:
        AccessControl(Path("bad", name))
    found = str(caught.value).replace(f"{Path.cwd()}/", "")
    assert found.splitlines() == [line for line in said if line.startswith(f"bad/{name}: ")]


@pytest.mark.parametrize("name", BAD)
def test_no_message_and_no_traceback_shows_a_secret(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AccessControl(Path("bad", name))
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY not in repr(vars(caught.value))


def test_every_message_belongs_to_a_file() -> None:
    said = {line.partition(": ")[0] for line in (HERE / "messages.txt").read_text().splitlines()}
    assert said == {f"bad/{name}" for name in BAD}


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("nowhere.yml", "cannot be read: No such file or directory"),
        ("bad", "cannot be read: Is a directory"),
        ("a\0b", "cannot be read: its name is not a path"),
    ],
)
def test_a_file_that_is_not_there_says_so(file: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"{said} .name the file by --web.config.file") as caught:
        AccessControl(Path(file))
    assert caught.value.file == file


def test_what_is_not_text_says_so_and_shows_nothing_of_it(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_bytes(b"basic_auth_users: \xff canary-9f2c")
    with pytest.raises(ConfigError, match="is not text in UTF-8") as caught:
        AccessControl(file)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_nesting_without_end_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("rate_limit: " + "[" * 1500)
    with pytest.raises(ConfigError, match="is not valid YAML"):
        AccessControl(file)


def test_a_file_that_holds_itself_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("rate_limit: &a {interval: *a}\ntls_server_config: &b {cipher_suites: &c [*c], cert: *b}")
    with pytest.raises(ConfigError, match="is not valid YAML: found unconstructable recursive node"):
        AccessControl(file)


def test_without_a_file_there_are_no_rules() -> None:
    assert AccessControl(None).tls is None
