"""What is written arrives; what is left out has its default."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from exporter.settings import Settings, load

HERE = Path(__file__).parent
GOOD = HERE / "good"
EXAMPLES = sorted((HERE.parents[1] / "docs" / "examples").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_of_the_docs_are_good(path: Path, tmp_path: Path) -> None:
    for name in ("tmf638", "tmf639", "token", "client"):
        (tmp_path / name).write_text("secret\n")
    (tmp_path / "ca").write_text("-----BEGIN CERTIFICATE-----\n")
    text = path.read_text().replace("/etc/ssl/certs/ca-certificates.crt", f"{tmp_path}/ca")
    copy = tmp_path / "example.yaml"
    copy.write_text(text.replace("/run/secrets/", f"{tmp_path}/"))
    assert load(copy, {}).targets()


def test_one_url_is_enough_and_turns_on_what_it_serves() -> None:
    config = load(GOOD / "least.yaml", {})
    assert config.collections is None
    (target,) = config.targets()
    assert target.collection == "resources"
    assert config.web.addresses == ((None, 10638),)
    assert (config.log.level, config.log.format) == ("info", "logfmt")
    assert config.retention.max_staleness == 86400
    assert config.limits.bytes == 64 * 1024 * 1024
    assert config.state_file is None
    assert (config.shard.index, config.shard.count) == (0, 1)


def test_without_a_file_the_environment_is_enough() -> None:
    config = load(None, {"SES_INVENTORY_APIS__TMF638__URL": "https://inventory.example.net"})
    assert [target.collection for target in config.targets()] == ["services", "carriers"]


def test_keys_without_a_value_count_as_not_written_and_collections_as_on() -> None:
    config = load(GOOD / "empty_blocks.yaml", {})
    assert [target.collection for target in config.targets()] == ["services", "carriers"]
    assert config.apis.tmf638 and config.apis.tmf638.basic_auth is None
    assert config.log.level == "info"


def test_anchors_and_merge_keys_may_be_used() -> None:
    config = load(GOOD / "anchors.yaml", {})
    assert config.apis.tmf639 and config.apis.tmf639.basic_auth
    assert config.apis.tmf639.url == "https://inventory.example.net/tmf639"
    assert config.apis.tmf639.basic_auth.read_password() == "secret"


def test_everything_that_can_be_written_arrives() -> None:
    config = load(GOOD / "everything.yaml", {})
    tmf638, tmf639 = config.apis.tmf638, config.apis.tmf639
    assert tmf638 and tmf639 and tmf638.authorization and tmf639.oauth2 and tmf638.tls_config
    assert tmf638.url == "https://inventory.example.net/tmf638"
    assert (tmf638.timeout, tmf638.connect_timeout) == (90.0, 0.5)
    assert tmf638.authorization.read_credentials() == "canary-9f2c"
    assert tmf638.http_headers["X-One"].read_values() == ("a", "b", "canary-9f2c")
    assert (
        tmf638.proxy_url
        and tmf638.proxy_url.get_secret_value() == "http://user:secret@proxy.example.net:3128"
    )
    assert [one.get_secret_value() for one in tmf638.proxy_connect_header["X-Zone"]] == ["canary-9f2c", "b"]
    assert tmf639.oauth2.read_client_secret() == "canary-9f2c"
    assert (
        tmf639.oauth2.proxy_url
        and tmf639.oauth2.proxy_url.get_secret_value() == "http://user:secret@proxy.example.net:3129"
    )
    assert (config.web.addresses, config.web.startup_grace) == ((("::1", 9000),), 0.0)
    assert config.web.enable_lifecycle is True
    assert config.limits.bytes == 1024
    assert config.retention.shrink_guard == 1


def test_relative_paths_begin_at_the_directory_of_the_file() -> None:
    config = load(GOOD / "everything.yaml", {})
    assert config.state_file == GOOD / "state"
    assert config.web.config_file == GOOD / "web.yaml"


def test_the_good_file_that_has_everything_has_every_key() -> None:
    written = _keys(yaml.safe_load((GOOD / "everything.yaml").read_text()))
    alternatives = {
        *("basic_auth", "username", "username_file", "password", "password_file", "credentials"),
        *("ca", "cert_file", "key_file", "client_secret"),
    }
    assert set(_known(Settings)) - written == alternatives


def _keys(tree: object) -> set[str]:
    if isinstance(tree, dict):
        return {str(key) for key in tree}.union(*(_keys(value) for value in tree.values()))
    return set()


def _known(block: type) -> set[str]:
    from exporter.settings.base import as_block, mapped

    names: set[str] = set()
    for name, field in block.model_fields.items():  # type: ignore[attr-defined]
        inner = as_block(field.annotation) or as_block(mapped(field.annotation))
        names |= {name} | (_known(inner) if inner else set())
    return names


def test_settings_are_frozen() -> None:
    config = load(GOOD / "least.yaml", {})
    with pytest.raises(ValidationError):
        config.log.level = "debug"  # type: ignore[misc]


def test_constructing_settings_does_not_read_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SES_INVENTORY_LOG__LEVEL", "debug")
    assert Settings(apis={"tmf638": {"url": "http://a"}}).log.level == "info"  # type: ignore[arg-type]
