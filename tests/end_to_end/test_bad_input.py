"""Every file that the exporter reads, broken in every way a file can be: one clear line, and exit status 2.

A house of good files stands in a folder; one of them at a time is taken away, replaced by something else or
spoilt. What single rules of a format say is its own tests' (tests/settings, tests/web/web_config); that no
key takes a wrong value is test_bad_keys.py's. The state file is the exception: it never stops a start.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import trustme

from exporter import cli
from tests.end_to_end import running
from tests.web.web_config.served import STRICT, USERS, Folder

SETTINGS = """\
apis:
  tmf638:
    url: https://127.0.0.1:9/tmf638
    basic_auth: {username_file: user, password_file: password}
    http_headers: {X-Tenant: {files: [header]}}
    tls_config: {ca_file: api-ca.pem, cert_file: client.pem, key_file: client.key}
  tmf639:
    url: https://127.0.0.1:9/tmf639
    oauth2: {client_id: x, client_secret_file: secret, token_url: 'https://127.0.0.1:9/token'}
web: {listen_address: '127.0.0.1:0', config_file: web.yml}
"""
SECRETS = {
    "user": "apis.tmf638.basic_auth.username_file",
    "password": "apis.tmf638.basic_auth.password_file",
    "header": "apis.tmf638.http_headers.X-Tenant.files[0]",
    "secret": "apis.tmf639.oauth2.client_secret_file",
}
CERTIFICATES = {
    "api-ca.pem": "apis.tmf638.tls_config.ca_file",
    "client.pem": "apis.tmf638.tls_config.cert_file",
    "client.key": "apis.tmf638.tls_config.key_file",
}
OUR_OWN = {
    "server.crt": "tls_server_config.cert_file",
    "server.key": "tls_server_config.key_file",
    "ca.crt": "tls_server_config.client_ca_file",
}
DOCUMENTS = {"config.yaml": "", "web.yml": ""}
NAMED: Mapping[str, str] = {**DOCUMENTS, **SECRETS, **CERTIFICATES}
FILES: Mapping[str, str] = {**NAMED, **OUR_OWN}
"""Every file of the house, and the dotted key of the file above it that names it."""

CANARY = "canary-9f2c"


def missing(file: Path) -> None:
    file.unlink()


def a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def unreadable(file: Path) -> None:
    file.unlink()
    file.symlink_to("/proc/self/mem")  # opens, and cannot be read even by root


def binary(file: Path) -> None:
    file.write_bytes(bytes(range(256)))


def not_yaml(file: Path) -> None:
    file.write_text(f"apis: [{CANARY}\n")


def a_list(file: Path) -> None:
    file.write_text(f"- {CANARY}\n")


def a_text(file: Path) -> None:
    file.write_text(f"{CANARY}\n")


def an_unknown_key(file: Path) -> None:
    file.write_text(f"{file.read_text()}nonsense: {CANARY}\n")


def empty(file: Path) -> None:
    file.write_text("")


def several_lines(file: Path) -> None:
    file.write_text(f"{CANARY}\n{CANARY}\n")


Defect = Callable[[Path], None]
OF_ALL: Mapping[Defect, str] = {
    missing: "cannot be read: No such file or directory",
    a_directory: "cannot be read: Is a directory",
    unreadable: "cannot be read: Input/output error",
    binary: "is not text in UTF-8",
}
NO_PEM = "is not in PEM"
OF_OUR_OWN: Mapping[Defect, str] = {**OF_ALL, binary: NO_PEM, a_text: NO_PEM, empty: NO_PEM}
OF_DOCUMENTS: Mapping[Defect, str] = {
    not_yaml: "is not valid YAML",
    a_list: "must be a mapping",
    a_text: "must be a mapping",
    an_unknown_key: "nonsense: is an unknown key",
}
OF_SECRETS: Mapping[Defect, str] = {empty: "is empty", several_lines: "has more than one line"}


def house(folder: Path) -> None:
    """The good files."""
    Folder(folder).web(f"{STRICT}{USERS}")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "api-ca.pem")
    ours = authority.issue_cert("exporter@example.net")
    ours.private_key_pem.write_to_path(folder / "client.key")
    ours.cert_chain_pems[0].write_to_path(folder / "client.pem")
    for name in SECRETS:
        (folder / name).write_text(f"{CANARY}\n")
    (folder / "config.yaml").write_text(SETTINGS)


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house(tmp_path)
    monkeypatch.chdir(tmp_path)


def one_line(out: str, err: str) -> str:
    """What was said, which is one line, with what to do in it and no secret."""
    (line,) = err.splitlines()
    assert line.endswith(")"), "the hint"
    assert not out
    assert CANARY not in line
    return line


def cases(*tables: tuple[Mapping[str, str], Mapping[Defect, str]]) -> pytest.MarkDecorator:
    """A case for every file and every defect of each table."""
    return pytest.mark.parametrize(
        ("name", "defect", "said"),
        [
            pytest.param(name, defect, said, id=f"{name} {defect.__name__}")
            for files, defects in tables
            for name in files
            for defect, said in defects.items()
        ],
    )


def test_the_good_files_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--offline", "--config.file", "config.yaml"]) == 0
    assert capsys.readouterr().err == ""


@cases(
    (NAMED, OF_ALL),
    (CERTIFICATES, {a_text: NO_PEM, empty: NO_PEM}),
    (DOCUMENTS, OF_DOCUMENTS),
    (SECRETS, OF_SECRETS),
    (OUR_OWN, OF_OUR_OWN),
)
def test_a_broken_file_is_told_in_one_line_by_its_name_and_the_key_that_names_it(
    name: str, defect: Defect, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    defect(tmp_path / name)
    assert cli.main(["check", "--offline", "--config.file", "config.yaml"]) == 2
    line = one_line(*capsys.readouterr())
    above = "web.yml" if name in OUR_OWN else "config.yaml"
    assert line.startswith(f"{above}: {FILES[name]}: " if FILES[name] else f"{name}: ")
    assert name in line
    assert said in line


@pytest.mark.parametrize("verb", ["serve", "once"])
@cases((CERTIFICATES, {a_text: NO_PEM, empty: NO_PEM}))
def test_what_is_no_certificate_and_no_key_is_told_before_anything_is_asked(
    name: str, defect: Defect, said: str, verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    defect(tmp_path / name)
    assert cli.main([verb, "--config.file", "config.yaml"]) == 2
    line = one_line(*capsys.readouterr())
    assert f"{FILES[name]}: {name} {said}" in line


@pytest.mark.parametrize("verb", ["serve", "once", "check"])
@cases(({"config.yaml": "", "password": "", "api-ca.pem": ""}, {missing: "No such file or directory"}))
async def test_each_verb_of_the_installed_command_says_it(
    name: str, defect: Defect, said: str, verb: str, tmp_path: Path
) -> None:
    defect(tmp_path / name)
    status, out, err = await running.run(verb, "--config.file", "config.yaml")
    assert status == 2
    line = one_line(out, err)
    assert (line.startswith("config.yaml: "), name in line, said in line) == (True, True, True)


@cases(({"web.yml": ""}, {missing: "No such file or directory", a_directory: "Is a directory"}))
async def test_the_flag_for_the_web_configuration_is_checked_as_the_key_is(
    name: str, defect: Defect, said: str, tmp_path: Path
) -> None:
    defect(tmp_path / name)
    status, out, err = await running.run("serve", "--config.file", "config.yaml", "--web.config.file", name)
    assert (status, said in one_line(out, err)) == (2, True)


MAGIC = b"\x1f\x8b\x08\x08%bses-inventory-exporter state 2\0" % bytes(6)  # a gzip header with a name


def of_another_version(file: Path) -> None:
    file.write_bytes(MAGIC.replace(b"state 2", b"state 999"))


def cut(file: Path) -> None:
    file.write_bytes(b"%b%b" % (MAGIC, bytes(3)))


def with_a_wrong_sum(file: Path) -> None:
    file.write_bytes(b"%b%b" % (MAGIC, bytes(36)))


STATES: Mapping[Defect, str] = {
    unreadable: "foreign",  # since it is a link
    a_directory: "foreign",
    binary: "foreign",
    a_text: "foreign",
    empty: "truncated",
    cut: "truncated",
    with_a_wrong_sum: "checksum",
    of_another_version: "version",
}


@cases(({"state": ""}, STATES))
async def test_a_state_file_that_cannot_be_used_costs_a_warning_and_only_one_of_ours_is_set_aside(
    name: str, defect: Defect, said: str, tmp_path: Path
) -> None:
    state, aside = tmp_path / name, tmp_path / f"{name}.unusable"
    state.write_bytes(MAGIC)
    defect(state)
    is_ours = said != "foreign"
    is_plain = state.is_file() and not state.is_symlink()
    was = state.read_bytes() if is_plain else b""
    port = running.free_port()
    (tmp_path / "config.yaml").write_text(
        f"apis: {{tmf638: {{url: 'http://127.0.0.1:9/x'}}}}\nstate_file: {name}\n"
        f"web: {{listen_address: '127.0.0.1:{port}'}}\n"
    )
    async with running.process(running.COMMAND, "serve", "--config.file", "config.yaml") as exporter:
        await running.until(lambda: running.get(f"http://127.0.0.1:{port}/-/healthy"))
        exporter.terminate()
        assert exporter.stdout is not None
        told = (await asyncio.wait_for(exporter.stdout.read(), 30)).decode()
        assert await exporter.wait() == 0
    (warning,) = [line for line in told.splitlines() if "state file unusable" in line]
    assert f"reason={said}" in warning and f"{name}: " in warning
    assert ("state file set aside" in told) == is_ours == aside.exists()
    assert ("state file left alone" in told) != is_ours
    assert is_ours or os.path.lexists(state), "what is the operator's stays where it is"
    assert not is_plain or (aside if is_ours else state).read_bytes() == was
    assert "Traceback" not in told
