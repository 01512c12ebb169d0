"""The pages for operators tell the truth: what they mention is there, and what they quote is what is said."""

from __future__ import annotations

import asyncio
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import structlog
from pytest_aiohttp import AiohttpClient
from structlog.testing import capture_logs

from exporter import cli, logs
from exporter.inventory.decode import Reject
from exporter.settings import Settings
from exporter.simulator import command_line
from exporter.simulator.server import Simulator
from exporter.state_file import StateFile
from exporter.status import CollectionStatus, Rejects
from exporter.telemetry import Telemetry
from exporter.web import server
from exporter.web.web_config import AccessControl
from tests import crawling, mentions
from tests.end_to_end import running

EVERY_PAGE = pytest.mark.parametrize("page", mentions.PAGES)
PAGE = "troubleshooting.md"
DAMAGED = b"\x1f\x8b\x08\x08%bses-inventory-exporter state 2\0%b" % (bytes(6), bytes(36))
FLEET = {"services": 60, "carriers": 200, "resources": 60}

OF_OTHERS = {
    *("scrape_timeout", "sample_limit", "body_size_limit", "label_value_length_limit"),
    *("scrape_samples_scraped", "evaluation_interval", "external_labels", "expiration_interval"),
    *("node_textfile_mtime_seconds", "probe_success", "process_resident_memory_bytes"),
}
"""Words of Prometheus, Telegraf, node_exporter and blackbox_exporter."""


def shown(said: str) -> str:
    """A message as the page writes it: without the address, which is another one each time."""
    return re.sub(r"http://\S+?/(?=tmf63)", "http://…/", said)


def quoted(line: MutableMapping[str, Any]) -> str:
    """A log line as the page writes it, in the form that the exporter writes by default."""
    shape = structlog.processors.LogfmtRenderer(key_order=["level", "event", "collection"], drop_missing=True)
    rest = {key: value for key, value in line.items() if key != "log_level"}
    return str(shape(None, "", {"level": line["log_level"], **rest}))


@EVERY_PAGE
def test_every_metric_that_is_mentioned_is_in_the_catalogue(page: str) -> None:
    found = set(re.findall(r"\bses_inventory_\w+", mentions.text(page)))
    found -= {"ses_inventory_exporter_", "ses_inventory_exporter"}  # the beginnings of names
    assert found <= mentions.metrics()


@EVERY_PAGE
def test_every_alert_that_is_mentioned_is_in_the_rules(page: str) -> None:
    assert set(re.findall(r"\bInventory[A-Z]\w+", mentions.text(page))) <= set(mentions.alerts())


def test_every_alert_about_the_exporter_is_found_from_its_symptom() -> None:
    alerting = {alert for alert, team in mentions.alerts().items() if team == "monitoring"}
    assert alerting <= set(re.findall(r"runbooks/(\w+)\.md", mentions.text(PAGE)))


@EVERY_PAGE
def test_every_log_line_that_is_mentioned_is_written_with_that_level(page: str) -> None:
    events = mentions.events()
    found = re.findall(r'(?:level=(\w+) )?event=(?:"([^"]+)"|(\w+))', mentions.text(page))
    for level, quoted, bare in found:
        assert (quoted or bare) in events
        assert not level or level in events[quoted or bare]


@EVERY_PAGE
def test_every_dotted_setting_that_is_mentioned_exists(page: str) -> None:
    tops = "|".join([*Settings.model_fields, "tls_config", "basic_auth", "fields", "statuses"])
    found = re.findall(rf"(?<!-)\b(?:{tops})(?:\.\w+)+", mentions.text(page))
    unknown = {path for path in found if not mentions.is_setting(path) and not path.endswith((".md", ".yml"))}
    assert not unknown


@EVERY_PAGE
def test_every_word_in_backticks_that_looks_like_a_name_is_one(page: str) -> None:
    known = {*mentions.keys(), *mentions.labels(), *mentions.reasons(), *mentions.logged(), *OF_OTHERS}
    known |= mentions.rejections()
    known |= {*CollectionStatus.__struct_fields__, *Rejects.__struct_fields__, *Reject.__struct_fields__}
    access = "".join(file.read_text() for file in (mentions.CODE / "web" / "web_config").glob("*.py"))
    rejects = ("decode.py", "snapshot.py")
    decode = "".join((mentions.CODE / "inventory" / name).read_text() for name in rejects)
    names = {span for span in mentions.spans(page) if re.fullmatch(r"[a-z]+(_[a-z]+)+", span)}
    strange = {name for name in names - known - mentions.metrics() if f'"{name}"' not in decode}
    assert {name for name in strange if not re.search(rf"\b{name}\b", access)} == set()


def test_the_table_of_reasons_has_every_reason_and_no_other() -> None:
    page = (mentions.ROOT / "docs" / PAGE).read_text(encoding="utf-8")
    table = page.partition("| reason |")[2].partition("\n\n")[0]
    firsts = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert {word for first in firsts for word in re.findall(r"`(\w+)`", first)} == mentions.reasons()


@EVERY_PAGE
def test_every_field_that_a_command_looks_for_is_in_the_status(page: str) -> None:
    commands = [line for block in mentions.blocks(page, "sh") for line in block.splitlines()]
    for command in (line for line in commands if "10638/api/v1/status" in line):
        words = re.findall(r"\\\(\.(\w+)\)", command)
        words += [word for part in re.findall(r"\| \{([^}]+)\}", command) for word in part.split(", ")]
        assert words and set(words) <= set(CollectionStatus.__struct_fields__), command


@EVERY_PAGE
def test_every_query_can_be_read(page: str) -> None:
    for query in "".join(mentions.blocks(page, "promql")).splitlines():
        promql_parser.parse(query)


def test_every_simulation_can_be_started() -> None:
    simulations = mentions.simulations(PAGE)
    assert len(simulations) >= 8
    for arguments in simulations:
        given = cli.parser().parse_args(["simulate", *arguments])
        assert str(given.config_out) == "sim.yaml"
        assert Simulator(command_line.options(given, "127.0.0.1", 0))


async def test_every_path_that_is_asked_answers(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    orders = server.AdminRequests(accept=True, reload=True)
    asked = [request for page in mentions.PAGES for request in mentions.requests(page)]
    assert {path.partition("?")[0] for _, path in asked} >= {"/metrics", "/api/v1/status", "/-/ready"}
    async with crawling.house(tmp_path) as (_, built):
        for poller in built.pollers:
            await poller.refresh()
        client = await aiohttp_client(server.application(built.store, enabled=orders))
        for method, path in asked:
            answer = await client.request(method, path)
            assert answer.status == 200, (method, path)
    spans = {span for page in mentions.PAGES for span in mentions.spans(page)}
    paths = {span for span in spans if re.match("/(-|api|metrics)", span)}
    assert paths <= {*server.PATHS, *orders.paths}


REPLAYED = {
    "a web page": ("carriers", {}, ["html:collection=carriers"]),
    "rows that cannot be read": ("carriers", {}, ["504:collection=carriers,rows=57+58"]),
    "a schema that changed": ("services", {}, ["null-ids:collection=services,share=0.5"]),
    "a wrong password": (
        "carriers",
        {"apis.tmf638.basic_auth": {"username": "monitor", "password": "wrong"}},
        [],
    ),
}


@pytest.mark.parametrize("symptom", REPLAYED)
async def test_the_page_quotes_what_the_status_says(tmp_path: Path, symptom: str) -> None:
    collection, changes, faults = REPLAYED[symptom]
    quick = {"limits.retries": 0, **changes}
    async with crawling.house(tmp_path, quick, faults=tuple(faults), **FLEET) as (_, built):
        await crawling.poller(built, collection).refresh()
        status = next(one for one in built.store.status().collections if one.name == collection)
        assert status.last_error
        assert shown(status.last_error) in mentions.text(PAGE)
        assert status.last_error_hint in mentions.text(PAGE)
        if status.bad_rows:
            assert f'"bad_rows": "{status.bad_rows}"' in mentions.text(PAGE)


async def test_the_page_quotes_what_the_shrink_guard_and_the_order_say(tmp_path: Path) -> None:
    async with crawling.house(tmp_path, **FLEET) as (simulator, built):
        poller = crawling.poller(built, "carriers")
        await poller.refresh()
        for ident in list(poller.snapshot.records)[100:]:
            simulator.fleet.remove(ident)
        await poller.refresh("full")
        said = next(one for one in built.store.status().collections if one.name == "carriers").last_error
        assert f"carriers: incomplete, 200 records. {said}" in mentions.text(PAGE)
        assert built.store.accept(("carriers",)) in mentions.text(PAGE)


async def test_the_page_quotes_what_the_log_says_of_incompleteness(tmp_path: Path) -> None:
    logs.configure("info", "json")
    with capture_logs() as lines:
        async with crawling.house(tmp_path, {"limits.retries": 0}, **FLEET) as (simulator, built):
            poller = crawling.poller(built, "carriers")
            await poller.refresh()
            crawling.trouble(simulator, "504:collection=carriers,rows=57+58")
            await poller.refresh("full")
    assert quoted(lines[-1]) in mentions.text(PAGE)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/etc/ssl/private/exporter.key", b"-----BEGIN PRIVATE KEY-----"),
        ("/var/lib/ses-inventory-exporter/state", DAMAGED),
    ],
)
async def test_the_page_quotes_what_the_log_says_of_a_state_file_that_cannot_be_used(
    tmp_path: Path, path: str, content: bytes
) -> None:
    logs.configure("info", "json")
    file = tmp_path / Path(path).name
    file.write_bytes(content)
    with capture_logs() as lines:
        await StateFile(file, Telemetry()).load()
    assert len(lines) == 2
    for line in lines:
        assert quoted(line).replace(str(file), path) in mentions.text(PAGE)


async def test_the_page_quotes_what_paths_say_that_refuse(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with crawling.house(tmp_path) as (_, built):
        client = await aiohttp_client(server.application(built.store))
        for path, status in (("/-/ready", 503), ("/metrics?collect[]=carrier", 400), ("/nothing", 404)):
            answer = await client.get(path)
            assert answer.status == status
            assert (await answer.text()).splitlines()[0] in mentions.text(PAGE)


async def test_the_page_quotes_what_unauthenticated_clients_get(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    file = tmp_path / "web.yml"
    users = "basic_auth_users: {prometheus: $2y$10$TQnwHtjC/jcaKn7nb06Z9efqY90gQreV3FxCLjFE4euHmXEOYcICu}"
    file.write_text(f"{users}\nrate_limit: {{interval: 1h, burst: 1}}\n")
    async with crawling.house(tmp_path) as (_, built):
        client = await aiohttp_client(server.application(built.store, access=AccessControl(file)))
        for status in (401, 429):
            answer = await client.get("/metrics")
            assert answer.status == status
            assert (await answer.text()).strip() in mentions.text(PAGE)


COMMANDS = [
    ("check", 1, ("--config.file", "{down}")),
    ("check", 2, ("--config.file", "{wrong}")),
    ("check --offline", 0, ("--config.file", "{down}")),
    ("check --offline", 2, ("--config.file", "{wrong}")),
    ("once", 1, ("--config.file", "{down}")),
    ("once", 2, ("--config.file", "{wrong}")),
    ("serve", 2, ("--config.file", "{wrong}")),
    ("healthcheck", 1, ("--url", "http://127.0.0.1:{port}/-/healthy")),
    ("healthcheck", 2, ("--url", "nowhere")),
    ("simulate", 2, ("--fault", "earthquake")),
]


async def test_the_exit_statuses_are_those_of_the_table(tmp_path: Path) -> None:
    port = running.free_port()
    down, wrong = tmp_path / "down.yaml", tmp_path / "wrong.yaml"
    down.write_text(f"apis: {{tmf638: {{url: 'http://127.0.0.1:{port}/tmf638'}}}}\nlimits: {{retries: 0}}\n")
    wrong.write_text("collektions: {}\n")
    values = {"down": down, "wrong": wrong, "port": port}
    rows = {}
    for row in (mentions.ROOT / "docs" / PAGE).read_text(encoding="utf-8").splitlines():
        if row.startswith("| `") and row.count("|") == 5:
            rows |= {verb: row.split("|")[2:5] for verb in re.findall(r"`([^`]+)`", row.split("|")[1])}
    gate = asyncio.Semaphore(2)

    async def ended(verb: str, flags: tuple[str, ...]) -> int:
        async with gate:
            return (await running.run(*verb.split(), *(flag.format(**values) for flag in flags)))[0]

    statuses = await asyncio.gather(*(ended(verb, flags) for verb, _, flags in COMMANDS))
    assert [(verb, status) for (verb, _, _), status in zip(COMMANDS, statuses, strict=True)] == [
        (verb, status) for verb, status, _ in COMMANDS
    ]
    assert all(rows[verb][status].strip() not in ("", "–") for verb, status, _ in COMMANDS)
