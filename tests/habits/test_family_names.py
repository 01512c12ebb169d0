"""Metrics of characteristics that the operator names: a family of its own in both formats, or refused."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from exporter import app, errors, settings
from tests.outside.serving import serving

RECORD = {
    "id": "S1",
    "name": "Service 1",
    "state": "active",
    "serviceCharacteristic": [{"name": "rate", "value": "5"}, {"name": "speed", "value": "7"}],
    "relatedParty": [{"id": "P1", "name": "Customer", "role": "customer"}],
}


def configured(folder: Path, url: str, **metrics: str) -> Path:
    characteristics = {name: {"metric": metric} for name, metric in metrics.items()}
    tree: dict[str, Any] = {
        "apis": {"tmf638": {"url": url, "dialect": "tmf-v4"}},
        "collections": {"services": {"characteristics": characteristics}},
    }
    file = folder / "inventory.yaml"
    file.write_text(yaml.safe_dump(tree))
    return file


async def answer(request: web.Request) -> web.Response:
    return web.json_response([RECORD], headers={"X-Total-Count": "1"})


@pytest.mark.parametrize("metric", ["party", "place", "characteristic", "operational", "relationship"])
async def test_a_name_of_another_family_is_refused_before_a_request(tmp_path: Path, metric: str) -> None:
    with pytest.raises(errors.ConfigError, match=f"ses_inventory_service_{metric} is already"):
        settings.load(configured(tmp_path, "http://127.0.0.1:1", rate=metric), {})


@pytest.mark.parametrize("form", ["text", "openmetrics"])
@pytest.mark.parametrize(
    "metric", ["partys", "party_information", "state_of_rate", "rate_hertz", "info_rate"]
)
async def test_a_name_that_is_allowed_is_one_family_to_strict_parsers(
    tmp_path: Path, form: Any, metric: str
) -> None:
    async with serving(answer) as url:
        file = configured(tmp_path, url, rate=metric, speed="speed_ratio")
        async with app.built(settings.load(file, {})) as built:
            (poller,) = built.pollers
            await poller.refresh()
            text = b"".join(built.store.scrape(form, "identity", ())[1]).decode()
    types = Counter(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert max(types.values()) == 1
    read = parser if form == "text" else openmetrics
    whole = text if form == "text" or text.endswith("# EOF\n") else f"{text}# EOF\n"
    found = {
        one.name: one.samples[0].value for one in read.text_string_to_metric_families(whole) if one.samples
    }
    assert found[f"ses_inventory_service_{metric}"] == 5
    assert found["ses_inventory_service_speed_ratio"] == 7
