"""Series of an inventory for Prometheus, with those that the rules of 0.1.0 read and those of the topology.

Of 100,000 carriers, 20,000 services and 30,000 resources by default, 4 % of each kind are down, at random:
there is no outage. A service rests on five carriers and two resources. Series of families that no rule reads
are left out.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

SATELLITES, TRANSPONDERS, GATEWAYS, PARTIES = 60, 24, 30, 400
DOWN = 0.04
ALARMS = 0.02
CONDITIONS = ("down", "degraded", "maintenance", "operational", "planned", "retired", "unknown")
TARGET = {"instance": "localhost:10638", "job": "ses-inventory"}


@dataclass(frozen=True)
class Series:
    """A series by name and labels; its value, and the one that it had until half an hour ago."""

    name: str
    labels: dict[str, str]
    value: float = 1.0
    before: float | None = None


@dataclass
class Fleet:
    """An inventory of so many carriers; `down` are the ids of what is down."""

    carriers: int
    seed: int = 17
    down: set[str] = field(default_factory=set)
    since: float = field(default_factory=lambda: time.time() - 7200)

    def __post_init__(self) -> None:
        choose = random.Random(self.seed)
        self.services, self.resources = self.carriers // 5, self.carriers * 3 // 10
        for kind, number in (("CAR", self.carriers), ("SRV", self.services), ("RES", self.resources)):
            self.down |= {f"{kind}{one:07}" for one in choose.sample(range(number), int(number * DOWN))}
        self.alarms = set(choose.sample(range(self.resources), int(self.resources * ALARMS)))
        self._choose = choose

    def series(self) -> Iterator[Series]:
        """All series."""
        yield from self._carriers()
        yield from self._services()
        yield from self._resources()
        yield from self._exporter()

    def place(self, carrier: int) -> dict[str, str]:
        """What a carrier runs over."""
        satellite = carrier % SATELLITES
        return {
            "satellite": f"SES-{satellite}",
            "transponder": f"SES-{satellite} TP{carrier // SATELLITES % TRANSPONDERS}K",
            "gateway": f"Gateway {(satellite + carrier // 7 % 4) % GATEWAYS}",
        }

    def _record(self, kind: str, ident: str) -> Iterator[Series]:
        """The families that every kind has."""
        key, is_down = {f"{kind}_id": ident}, ident in self.down
        prefix = f"ses_inventory_{kind}"
        yield Series(f"{prefix}_operational", key, float(not is_down))
        yield Series(f"{prefix}_status", {**key, "status": "Down" if is_down else "Operational"})
        yield Series(f"{prefix}_status_since_timestamp_seconds", key, self.since)

    def _carriers(self) -> Iterator[Series]:
        counts: dict[str, Counter[tuple[str, ...]]] = {
            kind: Counter() for kind in ("satellite", "transponder", "gateway")
        }
        for number in range(self.carriers):
            ident, place = f"CAR{number:07}", self.place(number)
            party = f"Customer {number % PARTIES}"
            named = {"carrier_id": ident, "name": f"Carrier F{number:07}", "party": party, **place}
            labels = {
                **named,
                "description": f"Forward carrier {number} of {party}",
                "terminal": f"VSAT {number % 9000}",
            }
            yield Series(
                "ses_inventory_carrier_info",
                {**labels, "carrier_type": "Forward", "specification": "DVB-S2X"},
            )
            yield from self._record("carrier", ident)
            flips = self._choose.random() < 0.01
            yield Series(
                "ses_inventory_carrier_status_changes_total",
                {"carrier_id": ident},
                3.0,
                2.0 if flips else None,
            )
            condition = "down" if ident in self.down else "operational"
            counts["satellite"][place["satellite"], condition] += 1
            counts["transponder"][place["satellite"], place["transponder"], condition] += 1
            counts["gateway"][place["satellite"], place["gateway"], condition] += 1
            if ident in self.down:
                more = {
                    "condition": "down",
                    "status": "Down",
                    "carrier_type": "Forward",
                    "terminal": labels["terminal"],
                }
                yield Series(
                    "ses_inventory_carrier_problem_since_timestamp_seconds", {**named, **more}, self.since
                )
        for kind, names in (
            ("satellite", ("satellite",)),
            ("transponder", ("satellite", "transponder")),
            ("gateway", ("satellite", "gateway")),
        ):
            for place_of in {key[:-1] for key in counts[kind]}:
                for condition in CONDITIONS:
                    labels = {**dict(zip(names, place_of, strict=True)), "condition": condition}
                    yield Series(f"ses_inventory_{kind}_carriers", labels, counts[kind][*place_of, condition])

    def _services(self) -> Iterator[Series]:
        for number in range(self.services):
            ident = f"SRV{number:07}"
            named = {
                **{"service_id": ident, "name": f"WAN {number}", "service_type": "Enterprise WAN"},
                **{"party": f"Customer {number % PARTIES}", "place": f"Site {number % 9000}"},
            }
            more = {"description": f"Service {number}", "category": "WAN", "specification": "WAN"}
            yield Series("ses_inventory_service_info", {**named, **more})
            yield from self._record("service", ident)
            ends = time.time() + (30 if self._choose.random() < 0.99 else -30) * 86_400
            yield Series("ses_inventory_service_end_timestamp_seconds", {"service_id": ident}, ends)
            if ident in self.down:
                more = {"condition": "down", "status": "Down"}
                yield Series(
                    "ses_inventory_service_problem_since_timestamp_seconds", {**named, **more}, self.since
                )
            yield from self._rests_on(number, named)

    def _rests_on(self, number: int, named: dict[str, str]) -> Iterator[Series]:
        ident = named["service_id"]
        for carrier in range(number * 5, number * 5 + 5):
            other = f"CAR{carrier:07}"
            labels = {"service_id": ident, "related_service_id": other, "relationship": "supportingService"}
            yield Series("ses_inventory_service_relationship_info", labels)
            if other in self.down:
                yield self._affected(named, "carrier", other, self.place(carrier))
        for resource in (number, self.services + number // 2):
            other = f"RES{resource:07}"
            labels = {"service_id": ident, "resource_id": other, "resource": f"Modem {resource}", "role": ""}
            yield Series("ses_inventory_service_resource_info", {**labels, "resource_type": "Modem"})
            if other in self.down:
                yield self._affected(named, "resource", other, self.place(number * 5))

    def _affected(self, named: dict[str, str], kind: str, cause: str, place: dict[str, str]) -> Series:
        more = {"cause_kind": kind, "cause_id": cause, "cause": cause, "cause_condition": "down"}
        where = {"satellite": place["satellite"], "gateway": place["gateway"]}
        return Series(
            "ses_inventory_service_affected_since_timestamp_seconds", {**named, **more, **where}, self.since
        )

    def _resources(self) -> Iterator[Series]:
        for number in range(self.resources):
            ident = f"RES{number:07}"
            named = {
                **{"resource_id": ident, "name": f"Modem {number}", "resource_type": "Modem"},
                **{"party": f"Customer {number % PARTIES}", "place": f"Site {number % 9000}"},
            }
            more = {"description": f"Resource {number}", "category": "Ground", "specification": "MDM"}
            yield Series("ses_inventory_resource_info", {**named, **more})
            yield from self._record("resource", ident)
            states = {"alarm": "major" if number in self.alarms else "cleared", "usage": "active"}
            for dimension, state in states.items():
                labels = {"resource_id": ident, "dimension": dimension, "state": state}
                yield Series("ses_inventory_resource_state", labels)
            if ident in self.down or number in self.alarms:
                more = {"condition": "down" if ident in self.down else "degraded", "status": "available"}
                yield Series(
                    "ses_inventory_resource_problem_since_timestamp_seconds", {**named, **more}, self.since
                )

    def _exporter(self) -> Iterator[Series]:
        yield Series("up", {})
        yield Series("ses_inventory_exporter_build_info", {"version": "0", "revision": "", "python": "3"})
        for collection in ("services", "carriers", "resources"):
            labels = {"collection": collection}
            for name, value in (
                *(("up", 1.0), ("complete", 1.0), ("stale", 0.0), ("restored", 0.0), ("records", 1000.0)),
                *(("last_success_timestamp_seconds", time.time()), ("refresh_interval_seconds", 3600.0)),
                *(("last_full_success_timestamp_seconds", time.time()), ("records_removed_total", 0.0)),
            ):
                yield Series(f"ses_inventory_exporter_{name}", labels, value)
            yield Series("ses_inventory_exporter_current", {**labels, "coverage": collection})
            for defect in ("no_party", "no_place", "dangling_reference", "past_end_but_operational"):
                yield Series(f"ses_inventory_{collection[:-1]}_defects", {"defect": defect}, 40.0)
