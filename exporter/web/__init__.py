"""The HTTP server: /metrics, landing page, status, admin requests, and who may connect."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from exporter.precedence import Precedence
from exporter.status import DefectsByCollection, Status


class Content(Protocol):
    """What the HTTP server shows, from memory; `collections.store` has it, which `web` may not import."""

    @property
    def collections(self) -> tuple[str, ...]:
        """The enabled collections: the values of `collect[]` and `collection`."""

    @property
    def max_scrapes(self) -> int:
        """Maximum number of scrapes at the same time."""

    @property
    def precedence(self) -> Precedence:
        """Which goes first, scrapes or refreshes."""

    def scrape(self, form: str, encoding: str, collections: tuple[str, ...]) -> tuple[int, Iterable[bytes]]:
        """Length in bytes of one exposition, and its parts in order; no collections means all.

        The parts are made on the event loop as they are read: each must take little time.
        """

    def status(self) -> Status:
        """The status now."""

    def defects(self) -> DefectsByCollection:
        """The data quality defects of the collections that are served, with the ids of some records."""

    def healthy(self) -> tuple[bool, str]:
        """Whether the process can do its work, whatever the inventory does, and a sentence."""

    def ready(self) -> tuple[bool, str]:
        """Whether every enabled collection has a snapshot or the start-up grace is over, and a sentence."""

    def accept(self, collections: tuple[str, ...]) -> str:
        """Accepts the pending removals of these collections; a sentence on what follows."""

    async def reload(self) -> tuple[bool, str]:
        """Reloads the configuration: whether the new one is in force, and a sentence."""
