"""What was written, joined with what the dialect says."""

from pathlib import Path
from typing import Any

import pytest

from exporter.errors import ConfigError
from exporter.inventory.condition import Condition
from exporter.inventory.dialects.relationships import Direction
from exporter.inventory.dialects.vendors import DIALECTS
from exporter.settings import Settings, Target, load

GOOD = Path(__file__).parent / "good"


def targets(dialect: str = "ses", **collections: Any) -> tuple[Target, ...]:
    apis = {api: {"url": f"https://a.example.net/{api}/", "dialect": dialect} for api in ("tmf638", "tmf639")}
    written: Any = {"apis": apis, "collections": collections} if collections else {"apis": apis}
    return Settings(**written).targets()


@pytest.mark.parametrize("dialect", list(DIALECTS))
def test_without_a_word_everything_is_the_dialects(dialect: str) -> None:
    spoken = DIALECTS[dialect]
    found = targets(dialect)
    carriers = [("carriers", "carrier")] if dialect == "ses" else []  # elsewhere only the operator knows them
    assert [(one.collection, one.kind) for one in found] == [
        ("services", "service"),
        *carriers,
        ("resources", "resource"),
    ]
    for target in found:
        native = spoken.collections[target.collection]
        assert target.dialect is spoken
        assert target.url == f"https://a.example.net/{native.api}/{native.path}"
        assert target.queries == (native.query,)
        assert (target.page_size, target.paging, target.delta) == (
            spoken.page_size,
            spoken.paging,
            spoken.delta,
        )
        assert target.mapping.fields == native.fields
        assert target.mapping.statuses == native.statuses
        assert target.exclude_types == native.exclude_types
        assert target.mapping.characteristics == native.characteristics
        often = 60.0 if target.collection == "carriers" and spoken.delta else 300.0
        assert (target.refresh_interval, target.full_refresh_interval) == (often, 3600.0)


def test_what_is_written_wins_over_the_dialect() -> None:
    services, carriers, resources = load(GOOD / "everything.yaml", {}).targets()
    assert services.url == "https://inventory.example.net/tmf638/customerService/"
    assert services.queries == ({"status": "1", "live": "true", "ratio": "0.5"}, {})
    assert (services.paging.style, services.paging.size_param, services.paging.first) == ("cursor", "size", 0)
    assert services.mapping.fields.name == ("label",)
    assert services.mapping.fields.place == ("place[site]", "place.name")
    assert services.mapping.fields.id == DIALECTS["tmf-v5"].collections["services"].fields.id
    assert (services.include_types, services.exclude_types) == (("A", "B"), ("C",))
    assert services.mapping.exclude_types == ("C",)
    assert services.preserve_status_types == ("Modem",)
    assert services.mapping.characteristics == ("colour", "size")
    assert services.delta == {"changedSince": "2024-01-01"}
    assert (services.refresh_interval, services.full_refresh_interval) == (600.0, 7200.0)
    assert carriers.numbers == {"rate": ("symbol_rate_baud", 1000.0), "power": ("power_watts", 1.0)}
    assert carriers.mapping.characteristics == ("alias",)
    assert "ses_inventory_carrier_symbol_rate_baud" in {family.name for family in carriers.families}
    assert resources.delta == {}


def test_a_status_replaces_the_dialects_word_whatever_its_case() -> None:
    (services,) = targets("tmf-v4", services={"statuses": {"ACTIVE": False, "in-service": True}})
    assert "active" not in services.mapping.statuses
    assert services.mapping.statuses["ACTIVE"] is Condition.DOWN
    assert services.mapping.statuses["in-service"] is Condition.OPERATIONAL
    assert services.mapping.statuses["terminated"] is Condition.RETIRED


def test_a_relationship_replaces_the_dialects_type_whatever_its_case() -> None:
    (services,) = targets("tmf-v4", services={"relationships": {"DependsOn": "neither", "odd": "supports"}})
    assert "dependsOn" not in services.mapping.relationships
    assert services.mapping.relationships["DependsOn"] is Direction.NEITHER
    assert services.mapping.relationships["odd"] is Direction.SUPPORTS
    assert services.mapping.relationships["reliesOn"] is Direction.RESTS_ON


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        *((str(condition), condition) for condition in Condition),
        *(("Operational", Condition.OPERATIONAL), ('"down"', Condition.DOWN)),
        *(("true", Condition.OPERATIONAL), ("yes", Condition.OPERATIONAL)),
        *(("false", Condition.DOWN), ("off", Condition.DOWN)),
        *(("null", Condition.UNKNOWN), ("~", Condition.UNKNOWN), ("", Condition.UNKNOWN)),
    ],
)
def test_a_status_value_has_one_of_seven_conditions_or_a_short_form(
    tmp_path: Path, written: str, condition: Condition
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "apis: {tmf638: {url: http://a}}\n"
        f"collections:\n  services:\n    statuses:\n      Parked: {written}\n"
    )
    (services,) = load(file, {}).targets()
    assert services.mapping.statuses["Parked"] is condition


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        ('"planned"', Condition.PLANNED),
        ("true", Condition.OPERATIONAL),
        ("false", Condition.DOWN),
        ("null", Condition.UNKNOWN),
    ],
)
def test_the_condition_of_a_status_value_can_be_set_in_the_environment(
    written: str, condition: Condition
) -> None:
    environ = {
        "SES_INVENTORY_APIS__TMF638__URL": "http://a",
        "SES_INVENTORY_COLLECTIONS__SERVICES__STATUSES": f'{{"Parked": {written}}}',
    }
    (services,) = load(None, environ).targets()
    assert services.mapping.statuses["Parked"] is condition


def test_a_type_asked_for_by_name_is_no_longer_excluded_by_the_dialect() -> None:
    (resources,) = targets(resources={"include_types": ["card", "Modem"]})
    assert "Card" not in resources.exclude_types
    assert "Slot" in resources.exclude_types


@pytest.mark.parametrize(
    ("written", "refresh", "full"),
    [
        ({"refresh_interval": "2h"}, 7200, 7200),
        ({"full_refresh_interval": "1m"}, 60, 60),
        ({"refresh_interval": "1s"}, 1, 3600),
        ({"full_refresh_interval": "1d"}, 300, 86400),
    ],
)
def test_a_default_interval_gives_way_to_a_written_one(
    written: dict[str, str], refresh: float, full: float
) -> None:
    (services,) = targets(services=written)
    assert (services.refresh_interval, services.full_refresh_interval) == (refresh, full)


@pytest.mark.parametrize(
    ("dialect", "written", "refresh"),
    [
        ("ses", {}, 60),
        ("ses", {"refresh_interval": "10m"}, 600),
        ("ses", {"full_refresh_interval": "30s"}, 30),
        ("ses", {"delta": {}}, 300),
        ("tmf-v4", {"query": {"category": "carrier"}}, 300),
    ],
)
def test_carriers_are_refreshed_every_minute_if_only_changes_are_asked_for(
    dialect: str, written: dict[str, Any], refresh: float
) -> None:
    (carriers,) = targets(dialect, carriers=written)
    assert carriers.refresh_interval == refresh


def test_a_collection_may_be_listed_from_the_other_api() -> None:
    (services,) = targets(services={"api": "tmf639"})
    assert (services.api, services.url) == ("tmf639", "https://a.example.net/tmf639/service")
    assert services.mapping.api == "tmf639"


def test_settings_that_were_not_loaded_say_what_does_not_fit() -> None:
    written: Any = {"apis": {"tmf638": {"url": "http://a"}}, "collections": {"resources": {}}}
    with pytest.raises(
        ConfigError, match=r"^collections\.resources: is listed from tmf639, which is not configured"
    ):
        Settings(**written).targets()


def test_a_collection_that_a_dialect_does_not_know_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import msgspec

    bare = msgspec.structs.replace(DIALECTS["ses"], collections={})
    monkeypatch.setitem(DIALECTS, "ses", bare)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="is unknown to the dialect ses"):
        targets(carriers={})


def test_how_often_everything_is_asked_for_and_how_often_what_changed() -> None:
    services = {"refresh_interval": "5m", "full_refresh_interval": "1h"}
    assert targets("ses", services=services)[0].crawls_per_hour == (1, 11)
    assert targets("tmf-v4", services=services)[0].crawls_per_hour == (12, 0), "it has no query for changes"
    always = {"refresh_interval": "30m", "full_refresh_interval": "30m"}
    assert targets("ses", services=always)[0].crawls_per_hour == (2, 0)
