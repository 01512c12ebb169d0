"""Every recipe of the cookbook does what it says: its files and commands are used as the page shows them.

A recipe without a proof here fails, and so does a proof without a recipe; what a recipe meets is `cooking`'s.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from exporter import app, cli
from exporter.inventory.condition import Condition
from exporter.simulator.server import Options
from tests import cooking, crawling, snippets
from tests.cooking import Scene, labels, shell, told
from tests.end_to_end import running
from tests.relaying import demanding, relaying
from tests.source.certificates import CERTIFICATES
from tests.source.endpoint import endpoint, proxying, tokens

PAGE = "cookbook.md"
INTRODUCTION, *RECIPES = snippets.sections(PAGE)
MAKE_SECRETS, CHECK = INTRODUCTION.commands()
EVERY = pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)


def collections(built: app.Runtime) -> list[str]:
    return [poller.target.collection for poller in built.pollers]


def basic(name: str) -> str:
    return f"Basic {base64.b64encode(f'monitor:s3cret-{name}'.encode()).decode()}"


# --- proofs ---


async def users(scene: Scene) -> None:
    async with scene.house() as built:
        assert collections(built) == ["services", "carriers", "resources"]
    for api in ("tmf638", "tmf639"):
        assert scene.relay.headers(api, "Authorization") == {basic(api)}
    (scene.folder / "secrets/tmf638").write_text("s3cret-new\n")
    async with scene.house():
        assert basic("new") in scene.relay.headers("tmf638", "Authorization")


async def bearer(scene: Scene) -> None:
    async with scene.house():
        assert scene.relay.headers("tmf638", "Authorization") == {"Bearer s3cret-token"}


async def oauth(scene: Scene) -> None:
    async with scene.house():
        assert scene.relay.headers("tmf638", "Authorization") == {"Bearer t1"}
        assert scene.relay.headers("tmf639", "Authorization") == {"Bearer t2"}
    for headers, form in scene.login.asks:
        secret = base64.b64encode(b"exporter:s3cret-client").decode()
        assert headers["Authorization"] == f"Basic {secret}"
        assert form["grant_type"] == "client_credentials"
        assert (form["scope"], form["audience"]) == ("inventory.read", "inventory")


async def api_key(scene: Scene) -> None:
    async with scene.house():
        assert scene.relay.headers("tmf638", "X-Api-Key") == {"s3cret-key"}
        assert scene.relay.headers("tmf638", "X-Tenant") == {"noc"}


async def certificate(scene: Scene) -> None:
    async with scene.house():
        assert all(one.certificate for one in scene.relay.seen)


async def proxied(scene: Scene) -> None:
    scene.environ["SES_INVENTORY_APIS__TMF638__PROXY_URL"] = f"http://127.0.0.1:{scene.proxy.port}"
    direct = scene.relay.urls["tmf639"].replace("inventory.invalid", "127.0.0.1")
    scene.environ["SES_INVENTORY_APIS__TMF639__URL"] = direct
    async with scene.house():
        asked = scene.proxy.heads
        assert asked
        assert all(head.startswith("GET http://inventory.invalid:") for head in asked)
        assert not any("/tmf639" in head for head in asked)


async def several(scene: Scene) -> None:
    assert len(scene.recipe.settings) == 2
    ports = {port for name in scene.recipe.settings for _, port in scene.loaded(name).web.addresses}
    shell("promtool check config prometheus.yml", scene.folder)
    assert {f"localhost:{port}" for port in ports} == set(
        re.findall(r'targets: \["(.+?)"\]', scene.recipe.files["prometheus.yml"])
    )
    async with scene.house("north.yaml") as built:
        assert collections(built) == ["services", "carriers"]


async def versions(scene: Scene) -> None:
    async with scene.house() as built:
        assert [poller.target.dialect.name for poller in built.pollers] == ["tmf-v4", "tmf-v4", "tmf-v5"]


async def servicenow(scene: Scene) -> None:
    async with scene.house() as built:
        asked = {(name,) for name in ("Satellite", "Transponder", "Terminal", "Modem")}
        assert scene.relay.queries("tmf639", "@type") == asked
        assert {name for (name,) in asked} == labels(built, "ses_inventory_resource_info", "resource_type")


async def cursors(scene: Scene) -> None:
    async with scene.house() as built:
        assert told(built, 'ses_inventory_exporter_records{collection="carriers"}') == 600
        after = {query for (query,) in scene.relay.queries("tmf638", "after")}
        assert len(after) == 3, "600 carriers in pages of 250"
    for style in re.findall(r"`(\{style: .+?\})`", (snippets.ROOT / "docs" / PAGE).read_text()):
        config = f"{scene.recipe.files['inventory.yaml'].partition('    paging')[0]}    paging: {style}\n"
        (scene.folder / "other.yaml").write_text(config)
        assert scene.loaded("other.yaml").targets()[0].paging.style in style


async def not_fitting(scene: Scene) -> None:
    (command,) = scene.recipe.commands()
    said = await asyncio.to_thread(shell, f"{command.strip()} || test $? = 1", scene.folder, **scene.environ)
    found = yaml.safe_load(said[said.index("# These settings solve this.") :])
    assert found == {"apis": {"tmf638": {"dialect": "ses"}}}
    file = scene.folder / "inventory.yaml"
    file.write_text(file.read_text().replace("dialect: tmf-v4", "dialect: ses"))
    async with scene.house() as built:
        assert collections(built) == ["services", "carriers"]


async def words(scene: Scene) -> None:
    async with scene.house() as built:
        known = len(crawling.lines(built, "ses_inventory_carrier_operational{"))
        states = crawling.lines(built, "ses_inventory_carrier_status{")
        out = sum('status="terminated"' in line for line in states)
        assert known == 50 - out
        carriers = crawling.poller(built, "carriers").status
        assert carriers.status_conditions["inactive"] is Condition.MAINTENANCE
        assert carriers.conditions[Condition.MAINTENANCE] == carriers.statuses["inactive"] > 0
        assert "" not in labels(built, "ses_inventory_carrier_info", "satellite")
        names = labels(built, "ses_inventory_carrier_info", "name")
        assert labels(built, "ses_inventory_carrier_info", "description") == names


async def conditions(scene: Scene) -> None:
    async with scene.house() as built:
        states = crawling.lines(built, "ses_inventory_carrier_status{")
        maintained = re.findall(r'carrier_id="(\w+)",status="In Maintenance"', "\n".join(states))
        assert maintained
        problems = crawling.lines(built, "ses_inventory_carrier_problem_since_timestamp_seconds{")
        for ident in maintained:
            (problem,) = (line for line in problems if f'carrier_id="{ident}"' in line)
            assert 'condition="degraded"' in problem
    async with scene.program() as (url, _):
        await running.until(lambda: running.get(f"{url}/-/ready"))
        (command,) = scene.recipe.commands()
        command = command.replace("http://localhost:10638", url)
        shown = json.loads(await asyncio.to_thread(shell, command, scene.folder))
    assert shown["status_conditions"]["In Maintenance"] == "degraded"
    assert shown["conditions"]["degraded"] >= len(maintained)


async def carriers_only(scene: Scene) -> None:
    async with scene.house() as built:
        assert collections(built) == ["carriers"]
        assert scene.relay.queries("tmf638", "@type") == {("element",)}
        assert told(built, "ses_inventory_exporter_refresh_interval_seconds") == 60


async def some_types(scene: Scene) -> None:
    async with scene.house() as built:
        assert labels(built, "ses_inventory_resource_info", "resource_type") == {
            "Satellite",
            "Transponder",
            "Modem",
        }
        assert built.pollers[0].target.preserve_status_types == ("Modem",)


async def filtered(scene: Scene) -> None:
    async with scene.house():
        asked = scene.relay.queries("tmf638", "@type", "status", "category")
        assert asked == {(None, "1", "CFS"), ("element", "1", None), ("element", "7", None)}


async def characteristics(scene: Scene) -> None:
    async with scene.house() as built:
        shown = labels(built, "ses_inventory_carrier_characteristic_info", "name")
        assert shown == {"uplinkAlias", "modulation"}
        numbers = crawling.lines(built, "ses_inventory_carrier_uplink_center_frequency_hertz{")
        assert numbers
        assert all(float(line.rsplit(" ", 1)[1]) > 1e9 for line in numbers), "hertz, not megahertz"
        assert labels(built, "ses_inventory_service_characteristic_info", "name") == {"serviceLevel"}


async def minutely(scene: Scene) -> None:
    async with scene.house() as built:
        assert scene.relay.queries("tmf638", "updatedDaysAgo") == {(None,)}, "all of it, first"
        await built.pollers[0].refresh()
        changed = ("element", "0")
        assert changed in scene.relay.queries("tmf638", "@type", "updatedDaysAgo")
        target = built.pollers[0].target
        assert (target.refresh_interval, target.full_refresh_interval) == (60, 6 * 3600)


async def budget(scene: Scene) -> None:
    async with scene.house() as built:
        built.group.request_rates()
        assert told(built, "ses_inventory_exporter_request_budget") == 1200
        assert 0 < told(built, "ses_inventory_exporter_requests_per_hour") < 1200


async def slow(scene: Scene) -> None:
    async with scene.house() as built:
        assert scene.relay.queries("tmf638", "recordsPerPage") == {("20",)}
        assert told(built, "ses_inventory_exporter_concurrency_limit") <= 2
        assert built.pollers[0].target.http.timeout == 120


async def shrinking(scene: Scene) -> None:
    async with scene.house() as built:
        assert (built.config.retention.shrink_guard, built.config.retention.confirmations) == (0.6, 1)


async def restarted(scene: Scene) -> None:
    (scene.folder / "state").mkdir()
    async with scene.house() as built:
        await built.state_file.write(built.group.saved())
        before = crawling.lines(built, "ses_inventory_carrier_info{")
    asked = len(scene.relay.seen)
    async with app.built(scene.loaded()) as built:
        await built.group.restore(await built.state_file.load())
        assert crawling.lines(built, "ses_inventory_carrier_info{") == before
        assert len(scene.relay.seen) == asked


async def secured(scene: Scene) -> None:
    (make,) = scene.recipe.commands()
    web = scene.recipe.files["web.yml"]
    (scene.folder / "web.yml").write_text(re.sub(r"\$2b\$\S+", shell(make, scene.folder).strip(), web))
    shell("promtool check config prometheus.yml", scene.folder)
    async with scene.program("https") as (url, _):
        ask = ("curl", "--silent", "--cacert", "tls/ca.crt", f"{url}/metrics", "--output", "body")
        code = ("--write-out", "%{http_code}", "--retry", "60", "--retry-connrefused", "--retry-delay", "1")
        assert await output(scene.folder, *ask, *code) == "401"
        known = ("--user", "prometheus:s3cret-prometheus")
        assert await output(scene.folder, *ask, *code, *known) == "200"
    assert "ses_inventory_exporter_up" in (scene.folder / "body").read_text()


async def output(folder: Path, *command: str) -> str:
    started = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=asyncio.subprocess.PIPE)
    said, _ = await started.communicate()
    return said.decode()


async def ordered(scene: Scene) -> None:
    (commands,) = scene.recipe.commands()
    async with scene.program() as (url, process):
        await running.until(lambda: running.get(f"{url}/-/ready"))
        said = await asyncio.to_thread(shell, commands.replace("http://localhost:10638", url), scene.folder)
        assert "The settings are reloaded." in said
        assert "No removals are pending." in said
        assert process.returncode is None


async def logged(scene: Scene) -> None:
    async with scene.program() as (url, process):
        await running.until(lambda: running.get(f"{url}/-/ready"))
        process.terminate()
        said, _ = await process.communicate()
    assert {"listening", "stopping"} <= {json.loads(line)["event"] for line in said.decode().splitlines()}


async def limited(scene: Scene) -> None:
    async with scene.house() as built:
        assert told(built, "ses_inventory_exporter_series_limit") == 50_000
        assert built.config.limits.bytes == 16 << 20
        assert built.config.web.max_scrapes == 4


async def environment(scene: Scene) -> None:
    written = scene.variables("exporter.env")
    assert len(written) == 6
    async with scene.house("", **written) as built:
        assert collections(built) == ["carriers"]
        assert built.config.log.format == "json"
    assert scene.relay.queries("tmf638", "@type") == {("element",)}
    assert scene.relay.headers("tmf638", "Authorization") == {basic("tmf638")}


async def credentials(scene: Scene) -> None:
    written = scene.variables("override.conf")
    assert written.pop("SES_INVENTORY_STATE_FILE") == "%S/ses-inventory-exporter/state"
    async with scene.house(**written):
        assert scene.relay.headers("tmf638", "Authorization") == {"Bearer t1"}


async def sharded(scene: Scene) -> None:
    found: list[set[str]] = []
    for index in range(3):
        async with scene.house(SES_INVENTORY_SHARD__INDEX=str(index)) as built:
            found.append(set(crawling.poller(built, "carriers").snapshot.records))
    assert sum(map(len, found)) == len(set.union(*found)) == 50


@dataclass(frozen=True)
class Proof:
    """How a recipe is proven, and the simulated APIs that this takes."""

    run: Callable[[Scene], Awaitable[None]]
    options: Mapping[str, Options] = field(
        default_factory=lambda: dict.fromkeys(("tmf638", "tmf639"), crawling.SMALL)
    )
    host: str = "127.0.0.1"
    tls: bool = False


def of(dialect: str, **more: object) -> Options:
    return replace(crawling.SMALL, dialect=dialect, **more)  # type: ignore[arg-type]


PROOFS = {
    "Users and passwords": Proof(users),
    "A bearer token": Proof(bearer),
    "OAuth 2.0": Proof(oauth),
    "An API key": Proof(api_key),
    "An authority and a client certificate of your own": Proof(certificate, host="localhost", tls=True),
    "A proxy": Proof(proxied, host="inventory.invalid"),
    "Several inventories": Proof(several),
    "TM Forum's versions": Proof(versions, {"tmf638": of("tmf-v4"), "tmf639": of("tmf-v5")}),
    "ServiceNow": Proof(servicenow, {"tmf639": of("servicenow")}),
    "Another way of paging": Proof(cursors, {"tmf638": of("tmf-v5", carriers=600, quirks=("style=cursor",))}),
    "An API that does not fit": Proof(not_fitting, {"tmf638": of("ses")}),
    "Other fields and status values": Proof(words, {"tmf638": of("tmf-v4")}),
    "Conditions of status values": Proof(conditions, {"tmf638": of("ses", carriers=600)}),
    "Carriers only": Proof(carriers_only),
    "Some types of resources": Proof(some_types),
    "A filter of the API": Proof(filtered),
    "Characteristics as text and as numbers": Proof(characteristics),
    "Changes every minute": Proof(minutely),
    "A budget of requests": Proof(budget),
    "A slow API": Proof(slow),
    "An inventory that shrinks often": Proof(shrinking),
    "A restart without a gap": Proof(restarted),
    "TLS and a password on the port": Proof(secured),
    "Reload and accept over HTTP": Proof(ordered),
    "Logs as JSON": Proof(logged),
    "Limits for a small machine": Proof(limited),
    "Environment alone": Proof(environment),
    "Secrets as credentials of systemd": Proof(credentials),
    "Shards": Proof(sharded),
}


def test_every_recipe_has_a_proof_and_every_proof_a_recipe() -> None:
    assert [recipe.title for recipe in RECIPES] == list(PROOFS)


@pytest.fixture
def folder(recipe: snippets.Section, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a reader copied the recipe to; it is the working directory."""
    cooking.laid_out(recipe, tmp_path)
    cooking.edited(MAKE_SECRETS, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@EVERY
def test_a_recipe_is_complete(
    recipe: snippets.Section,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for text in recipe.files.values():
        for name, value in cooking.variables(text, folder / "secrets").items():
            monkeypatch.setenv(name, value)
    program, *check, file, shown = CHECK.split()
    assert (program, file, shown) == ("ses-inventory-exporter", "--config.file", "inventory.yaml")
    for given in [(file, name) for name in recipe.settings] or [()]:
        assert cli.main([*check, *given]) == 0, capsys.readouterr().err
        assert "The configuration is valid." in capsys.readouterr().out


@EVERY
async def test_a_recipe_does_what_it_says(recipe: snippets.Section, folder: Path) -> None:
    proof = PROOFS[recipe.title]
    context = demanding(CERTIFICATES) if proof.tls else None
    async with (
        relaying(proof.options, proof.host, context) as relay,
        endpoint(tokens()) as login,
        proxying() as proxy,
    ):
        await proof.run(Scene(recipe, folder, relay, login, proxy))
