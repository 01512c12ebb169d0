"""Inventories exactly as TM Forum's documents describe them: their examples, and random records.

The documents are not part of this project: they are read from the folder that TMF_DOCUMENTS names, or from
`../shared/tmf` beside the checkout. Without them, or without Prism (`make prism-test` installs it), the tests
are skipped and say so.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import urllib.error
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from exporter import app, settings
from tests import crawling
from tests.end_to_end import running

ROOT = Path(__file__).parents[2]
DOCUMENTS = Path(os.environ.get("TMF_DOCUMENTS", ROOT.parent / "shared" / "tmf"))
PRISM = ROOT / "build" / "prism" / "node_modules" / ".bin" / "prism"

pytestmark = [
    pytest.mark.official,
    pytest.mark.skipif(not DOCUMENTS.is_dir(), reason=f"there are no documents of TM Forum in {DOCUMENTS}"),
    pytest.mark.skipif(not PRISM.exists(), reason="Prism is not installed: make prism-test installs it"),
]

APIS = {
    "TMF638-ServiceInventory-3.0.0.swagger.json": ("tmf638", "tmf-v3"),
    "TMF638-ServiceInventory-v4.0.0.swagger.json": ("tmf638", "tmf-v4"),
    "TMF638-Service_Inventory_Management-v5.0.0.oas.yaml": ("tmf638", "tmf-v5"),
    "TMF639-ResourceInventory-v4.0.0.swagger.json": ("tmf639", "tmf-v4"),
    "TMF639-Resource_Inventory_Management-v5.0.0.oas.yaml": ("tmf639", "tmf-v5"),
}
COLLECTIONS = {"tmf638": "services", "tmf639": "resources"}
LISTS = {"tmf638": "service", "tmf639": "resource"}

EXAMPLES = {
    "TMF638-ServiceInventory-3.0.0.swagger.json": (
        'ses_inventory_service_status{service_id="string",status="feasibilityChecked"} 1',
        'ses_inventory_services{status="feasibilityChecked",service_type="string"} 1',
        'ses_inventory_service_start_timestamp_seconds{service_id="string"} 1566656122',
        'ses_inventory_service_relationship_info{service_id="string",related_service_id="string",'
        'relationship="supportingService"} 1',
    ),
    "TMF638-ServiceInventory-v4.0.0.swagger.json": (
        'ses_inventory_service_status{service_id="string",status="feasibilityChecked"} 1',
        'ses_inventory_service_party_info{service_id="string",party_id="string",party="string",'
        'role="string"} 1',
    ),
    "TMF638-Service_Inventory_Management-v5.0.0.oas.yaml": (
        'ses_inventory_service_status{service_id="5351",status="active"} 1',
        'ses_inventory_service_operational{service_id="5351"} 1',
        'ses_inventory_service_start_timestamp_seconds{service_id="5351"} 1516019171.747',
        'ses_inventory_service_place_info{service_id="5351",place_id="2435",'
        'place="Customer primary location",role="InstallationAddress"} 1',
        'ses_inventory_service_relationship_info{service_id="5351",related_service_id="5645",'
        'relationship="DependentOn"} 1',
    ),
    "TMF639-ResourceInventory-v4.0.0.swagger.json": (
        'ses_inventory_resource_status{resource_id="string",status="standby"} 1',
        'ses_inventory_resource_state{resource_id="string",dimension="administrative",state="locked"} 1',
        'ses_inventory_resource_state{resource_id="string",dimension="operational",state="enable"} 1',
    ),
    "TMF639-Resource_Inventory_Management-v5.0.0.oas.yaml": (
        'ses_inventory_resource_status{resource_id="ca239a70-5810-433f-a251-ba5277a5af72",'
        'status="enabled"} 1',
        'ses_inventory_resource_start_timestamp_seconds{resource_id="ca239a70-5810-433f-a251-ba5277a5af72"}'
        " 1747094400",
        'ses_inventory_resource_party_info{resource_id="ca239a70-5810-433f-a251-ba5277a5af72",'
        'party_id="fcba712d-0462-40e5-8d81-6a3439980278",party="John Doe",role="user"} 1',
    ),
}
"""Of each document's example, what can be said by looking at it."""


def test_every_document_in_the_folder_is_tried() -> None:
    found = {file.name for file in DOCUMENTS.iterdir() if file.suffix in (".json", ".yaml")}
    assert found == set(APIS)


@asynccontextmanager
async def served(name: str, folder: Path, *options: str) -> AsyncIterator[str]:
    """The document, served by Prism; gives the API's URL."""
    document = shutil.copy(DOCUMENTS / name, folder / name)
    port = running.free_port()
    url = f"http://127.0.0.1:{port}"
    api, _ = APIS[name]

    def answers() -> bool:
        try:
            return bool(running.get(f"{url}/{LISTS[api]}"))
        except urllib.error.HTTPError:
            return True

    async with running.process(str(PRISM), "mock", "--port", str(port), *options, str(document)):
        await running.until(answers, 120)
        yield url


@asynccontextmanager
async def exporting(name: str, url: str, folder: Path) -> AsyncIterator[app.Runtime]:
    """An exporter of that API with no other setting than its URL and dialect, and a deadline for a crawl."""
    api, dialect = APIS[name]
    file = folder / "config.yaml"
    limits = "limits: {crawl_deadline: 15s, retries: 0}"
    file.write_text(f'apis: {{{api}: {{url: "{url}", dialect: {dialect}}}}}\n{limits}\n')
    async with app.built(settings.load(file, {})) as built:
        yield built


def assert_no_series_twice(built: app.Runtime) -> None:
    """In each format, by the parsers of prometheus-client."""
    for form, parse in (
        ("text", parser.text_string_to_metric_families),
        ("openmetrics", openmetrics.text_string_to_metric_families),
    ):
        text = b"".join(built.store.scrape(form, "identity", ())[1]).decode()
        samples = [sample for family in parse(text) for sample in family.samples]
        series = Counter((sample.name, tuple(sorted(sample.labels.items()))) for sample in samples)
        assert not [one for one, times in series.items() if times > 1]


@pytest.mark.parametrize("name", APIS)
async def test_the_examples_of_the_documents_are_read_as_they_are(name: str, tmp_path: Path) -> None:
    async with served(name, tmp_path) as url, exporting(name, url, tmp_path) as built:
        collection = COLLECTIONS[APIS[name][0]]
        poller = crawling.poller(built, collection)
        await poller.refresh()
        assert_no_series_twice(built)
        lines = set(crawling.text(built).splitlines())
        assert not [line for line in EXAMPLES[name] if line not in lines]
        assert f'ses_inventory_exporter_complete{{collection="{collection}"}} 1.0' in lines
        assert f'ses_inventory_exporter_records{{collection="{collection}"}} 1.0' in lines


@pytest.mark.parametrize("name", APIS)
async def test_random_records_neither_crash_it_nor_make_a_series_twice(name: str, tmp_path: Path) -> None:
    """Each page has other records, and says something else of how many there are; nothing of it fits."""
    async with served(name, tmp_path, "--dynamic") as url, exporting(name, url, tmp_path) as built:
        poller = crawling.poller(built, COLLECTIONS[APIS[name][0]])
        for _ in range(3):
            async with asyncio.timeout(120):
                await poller.refresh()
            assert poller.status.last_error_reason != "bug", poller.status.last_error
            assert_no_series_twice(built)
