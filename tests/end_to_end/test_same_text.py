"""curl, Python's gzip, aiohttp's client and a real Prometheus read one and the same text.

A scrape is one gzip member stitched from parts that were compressed at different times; some clients stop
after a first member, and some did so silently. What the exporter says of itself moves between two scrapes, so
of that part the series are compared, and of the inventory's every byte.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests import scripted
from tests.end_to_end import running

FLEET = ("--services", "500", "--carriers", "900", "--resources", "1400")
ODD = ("--fault", "odd-text:share=0.1", "--fault", "unknown-status:share=0.05")
RECORDS = 2_000
SCRAPED = ("scrape_samples_scraped", "scrape_samples_post_metric_relabeling")
OF_PROMETHEUS = ("up", "scrape_duration_seconds", "scrape_series_added", *SCRAPED)
STATUS = re.compile(r"^ses_inventory_(?:service|carrier|resource)_status\{", re.MULTILINE)

Ask = Callable[[str], list[dict]]


@asynccontextmanager
async def _exporting(folder: Path) -> AsyncIterator[str]:
    """An exporter at rest that serves more than 2,000 records; the URL of its metrics."""
    async with running.simulated(folder, *FLEET, *ODD) as file, running.serving(file) as url:
        text = await running.until(lambda: _at_rest(running.get(f"{url}/metrics")))
        assert len(STATUS.findall(text)) > RECORDS
        yield f"{url}/metrics"


def _at_rest(text: str) -> str:
    """The text, once every first refresh has been told to its end; after that no series comes or goes."""
    lines = [
        line
        for name in ("up", "requests_per_hour")
        for line in running.samples(text, f"{scripted.OWN}{name}")
    ]
    return text if sum(not line.endswith(" 0.0") for line in lines) == 5 else ""


async def _by_curl(url: str, folder: Path) -> str:
    output = folder / "by-curl"
    command = ("curl", "--fail", "--silent", "--show-error", "--compressed", "--output", output, url)
    sent = await asyncio.to_thread(
        subprocess.run, (*command, "--write-out", "%{size_download}"), check=True, capture_output=True
    )
    text = output.read_bytes()
    assert 0 < int(sent.stdout) < len(text), "it came compressed"
    return text.decode()


def _by_python(url: str) -> str:
    asked = urllib.request.Request(url, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return gzip.decompress(answer.read()).decode()


async def _by_aiohttp(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        return (await answer.read()).decode()


async def test_curl_pythons_gzip_and_aiohttp_read_the_same_text(tmp_path: Path) -> None:
    async with _exporting(tmp_path) as url:
        texts = [
            await asyncio.to_thread(running.get, url),
            await _by_curl(url, tmp_path),
            await asyncio.to_thread(_by_python, url),
            await _by_aiohttp(url),
        ]
    plain, *inflated = texts
    for text in inflated:
        assert scripted.inventory_of(text).encode() == scripted.inventory_of(plain).encode()
        assert scripted.series(scripted.own_of(text)).keys() == scripted.series(scripted.own_of(plain)).keys()


async def test_prometheus_ingests_every_sample_of_the_text_and_nothing_else(tmp_path: Path) -> None:
    async with _exporting(tmp_path) as url, running.prometheus(tmp_path, [url]) as ask:
        text = await _by_curl(url, tmp_path)
        ingested = {_key(found["metric"]): float(found["value"][1]) for found in ask('{job="inventory"}')}
    told = {name: ingested.pop((name, frozenset())) for name in OF_PROMETHEUS}
    wanted = {(name, _given(labels)): value for (name, labels), value in scripted.series(text).items()}
    assert ingested.keys() == wanted.keys()
    assert _of_inventory(ingested) == _of_inventory(wanted)
    lines = sum(not line.startswith("#") for line in text.splitlines())
    assert told["up"] == 1, "no error of the last scrape"
    assert [told[name] for name in SCRAPED] == [lines, lines]
    assert len(ingested) == lines


def _key(metric: dict[str, str]) -> scripted.Key:
    """A series as the exporter names it, without the labels of the target."""
    labels = {name: value for name, value in metric.items() if name not in ("__name__", "job", "instance")}
    return metric["__name__"], frozenset(labels.items())


def _given(labels: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Without empty labels, which are none to Prometheus."""
    return frozenset((name, value) for name, value in labels if value)


def _of_inventory(found: dict[scripted.Key, float]) -> dict[scripted.Key, float]:
    return {
        key: value
        for key, value in found.items()
        if key[0].startswith("ses_inventory_") and not key[0].startswith(scripted.OWN)
    }
