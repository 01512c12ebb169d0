"""Flags over environment over file over defaults, and every message names the layer that is to blame."""

from pathlib import Path

import pytest

from exporter.errors import ConfigError
from exporter.settings import load

FILE = """
apis:
  tmf638:
    url: https://file.example.net
    basic_auth: {username: file}
web: {listen_address: "127.0.0.1:1", max_scrapes: 7}
collections: {services: {query: {status: "1"}}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(FILE)
    return path


def test_flags_win_over_environment_and_environment_over_the_file(file: Path) -> None:
    environ = {"SES_INVENTORY_WEB__LISTEN_ADDRESS": "127.0.0.1:2", "SES_INVENTORY_LOG__LEVEL": "error"}
    config = load(file, environ, {"log.level": "debug", "web.config_file": None})
    assert (config.web.listen_address, config.web.max_scrapes, config.log.level) == (
        ("127.0.0.1:2",),
        7,
        "debug",
    )


def test_other_variables_are_nobodys_business(file: Path) -> None:
    assert load(file, {"PATH": "/bin", "ses_inventory_log__level": "loud"}).log.level == "info"


def test_variables_that_kubernetes_makes_for_services_are_ignored(file: Path) -> None:
    made = (
        "EXPORTER_SERVICE_HOST",
        "EXPORTER_SERVICE_PORT_HTTP",
        "EXPORTER_PORT",
        "PORT_10638_TCP_ADDR",
        "PORT",
    )
    load(file, {f"SES_INVENTORY_{name}": "tcp://10.0.0.1:10638" for name in made})


def test_an_empty_variable_counts_as_not_set(file: Path) -> None:
    assert load(file, {"SES_INVENTORY_STATE_FILE": "", "SES_INVENTORY_LOG__LEVEL": ""}).state_file is None


def test_a_mapping_in_the_environment_is_json_and_single_keys_override_it(file: Path) -> None:
    environ = {
        "SES_INVENTORY_WEB__MAX_SCRAPES": "3",
        "SES_INVENTORY_WEB": '{"max_scrapes": 2, "listen_address": ":9"}',
    }
    config = load(file, environ)
    assert (config.web.max_scrapes, config.web.listen_address) == (3, (":9",))


def test_a_query_of_a_higher_layer_replaces_the_lower_one_whole(file: Path) -> None:
    environ = {"SES_INVENTORY_COLLECTIONS__SERVICES__QUERY": '[{"@type": "A"}, {"@type": "B"}]'}
    (target,) = load(file, environ).targets()
    assert target.queries == ({"@type": "A"}, {"@type": "B"})
    environ = {"SES_INVENTORY_COLLECTIONS__SERVICES__QUERY": '{"@type": "A"}'}
    assert load(file, environ).targets()[0].queries == ({"@type": "A"},)


def test_a_scalar_of_a_lower_layer_gives_way_to_a_block(file: Path, tmp_path: Path) -> None:
    file.write_text(FILE.replace('web: {listen_address: "127.0.0.1:1", max_scrapes: 7}', "web: 1"))
    environ = {"SES_INVENTORY_WEB": "1", "SES_INVENTORY_WEB__MAX_SCRAPES": "2"}
    assert load(file, environ).web.max_scrapes == 2


def test_a_secret_in_the_environment_may_look_like_json(file: Path) -> None:
    config = load(file, {"SES_INVENTORY_APIS__TMF638__BASIC_AUTH__PASSWORD": "{not json"})
    assert config.apis.tmf638 and config.apis.tmf638.basic_auth
    assert config.apis.tmf638.basic_auth.read_password() == "{not json"


def test_paths_in_the_environment_begin_at_the_working_directory(file: Path) -> None:
    assert load(file, {"SES_INVENTORY_STATE_FILE": "state"}).state_file == Path("state")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        (
            {"SES_INVENTORY_LOG__LEVEL": "loud"},
            "environment variable SES_INVENTORY_LOG__LEVEL: log.level: is not a valid",
        ),
        ({"SES_INVENTORY_LOGS": "x"}, "environment variable SES_INVENTORY_LOGS: logs: is an unknown key"),
        (
            {"SES_INVENTORY_LOG": '{"level": "loud"}'},
            "environment variable SES_INVENTORY_LOG: log.level: is not a valid value",
        ),
        (
            {"SES_INVENTORY_LOG": '{"level": canary}'},
            "environment variable SES_INVENTORY_LOG: log: is not valid JSON at character 11 (write",
        ),
        (
            {"SES_INVENTORY_LOG": f'{{"level": {"1" * 5000}}}'},
            "environment variable SES_INVENTORY_LOG: log: is not valid JSON (write",
        ),
        ({"SES_INVENTORY_LOG": "loud"}, "environment variable SES_INVENTORY_LOG: log: must be a mapping"),
        (
            {"SES_INVENTORY_COLLECTIONS__SERVICES__QUERY": '[{}, {"a": []}]'},
            "environment variable SES_INVENTORY_COLLECTIONS__SERVICES__QUERY: collections.services."
            "query[1].a: must be",
        ),
        (
            {"SES_INVENTORY_APIS__TMF639__TIMEOUT": "1s"},
            "environment variable SES_INVENTORY_APIS__TMF639__TIMEOUT: apis.tmf639.url: is required",
        ),
        (
            {"SES_INVENTORY_APIS__TMF638__BASIC_AUTH__PASSWORD_FILE": "missing"},
            "environment variable SES_INVENTORY_APIS__TMF638__BASIC_AUTH__PASSWORD_FILE: "
            f"apis.tmf638.basic_auth.password_file: {Path.cwd()}/missing cannot be read",
        ),
    ],
)
def test_a_wrong_variable_is_named_in_the_message(file: Path, environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file, environ)
    assert str(caught.value).startswith(message)
    assert "canary" not in str(caught.value)


def test_a_wrong_flag_is_named_as_it_is_typed(file: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^--web\.listen-address: web\.listen_address: 'x' is not an address"
    ):
        load(file, {"SES_INVENTORY_WEB__LISTEN_ADDRESS": ":1"}, {"web.listen_address": "x"})


def test_two_layers_that_contradict_each_other_are_an_error_of_the_one_that_says_file(file: Path) -> None:
    environ = {"SES_INVENTORY_APIS__TMF638__BASIC_AUTH__USERNAME_FILE": "name"}
    with pytest.raises(ConfigError, match=r"^environment variable .*USERNAME_FILE: .* are both set"):
        load(file, environ)


def test_nothing_at_all_says_what_is_needed() -> None:
    with pytest.raises(
        ConfigError,
        match=r"^apis: no API is configured, because no --config\.file was given \(write --config\.file FILE",
    ):
        load(None, {})


def test_an_item_of_a_list_is_blamed_by_its_number(file: Path) -> None:
    environ = {"SES_INVENTORY_COLLECTIONS__SERVICES__INCLUDE_TYPES": '["A", null]'}
    with pytest.raises(ConfigError, match=r"INCLUDE_TYPES: collections\.services\.include_types\[1\]: must"):
        load(file, environ)


def test_a_mapping_of_free_names_of_a_higher_layer_replaces_the_lower_one_whole(file: Path) -> None:
    headers = "http_headers: {X-A: {values: [a]}}"
    file.write_text(FILE.replace("username: file}", f"username: file}}\n    {headers}"))
    config = load(file, {"SES_INVENTORY_APIS__TMF638__HTTP_HEADERS": '{"X-B": {"values": ["b"]}}'})
    assert config.apis.tmf638
    assert list(config.apis.tmf638.http_headers) == ["X-B"]
    assert config.apis.tmf638.basic_auth, "a block is merged key by key"
