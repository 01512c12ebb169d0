"""The Helm chart, rendered and linted by Helm's own code and checked against Kubernetes' schemas."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from helm_python import Chart, HelmError, lint

import exporter
from exporter import settings
from tests.deploy import charting
from tests.deploy.charting import FOLDER, FOREIGN, VALUES, Thing, installed, of, pods, rendered
from tests.deploy.copies import ROOT

KUBERNETES = ("1.28", "1.31", "1.37")
EVERY = pytest.mark.parametrize("name", VALUES)


@EVERY
def test_helm_lint_finds_nothing(name: str) -> None:
    report = lint(FOLDER, charting.values(name), strict=True)
    assert report["errors"] == []
    # of an icon, which is a matter of taste, Helm only informs
    assert [message for message in report["messages"] if message["severity"] > 1] == []


@EVERY
@pytest.mark.parametrize("version", KUBERNETES)
def test_every_object_is_what_kubernetes_expects(name: str, version: str) -> None:
    own = [thing for thing in installed(name) if thing["kind"] not in FOREIGN]
    assert own
    for thing in own:
        charting.validate(thing, version)


@EVERY
def test_objects_have_different_names_and_the_labels_that_belong_together(name: str) -> None:
    things = installed(name)
    named = [(thing["kind"], thing["metadata"]["namespace"], thing["metadata"]["name"]) for thing in things]
    assert len(set(named)) == len(named)
    assert all(len(name) <= 63 for _, _, name in named)
    for thing in things:
        assert thing["metadata"]["labels"]["app.kubernetes.io/instance"] == "space"
    for service in of("Service", things):
        for pod in pods(things):
            assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()


@EVERY
def test_pods_are_closed_as_the_restricted_standard_wants_it(name: str) -> None:
    (*_, pod) = pods(installed(name))
    spec, container = pod["spec"], pod["spec"]["containers"][0]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == 10638
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert (spec["automountServiceAccountToken"], spec["enableServiceLinks"]) == (False, False)
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    claimed = {"state"} if of("StatefulSet", installed(name)) else set()
    assert mounted == {volume["name"] for volume in spec["volumes"]} | claimed


@EVERY
def test_the_settings_are_good_settings(name: str, tmp_path: Path) -> None:
    (text,) = [
        thing["data"]["config.yaml"]
        for thing in of("ConfigMap", installed(name))
        if "config.yaml" in thing["data"]
    ]
    for secret in ("tmf638", "tmf639", "token"):
        (tmp_path / secret).write_text("secret\n")
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
    for folder in ("/run/secrets/ses-inventory-exporter", "/etc/inventory"):
        text = text.replace(folder, str(tmp_path))
    (tmp_path / "config.yaml").write_text(text)
    for pod in pods(installed(name)):
        ours = [one for one in pod["spec"]["containers"][0]["env"] if one["name"].startswith("SES_")]
        environ = {one["name"]: one.get("value", "2") for one in ours}
        config = settings.load(tmp_path / "config.yaml", environ, {})
        assert str(config.state_file) == "/var/lib/ses-inventory-exporter/state"


def test_a_single_exporter_is_recreated_so_that_there_are_never_two() -> None:
    (deployment,) = of("Deployment", installed("defaults"))
    assert (deployment["spec"]["replicas"], deployment["spec"]["strategy"]) == (1, {"type": "Recreate"})
    (claim,) = of("PersistentVolumeClaim", installed("defaults"))
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    assert {"claimName": claim["metadata"]["name"]} in [one.get("persistentVolumeClaim") for one in volumes]
    assert not of("PodDisruptionBudget", installed("defaults"))  # it would forbid to drain a node


def test_shards_are_pods_with_numbers_and_replicas_of_them_sets_of_their_own() -> None:
    sets = of("StatefulSet", installed("sharded"))
    assert [(one["metadata"]["name"], one["spec"]["replicas"]) for one in sets] == [
        ("space-ses-inventory-exporter-a", 3),
        ("space-ses-inventory-exporter-b", 3),
    ]
    for one in sets:
        template = one["spec"]["template"]
        assert one["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        environ = {entry["name"]: entry for entry in template["spec"]["containers"][0]["env"]}
        assert environ["SES_INVENTORY_SHARD__COUNT"]["value"] == "3"
        index = environ["SES_INVENTORY_SHARD__INDEX"]["valueFrom"]["fieldRef"]["fieldPath"]
        assert index == "metadata.labels['apps.kubernetes.io/pod-index']"
        (state,) = one["spec"]["volumeClaimTemplates"]
        assert state["spec"]["storageClassName"] == "fast"
    first, second = (one["spec"]["selector"]["matchLabels"] for one in sets)
    assert first != second
    assert of("PodDisruptionBudget", installed("sharded"))


def test_two_replicas_that_each_hold_everything_know_of_no_shard() -> None:
    things = rendered({"replicas": 2, "podDisruptionBudget": {"enabled": False}})
    assert [one["spec"]["replicas"] for one in of("StatefulSet", things)] == [1, 1]
    assert "SHARD" not in json.dumps(things)
    assert not of("PodDisruptionBudget", things)


def test_probes_ask_for_health_and_only_connect_where_a_password_is_wanted() -> None:
    def probes(name: str) -> list[Thing]:
        container = pods(installed(name))[0]["spec"]["containers"][0]
        return [container["livenessProbe"], container["readinessProbe"]]

    paths = [probe["httpGet"]["path"] for probe in probes("defaults")]
    assert paths == ["/-/healthy", "/-/ready"]
    assert [probe["tcpSocket"] for probe in probes("secured")] == [{"port": "http"}] * 2


def test_a_change_of_the_settings_starts_new_pods() -> None:
    def checksum(given: dict[str, Any]) -> str:
        return str(pods(rendered(given))[0]["metadata"]["annotations"]["checksum/config"])

    other = {"config": {**charting.values("defaults")["config"], "log": {"level": "debug"}}}
    assert checksum({}) == checksum({}) != checksum(other)


def test_secrets_are_mounted_as_folders_so_that_they_rotate() -> None:
    spec = pods(installed("defaults"))[0]["spec"]
    (mount,) = [one for one in spec["containers"][0]["volumeMounts"] if one["name"] == "secrets"]
    assert "subPath" not in mount
    assert {
        "name": "secrets",
        "secret": {"secretName": "ses-inventory-exporter", "defaultMode": 0o440},
    } in spec["volumes"]
    assert "kind: Secret" not in yaml.safe_dump_all(installed("defaults"))  # no password in a release


def test_the_rules_are_those_of_the_repository_and_promtool_takes_them(tmp_path: Path) -> None:
    rules = of("PrometheusRule", installed("monitoring"))
    sources = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
    assert [one["spec"] for one in rules] == [yaml.safe_load(source.read_text()) for source in sources]
    for number, one in enumerate(rules):
        (tmp_path / f"{number}.yml").write_text(yaml.safe_dump(one["spec"]))
    subprocess.run(["promtool", "check", "rules", *map(str, tmp_path.glob("*.yml"))], check=True)


def test_alerts_point_to_the_runbooks_and_the_grafana_of_the_values() -> None:
    given = {
        "enabled": True,
        "runbooks": "https://wiki.example.net/ses/",
        "dashboards": "https://grafana.example.net",
    }
    groups = [
        group
        for one in of("PrometheusRule", rendered({"prometheusRule": given}))
        for group in one["spec"]["groups"]
    ]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    assert alerts
    for rule in alerts:
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example.net/ses/{rule['alert']}.md"
        assert rule["annotations"]["dashboard_url"].startswith("https://grafana.example.net/d/ses-inventory-")


def test_the_list_of_alerts_links_to_the_runbooks_of_the_values() -> None:
    values = {
        "prometheusRule": {"runbooks": "https://wiki.example.net/ses/"},
        "dashboards": {"enabled": True},
    }
    texts = [text for one in of("ConfigMap", rendered(values)) for text in one["data"].values()]
    assert any("https://wiki.example.net/ses/${__value.raw}.md" in text for text in texts)
    assert not any("git.example.net" in text for text in texts)


def test_the_dashboards_are_those_of_the_repository() -> None:
    boards = [one for one in of("ConfigMap", installed("monitoring")) if "config.yaml" not in one["data"]]
    found = {name: text for one in boards for name, text in one["data"].items()}
    sources = sorted((ROOT / "grafana/dashboards").glob("*.json"))
    assert {name: json.loads(text) for name, text in found.items()} == {
        source.name: json.loads(source.read_text()) for source in sources
    }
    for one in boards:
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert len(json.dumps(one)) < 1_000_000  # more does not fit into a ConfigMap


@pytest.mark.parametrize("name", ["monitoring", "sharded", "secured"])
def test_the_service_monitor_finds_one_service_and_its_job_is_known_to_the_alerts(name: str) -> None:
    (monitor,) = of("ServiceMonitor", installed(name))
    assert set(monitor["spec"]) == {"namespaceSelector", "selector", "endpoints"}
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    (service,) = [
        one for one in of("Service", installed(name)) if wanted <= one["metadata"]["labels"].items()
    ]
    assert "ses-inventory" in service["metadata"]["name"]  # the job, by which InventoryExporterDown looks
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in [port["name"] for port in service["spec"]["ports"]]
    assert endpoint.keys() <= {
        *("port", "path", "scheme", "interval", "scrapeTimeout", "tlsConfig", "basicAuth"),
        *("relabelings", "metricRelabelings"),
    }
    assert endpoint["scheme"] == ("https" if name == "secured" else "http")


def test_the_network_policy_lets_in_who_is_named_and_out_only_to_the_inventory_and_dns() -> None:
    (policy,) = of("NetworkPolicy", installed("monitoring"))
    (way_in,) = policy["spec"]["ingress"]
    assert way_in["from"] == charting.values("monitoring")["networkPolicy"]["ingressFrom"]
    dns, inventory = policy["spec"]["egress"]
    assert {port["port"] for port in dns["ports"]} == {53}
    assert inventory["to"] == [{"ipBlock": {"cidr": "192.0.2.0/24"}}]
    (policy,) = of("NetworkPolicy", installed("sharded"))
    assert (policy["spec"]["ingress"][0]["from"], policy["spec"]["egress"]) == (
        [{"namespaceSelector": {}}],
        [{}],
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"sharts": 3}, "sharts"),
        ({"shards": 0}, "shards"),
        ({"replicas": "two"}, "replicas"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"webConfig": {"scheme": "ftp"}}, "scheme"),
        ({"config": {"shard": {"count": 3}}}, "shard"),
        ({"config": {"state_file": "/tmp/x"}}, "state_file"),
        ({"serviceMonitor": {"interval": "often"}}, "interval"),
        ({"persistence": {"size": "big"}}, "size"),
        ({"config": {"apis": {}}}, "apis"),
        ({"config": {"apis": {"tmf640": {}}}}, "tmf640"),
    ],
)
def test_a_wrong_value_is_refused_and_named(given: dict[str, Any], told: str) -> None:
    with Chart.load(FOLDER) as chart, pytest.raises(HelmError, match=told):
        chart.validate_schema({**charting.values("defaults"), **given})


def test_every_value_has_a_place_in_the_schema_and_the_schema_knows_no_other() -> None:
    schema = json.loads((FOLDER / "values.schema.json").read_text())
    given = yaml.safe_load((FOLDER / "values.yaml").read_text())
    assert set(schema["properties"]) - {"global"} == set(given)
    for key, part in schema["properties"].items():
        if part.get("additionalProperties") is False and key not in ("livenessProbe", "readinessProbe"):
            assert set(part["properties"]) == set(given[key]), key


def test_a_long_name_is_cut_and_a_name_that_says_it_already_is_not_repeated() -> None:
    (service,) = of("Service", rendered({}, release="ses-inventory-exporter"))
    assert service["metadata"]["name"] == "ses-inventory-exporter"
    long = rendered({"fullnameOverride": "x" * 80, "shards": 2, "dashboards": {"enabled": True}})
    assert all(len(thing["metadata"]["name"]) <= 63 for thing in long)


def test_the_chart_is_of_this_version() -> None:
    with Chart.load(FOLDER) as chart:
        assert chart.metadata["appVersion"] == exporter.__version__


def test_the_packed_chart_fits_into_the_secret_that_helm_keeps_of_a_release(tmp_path: Path) -> None:
    with Chart.load(FOLDER) as chart:
        archive = Path(chart.save(tmp_path))
    assert archive.stat().st_size < 700_000  # base64 of it must stay below a mebibyte
