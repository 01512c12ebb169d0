"""All settings and their defaults, except for those of APIs (`api_models`) and collections (`collection`).

Constructing `Settings` reads neither environment nor files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from exporter.inventory.dialects.vendors import DIALECTS
from exporter.settings.api_models import Apis
from exporter.settings.base import Block, Flaw, config_error
from exporter.settings.collection import (
    DEFAULT_API,
    Collections,
    CollectionSettings,
    Target,
    clashes,
    resolve,
)
from exporter.settings.types import Addresses, Duration, Interval, Share, Size, split_address

Change = tuple[tuple[str, ...], object]
"""The path of a setting, and its value as it is written in YAML."""


class Web(Block):
    """The HTTP server."""

    listen_address: Addresses = Field(
        default=(":10638",),
        description="Addresses to listen on; :PORT and [::]:PORT mean all addresses, IPv4 and IPv6.",
    )
    config_file: Path | None = Field(
        default=None, description="Prometheus web configuration file: TLS, users, rate limit, headers."
    )
    startup_grace: Duration = Field(
        default=300.0,
        description="Time after which /-/ready returns 200 even if a collection has no snapshot yet.",
    )
    enable_lifecycle: bool = Field(default=False, description="Enable POST /-/reload.")
    enable_admin_api: bool = Field(
        default=False, description="Enable POST /api/v1/accept, which overrides the shrink guard."
    )
    max_scrapes: int = Field(
        default=40,
        ge=1,
        le=10_000,
        description="Maximum number of concurrent scrapes, without slow clients; others receive 503.",
    )
    max_connections: int = Field(
        default=512,
        ge=1,
        le=65_536,
        description="Maximum number of open connections, three quarters of them per client address. "
        "Idle connections are closed to make room.",
    )
    header_timeout: Interval = Field(default=10.0, description="Timeout to receive the request headers.")
    write_timeout: Interval = Field(default=60.0, description="Timeout to send a response to a scrape.")

    @property
    def addresses(self) -> tuple[tuple[str | None, int], ...]:
        """The hosts and ports to listen on; host None means all addresses, port 0 any free port."""
        return tuple(split_address(address) for address in self.listen_address)


class Log(Block):
    """Logging."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Minimum severity of logged messages."
    )
    format: Literal["logfmt", "json"] = Field(default="logfmt", description="Output format of log lines.")


class Retention(Block):
    """When missing records are removed."""

    max_staleness: Interval = Field(
        default=86_400.0, description="Maximum age of a snapshot; an older one is not served."
    )
    shrink_guard: Share = Field(
        default=0.2, description="Share of records that can be missing from a crawl without confirmation."
    )
    confirmations: int = Field(
        default=2, ge=1, le=100, description="Consecutive crawls that confirm a larger loss."
    )
    growth_guard: float = Field(
        default=5.0,
        gt=1,
        description="Warn if a crawl returns more than this many times the current number of records.",
    )
    reject_share: Share = Field(
        default=0.2, description="Share of unreadable records above which a crawl is rejected."
    )


class Limits(Block):
    """Resource limits."""

    pages: int = Field(default=100_000, ge=1, description="Maximum pages per query and crawl.")
    records: int = Field(
        default=2_000_000,
        ge=1,
        description="Maximum records per query and crawl. "
        "If exceeded, the crawl stops after that page and is marked incomplete.",
    )
    bytes: Size = Field(default=64 << 20, description="Maximum size of a response.")
    crawl_deadline: Interval = Field(default=1800.0, description="Maximum duration of a crawl.")
    series_per_family: int = Field(
        default=1_000_000,
        ge=1,
        description="Maximum series per metric; further series are dropped and counted.",
    )
    label_length: int = Field(
        default=1000,
        ge=64,
        le=65_536,
        description="Maximum bytes of a label value in UTF-8, as in Prometheus; longer values are truncated.",
    )
    concurrency: int = Field(
        default=16,
        ge=1,
        le=64,
        description="Maximum concurrent requests to an API; the exporter begins with one and sends more "
        "only while that brings more responses per second.",
    )
    retries: int = Field(default=3, ge=0, le=20, description="Maximum retries of a failed request.")


class Shard(Block):
    """The part of the records that this exporter stores."""

    index: int = Field(default=0, ge=0, description="Index of this shard, from 0.")
    count: int = Field(default=1, ge=1, le=10_000, description="Total number of shards.")

    def flaws(self) -> Iterator[Flaw]:
        """An index beyond the number of shards."""
        if self.index >= self.count:
            what = f"is {self.index}, but there are only {self.count} shards"
            yield Flaw(what, "the first shard is 0; raise count or lower index", ("index",))


class Settings(Block, BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=False
    )

    apis: Apis = Field(description="Inventory APIs; at least one is required.")
    collections: Collections | None = Field(
        default=None, description="Enabled collections. Default: all that the APIs and their dialects have."
    )
    web: Web = Field(default_factory=Web, description="HTTP server.")
    log: Log = Field(default_factory=Log, description="Logging.")
    retention: Retention = Field(default_factory=Retention, description="When missing records are removed.")
    limits: Limits = Field(default_factory=Limits, description="Resource limits.")
    state_file: Path | None = Field(
        default=None, description="File to keep the snapshot in across restarts; none by default."
    )
    shard: Shard = Field(default_factory=Shard, description="Sharding by record.")

    @model_validator(mode="before")
    @classmethod
    def _add_apis(cls, written: dict[str, Any]) -> dict[str, Any]:
        """Without `apis` the error is the one of `Apis`, which says what to write."""
        return {**written, "apis": written.get("apis") or {}}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only the arguments; `settings.load` adds flags, environment and file."""
        return (init_settings,)

    def changed(self, changes: Iterable[Change]) -> Self:
        """The settings with other values of some keys of APIs and collections.

        If no collection is set, the enabled ones are then. Raises ValueError if a value is not allowed.
        """
        apis, chosen = self.apis, self.collections
        for (block, name, key), value in changes:
            if block == "apis":
                api = getattr(apis, name).model_copy(update={key: value})
                apis = apis.model_copy(update={name: api})
            else:
                chosen = chosen or Collections(
                    **{one.collection: CollectionSettings() for one in self.targets()}
                )
                new = getattr(CollectionSettings.model_validate({key: value}), key)
                collection = getattr(chosen, name).model_copy(update={key: new})
                chosen = chosen.model_copy(update={name: collection})
        return self.model_copy(update={"apis": apis, "collections": chosen})

    def targets(self) -> tuple[Target, ...]:
        """The enabled collections, resolved, in the order services, carriers, resources.

        Raises ConfigError if one does not fit its API or dialect, which `load` has checked.
        """
        targets, flaws = resolve_all(self.apis, self.collections)
        if flaws:
            raise config_error(flaws)
        return targets


def resolve_all(apis: Apis, collections: Collections | None) -> tuple[tuple[Target, ...], list[Flaw]]:
    """The targets of all enabled collections, and the flaws of those that cannot be resolved."""
    written = collections.enabled() if collections else _all(apis)
    targets, flaws = [], []
    for name, collection in written.items():
        found = resolve(name, collection, apis)
        if isinstance(found, Flaw):
            flaws.append(found)
        else:
            targets.append(found)
            flaws.extend(clashes(found))
    return tuple(targets), flaws


def _all(apis: Apis) -> Mapping[str, CollectionSettings]:
    """The enabled collections if none is set: all that the dialect has a query for."""
    found = {name: getattr(apis, api) for name, api in DEFAULT_API.items()}
    return {
        name: CollectionSettings()
        for name, api in found.items()
        if api and DIALECTS[api.dialect].collections[name].query is not None
    }
