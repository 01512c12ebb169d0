"""What is written in a setting is what is used: YAML 1.1 changes no text on its way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from aiohttp import web

from exporter import settings
from exporter.client import Client
from exporter.errors import ConfigError
from exporter.inventory.condition import Condition
from exporter.telemetry import Telemetry
from tests.outside.serving import serving

URL = "https://inventory.example.net"
WRITTEN = (
    *("NO", "no", "Off", "y", "on", "true", "False", "TRUE", "1.50", "22:22", "01", "0777", "1_000", "0x1F"),
    *("0b11", "1e3", "1.5e+3", ".inf", "-.INF", ".nan", "2026-11-30", "2026-11-30T10:00:00Z", "+5", "="),
    *("-0", "190:20:30", "12e03", "0o17", "NULL1", "<", "N", "08", "100000000000000000000", ".5", "1."),
)
"""Plain scalars; all but a few are no texts to YAML 1.1."""


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> settings.Settings:
    file = folder / "config.yaml"
    file.write_text(text)
    return settings.load(file, environ or {})


async def test_t22_what_is_written_in_a_query_is_what_is_sent(tmp_path: Path) -> None:
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append({**request.query, "X-Zone": request.headers.get("X-Zone", "")})
        return web.json_response([])

    async with serving(answer) as url:
        text = f"""
            apis: {{tmf638: {{url: "{url}", dialect: tmf-v4, http_headers: {{X-Zone: {{values: [NO]}}}}}}}}
            collections:
              services: {{query: {{country: NO, v: 1.50, t: 22:22, s: 01, date: 2026-11-30, y: n, op: =}}}}
        """
        config = loaded(tmp_path, text)
        (target,) = config.targets()
        async with Client(target.api, target.http, config.limits, Telemetry()) as client:
            await client.get(target.url, tuple(target.queries[0].items()), {})
    sent = {"country": "NO", "v": "1.50", "t": "22:22", "s": "01", "date": "2026-11-30", "y": "n", "op": "="}
    assert asked == [{**sent, "X-Zone": "NO"}]


@pytest.mark.parametrize("word", WRITTEN)
def test_t22_every_plain_scalar_is_itself_wherever_text_is_expected(tmp_path: Path, word: str) -> None:
    config = loaded(
        tmp_path,
        f"""
        apis:
          tmf638:
            url: {URL}
            oauth2:
              client_id: {word}
              client_secret: {word}
              token_url: {URL}
              scopes: [{word}]
              endpoint_params: {{audience: {word}}}
            http_headers: {{X-A: {{secrets: [{word}]}}}}
        collections:
          services:
            query: [{{{word}: {word}}}, {{b: {word}}}]
            delta: {{since: {word}}}
            include_types: [{word}]
            exclude_types: x{word}
            preserve_status_types: {word}
            statuses: {{{word}: true}}
            characteristics: [{word}]
            fields: {{name: [{word}]}}
        """,
    )
    (target,) = config.targets()
    oauth2 = target.http.oauth2
    assert oauth2 and (oauth2.client_id, oauth2.read_client_secret()) == (word, word)
    assert (oauth2.scopes, oauth2.endpoint_params["audience"].get_secret_value()) == ((word,), word)
    assert target.http.http_headers["X-A"].read_values() == (word,)
    assert target.queries == ({word: word}, {"b": word})
    assert target.delta == {"since": word}
    assert (target.include_types, target.preserve_status_types) == ((word,), (word,))
    assert target.mapping.statuses[word] is Condition.OPERATIONAL
    assert (target.mapping.characteristics, target.mapping.fields.name) == ((word,), (word,))


def test_t22_in_the_environment_too(tmp_path: Path) -> None:
    query = '{"country": "NO", "v": 1.50, "big": 1e3, "flag": true}'
    environ = {
        "SES_INVENTORY_APIS__TMF638__URL": URL,
        "SES_INVENTORY_COLLECTIONS__SERVICES__QUERY": query,
        "SES_INVENTORY_COLLECTIONS__SERVICES__INCLUDE_TYPES": "[1.50, 2]",
        "SES_INVENTORY_COLLECTIONS__CARRIERS__QUERY__serviceType": "01",
        "SES_INVENTORY_COLLECTIONS__CARRIERS__QUERY__STATUS": "NO",
    }
    services, carriers = settings.load(None, environ).targets()
    assert services.queries == ({"country": "NO", "v": "1.50", "big": "1e3", "flag": "true"},)
    assert services.include_types == ("1.50", "2")
    assert carriers.queries == ({"serviceType": "01", "status": "NO"},)


@pytest.mark.parametrize("nothing", ["null", "~", "", "Null", "[]", "{a: b}"])
def test_t22_what_is_no_text_is_refused_with_a_sentence_to_quote_it(tmp_path: Path, nothing: str) -> None:
    for key in ("query", "delta"):
        text = f"apis: {{tmf638: {{url: {URL}}}}}\ncollections: {{services: {{{key}: {{a: {nothing}}}}}}}"
        with pytest.raises(ConfigError, match=rf'{key}\.a: must be text \(write KEY: "VALUE"'):
            loaded(tmp_path, text)
    environ = {"SES_INVENTORY_COLLECTIONS__SERVICES__QUERY": json.dumps({"a": None})}
    with pytest.raises(ConfigError, match=r'query\.a: must be text \(write KEY: "VALUE"'):
        loaded(tmp_path, f"apis: {{tmf638: {{url: {URL}}}}}", environ)


def test_t22_numbers_are_read_as_people_write_them(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        f"""
        apis: {{tmf638: {{url: {URL}}}}}
        collections: {{services: {{page_size: 010, refresh_interval: 0090s}}}}
        web: {{enable_lifecycle: yes, enable_admin_api: off}}
        retention: {{shrink_guard: .5}}
        """,
    )
    assert config.targets()[0].page_size == 10
    assert config.targets()[0].refresh_interval == 90
    assert (config.web.enable_lifecycle, config.web.enable_admin_api) == (True, False)
    assert config.retention.shrink_guard == 0.5
    with pytest.raises(ConfigError, match=r"page_size: must be a whole number"):
        loaded(tmp_path, f"apis: {{tmf638: {{url: {URL}}}}}\ncollections: {{services: {{page_size: 1:30}}}}")
    with pytest.raises(ConfigError, match=r"refresh_interval: '1:30' is not a duration"):
        text = f"apis: {{tmf638: {{url: {URL}}}}}\ncollections: {{services: {{refresh_interval: 1:30}}}}"
        loaded(tmp_path, text)
