"""docs/web-configuration.md: its examples work, and every key has its row."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from exporter.web import web_config
from exporter.web.web_config import AccessControl, models

from .served import Folder

PAGE = (Path(__file__).parents[3] / "docs" / "web-configuration.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
OURS = [text for text in SNIPPETS if "scrape_configs" not in text]


@pytest.mark.parametrize("text", OURS)
def test_an_example_can_be_used(tmp_path: Path, text: str) -> None:
    access = AccessControl(Folder(tmp_path).web(text))
    assert (access.tls is not None) == ("cert_file" in text)


def test_prometheus_side_shows_what_ours_asks_for() -> None:
    assert len(OURS) == len(SNIPPETS) - 1
    (theirs,) = (yaml.safe_load(text)["scrape_configs"][0] for text in SNIPPETS if text not in OURS)
    assert set(theirs["tls_config"]) == {"ca_file", "cert_file", "key_file"}
    users = [yaml.safe_load(text).get("basic_auth_users", {}) for text in OURS]
    assert any(theirs["basic_auth"]["username"] in known for known in users)


def test_every_key_has_its_row() -> None:
    table = PAGE.partition("## Supported keys")[2].partition("## Reload")[0]
    words = set(re.findall(r"[\w-]+", table))
    for text in (Path(__file__).parent / "good" / name for name in ("tls_all_keys.yml", "headers.yml")):
        for part in yaml.safe_load(text.read_text()).values():
            assert set(part) <= words
    assert {"basic_auth_users", "interval", "burst", *models.HEADERS} <= words
    for part in (models.TlsServerConfig, models.HttpServerConfig, models.RateLimit, models.WebConfig):
        assert part.model_fields.keys() <= words
    for values in (models.ClientAuthType, models.Version):
        assert set(get_args(get_args(values)[0])) <= words
    assert set(get_args(models.Curve)) <= words


def test_the_numbers_are_those_of_the_code() -> None:
    text = " ".join(PAGE.split())
    assert f"more than {web_config._WAITING} passwords are waiting to be checked" in text
    assert f"or more than {web_config._WAITING_OF_CLIENT} from one address" in text
    assert f"The last {web_config._CACHED} valid ones are cached" in text
    assert f"at most {web_config._MAX_PASSWORD} bytes" in text
    assert f"Its cost may be 4 to {models.MAX_COST};" in text
