"""All settings there are: what the operator may write, with every default.

The parts are in `api`, `credential` and `collection`; this module holds the rest and the whole. How files,
environment and flags become a tree is in `sources`, what the program uses of a collection in `target`.
Invariant: constructing Settings reads neither environment nor files, and every key has a description.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from exporter.errors import ConfigError
from exporter.settings.api_models import Apis
from exporter.settings.base import Block, Flaw, refusal
from exporter.settings.collection import Collections
from exporter.settings.target import Target, resolve
from exporter.settings.types import Addresses, Duration, Interval, Share, Size, split_address


class Web(Block):
    """What the exporter serves itself."""

    listen_address: Addresses = Field(
        default=(":10638",),
        description="Where to listen; :PORT and [::]:PORT mean every address, of IPv4 and IPv6.",
    )
    config_file: Path | None = Field(
        default=None, description="Prometheus' web configuration file: TLS, users, rate limit, headers."
    )
    startup_grace: Duration = Field(
        default=300.0,
        description="After this time /-/ready says yes even if a collection has no snapshot yet.",
    )
    enable_lifecycle: bool = Field(default=False, description="Serve POST /-/reload.")
    enable_admin_api: bool = Field(
        default=False, description="Serve POST /api/v1/accept, which overrules the shrink guard."
    )
    max_scrapes: int = Field(
        default=40,
        ge=1,
        le=10_000,
        description="Scrapes read at once; more are answered 503, slow readers do not count.",
    )
    max_connections: int = Field(
        default=512,
        ge=1,
        le=65_536,
        description="Connections open at once, three quarters for one address; silent ones make room.",
    )
    header_timeout: Interval = Field(
        default=10.0, description="Time a client has to send the headers of a request."
    )
    write_timeout: Interval = Field(default=60.0, description="Time a client has to read a scrape.")

    @property
    def addresses(self) -> tuple[tuple[str | None, int], ...]:
        """The hosts and ports to listen on; host None for every address, port 0 for any free one."""
        return tuple(split_address(address) for address in self.listen_address)


class Log(Block):
    """What is logged, and how it is written."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe level shown."
    )
    format: Literal["logfmt", "json"] = Field(default="logfmt", description="How a line is written.")


class Retention(Block):
    """When records that were not seen are still believed in."""

    max_staleness: Interval = Field(
        default=86_400.0, description="A snapshot older than this is no longer served."
    )
    shrink_guard: Share = Field(
        default=0.2, description="A crawl that lost more than this share must be confirmed."
    )
    confirmations: int = Field(
        default=2, ge=1, le=100, description="Crawls in a row that confirm such a loss."
    )
    growth_guard: float = Field(
        default=5.0, gt=1, description="A crawl that brought so many times what was held is warned of."
    )
    reject_share: Share = Field(
        default=0.2, description="A crawl with more unreadable records than this share is refused."
    )


class Limits(Block):
    """Where reading and serving end, however broken an inventory is."""

    pages: int = Field(default=100_000, ge=1, description="Pages of one query in one crawl.")
    records: int = Field(
        default=2_000_000,
        ge=1,
        description="Records of one query in one crawl; it ends, incomplete, behind the page with one more.",
    )
    bytes: Size = Field(default=64 << 20, description="Bytes of one response.")
    crawl_deadline: Interval = Field(default=1800.0, description="The longest one crawl may take.")
    series_per_family: int = Field(
        default=1_000_000, ge=1, description="Series of one metric; more are dropped and counted."
    )
    label_length: int = Field(
        default=1000,
        ge=64,
        le=65_536,
        description="Bytes of a label value in UTF-8, as Prometheus counts them; longer ones are cut.",
    )
    concurrency: int = Field(
        default=16,
        ge=1,
        le=64,
        description="The most requests to one API at once; fewer where it slows down.",
    )
    retries: int = Field(default=3, ge=0, le=20, description="Further attempts after a failed request.")


class Shard(Block):
    """Which part of the records this exporter holds."""

    index: int = Field(default=0, ge=0, description="The number of this shard, from 0.")
    count: int = Field(default=1, ge=1, le=10_000, description="How many shards there are.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.index >= self.count:
            what = f"is {self.index}, but there are only {self.count} shards"
            raise refusal(Flaw(what, "the first shard is 0; raise count or lower index", ("index",)))
        return self


class Settings(Block, BaseSettings):
    """Everything the operator may set."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=False,
    )

    apis: Apis = Field(description="The inventory APIs; at least one.")
    collections: Collections | None = Field(
        default=None, description="The collections that are on; by default all that API and dialect have."
    )
    web: Web = Field(default_factory=Web, description="What the exporter serves.")
    log: Log = Field(default_factory=Log, description="Logging.")
    retention: Retention = Field(default_factory=Retention, description="When records are given up.")
    limits: Limits = Field(default_factory=Limits, description="Limits on what is read and served.")
    state_file: Path | None = Field(
        default=None, description="Where the snapshot is kept over a restart; none by default."
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
        """Only the arguments; `load` replaces them with the sources of `exporter.settings.sources`."""
        return (init_settings,)

    def targets(self) -> tuple[Target, ...]:
        """The collections that are on, resolved, in the order services, carriers, resources.

        Raises ConfigError if one does not fit its API or dialect, which `load` has told already.
        """
        targets, flaws = resolve(self.apis, self.collections)
        if flaws:
            first = flaws[0]
            raise ConfigError(first.what, path=".".join(str(key) for key in first.at), hint=first.hint)
        return targets

    def redacted(self) -> dict[str, Any]:
        """The settings as JSON values, durations in seconds, every secret as asterisks."""
        return self.model_dump(mode="json")
