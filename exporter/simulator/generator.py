"""Grows the operator's world from a seed: the hardware, the carriers over it, the services over those.

Owns how many of what there are and how they hang together; what happens later is `fleet`'s. Sizes are
exact, and any of them may be 0: what is missing is then simply not referred to. On top of the sizes come
what an exporter leaves out by default (bandwidth segments, slots, cards, ports) and a few retired records.
Invariant: the same sizes, seed and `now` give the same world, and each reference leads to a grown record.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.simulator import names
from exporter.simulator.record import (
    CARRIER,
    DAY,
    DEGRADED,
    DOWN,
    MAINTENANCE,
    RESOURCE,
    RETIRED,
    SEGMENT,
    SERVICE,
    Customer,
    CustomerSite,
    FleetRecord,
)

SHARES = {
    "Satellite": 0.015,
    "Gateway": 0.02,
    "Transponder": 0.15,
    "Terminal": 0.36,
    "Modem": 0.36,
    "Antenna": 0.07,
    "Hub": 0.0,  # what is left
}
"""The kept resource types, most needed first, and how large a part of the resources each is."""

TROUBLED = 0.04
"""The share of records that are not operational."""

GROUP = 8
"""Carrier pairs of one hierarchy: the first forward carrier is parent, the first return carrier bundles."""


TELEPORTS_FROM = 9_000_000
"""The number of the first teleport's site, far above those of customers' sites."""


class Sizes(NamedTuple):
    """How many records of each kind; resources of the kept types only."""

    services: int
    carriers: int
    resources: int


class CustomerLink(NamedTuple):
    """One customer's way to space, which carriers and services share; None where there is no hardware."""

    customer: Customer
    site: CustomerSite
    terminal: FleetRecord | None
    modem: FleetRecord | None
    gateway: FleetRecord | None
    transponder: FleetRecord | None
    satellite: FleetRecord | None

    @property
    def hardware(self) -> tuple[FleetRecord, ...]:
        """What there is of it, in the order a carrier crosses it."""
        way = (self.satellite, self.transponder, self.gateway, self.terminal, self.modem)
        return tuple(part for part in way if part is not None)


def apportion(resources: int) -> dict[str, int]:
    """How many of each kept type, summing up to `resources`; with few, the most needed types come first."""
    counts = {}
    left = resources
    for type_name, share in SHARES.items():
        counts[type_name] = min(left, max(1, int(resources * share)))
        left -= counts[type_name]
    counts["Hub"] += left
    return counts


@dataclass
class Generator:
    """A world while it grows; call `grow` once, then take `records`."""

    sizes: Sizes
    seed: int
    now: int
    records: dict[str, list[FleetRecord]] = field(
        default_factory=lambda: {SERVICE: [], CARRIER: [], RESOURCE: []}
    )

    def grow(self) -> dict[str, list[FleetRecord]]:
        """Fills `records` and returns it: kind to records in the order of their numbers, which start at 1."""
        self._random = random.Random(self.seed)
        self._hardware: dict[str, list[FleetRecord]] = {}
        for type_name, count in apportion(self.sizes.resources).items():
            self._hardware[type_name] = [self._resource(type_name, index) for index in range(count)]
        self._assemble()
        self._links = list(self._lay_links())
        self._carry()
        self._relate_carriers()
        self._serve()
        self._clutter()
        self._trouble()
        return self.records

    def _new(self, kind: str, type_name: str, name: str) -> FleetRecord:
        """A record with a past: created up to ten years ago, last touched mostly well over a day ago."""
        draw = self._random.random
        age = (60 + draw() * 3590) * DAY
        untouched = draw() * 0.9 * DAY if draw() < 0.01 else max(1.1 * DAY, draw() ** 3 * age)
        created = int(self.now - age)
        started = min(int(created + draw() * 20 * DAY), self.now)
        updated = max(started, int(self.now - untouched))
        siblings = self.records[kind]
        record = FleetRecord(kind, len(siblings) + 1, name, type_name, created, started, updated)
        siblings.append(record)
        return record

    def _resource(self, type_name: str, index: int) -> FleetRecord:
        """The `index`-th resource of its type, not yet related to anything."""
        name = {
            "Satellite": names.satellite(index),
            "Gateway": names.gateway(index),
            "Transponder": f"TP{index + 1}{names.BANDS[index % len(names.BANDS)]}",
            "Terminal": f"{names.site(index)} VSAT-{index + 1:04d}",
            "Modem": f"Modem {index + 1:05d}",
            "Antenna": f"Antenna {index + 1:04d}",
        }.get(type_name, f"{type_name} {index + 1:04d}")
        return self._new(RESOURCE, type_name, name)

    def _at(self, type_name: str, index: int) -> FleetRecord | None:
        """The resource of that type which `index` falls on, or None if there is none of the type."""
        found = self._hardware[type_name]
        return found[index % len(found)] if found else None

    def _assemble(self) -> None:
        """Transponders go into satellites, modems into terminals, antennas and hubs into gateways."""
        wholes = {"Transponder": "Satellite", "Modem": "Terminal", "Antenna": "Gateway", "Hub": "Gateway"}
        inside: dict[FleetRecord, list[tuple[str, FleetRecord]]] = {}
        for type_name, whole_type in wholes.items():
            for index, part in enumerate(self._hardware[type_name]):
                found = self._hardware[whole_type]  # never empty: wholes are apportioned before their parts
                whole = found[index % len(found)]
                part.relations = (("containedIn", whole),)
                inside.setdefault(whole, []).append(("contains", part))
        for index, gateway in enumerate(self._hardware["Gateway"]):
            gateway.site = CustomerSite(TELEPORTS_FROM + index, names.teleport(index))
            for _, part in inside.get(gateway, ()):
                part.site = gateway.site
        for index, terminal in enumerate(self._hardware["Terminal"]):
            hub = self._at("Hub", index)
            if hub is not None:
                inside.setdefault(terminal, []).append(("connectedTo", hub))
        for whole, relations in inside.items():
            whole.relations = tuple(relations)
        for transponder in self._hardware["Transponder"]:
            transponder.name = f"{transponder.relations[0][1].name} {transponder.name}"

    def _lay_links(self) -> Iterator[CustomerLink]:
        """One link a terminal; a few that share what there is where there are hardly any terminals."""
        wanted = min(20, self.sizes.services + self.sizes.carriers)
        count = max(1, len(self._hardware["Terminal"]), wanted)
        customers = [Customer(number, names.company(number)) for number in range(1 + count // 6)]
        for index in range(count):
            transponder, satellite = self._above(index)
            customer = customers[int(self._random.random() ** 2 * len(customers))]
            site = CustomerSite(index, names.site(index))
            terminal, modem = self._at("Terminal", index), self._at("Modem", index)
            for owned in (terminal, modem):
                if owned is not None and owned.customer is None:
                    owned.customer, owned.site = customer, site
            yield CustomerLink(
                customer, site, terminal, modem, self._at("Gateway", index // GROUP), transponder, satellite
            )

    def _above(self, index: int) -> tuple[FleetRecord | None, FleetRecord | None]:
        """Transponder and satellite of a link: those of one group share the satellite."""
        around, group = divmod(index, GROUP)
        satellites, transponders = self._hardware["Satellite"], self._hardware["Transponder"]
        if not transponders:
            return None, self._at("Satellite", around)
        first = around % len(satellites)
        aboard = transponders[first :: len(satellites)] or transponders
        transponder = aboard[(around // len(satellites) * GROUP + group) % len(aboard)]
        return transponder, transponder.relations[0][1]

    def _carry(self) -> None:
        """Carriers in pairs, forward and return, each with a bandwidth segment; some had another before."""
        for index in range(self.sizes.carriers):
            pair, direction = divmod(index, 2)
            link = self._links[pair % len(self._links)]
            word, letter = (("Forward Carrier", "F"), ("Return Carrier", "R"))[direction]
            space = link.satellite.name if link.satellite else "no satellite"
            ground = link.gateway.name if link.gateway else "no gateway"
            name = f"{space} | {ground} | {link.site.name} {letter}{pair + 1:04d}"
            carrier = self._new(CARRIER, word, name)
            carrier.customer, carrier.site = link.customer, link.site
            segments = [self._new(RESOURCE, SEGMENT, f"BW {carrier.code}")]
            if index % 30 == 7:
                segments.append(self._new(RESOURCE, SEGMENT, f"BW {carrier.code} (old)"))
                segments[-1].status = RETIRED
            carrier.parts = (*link.hardware, *segments)

    def _relate_carriers(self) -> None:
        """Pairs, and within each group a parent with its children and a bundle of return carriers."""
        carriers = self.records[CARRIER]
        relations: list[list[tuple[str, FleetRecord]]] = [[] for _ in carriers]

        def join(near: int, far: int, words: tuple[str, str]) -> None:
            relations[near].append((words[0], carriers[far]))
            relations[far].append((words[1], carriers[near]))

        for index in range(len(carriers)):
            pair, direction = divmod(index, 2)
            first = (pair - pair % GROUP) * 2 + direction
            if direction == 1:
                join(index, index - 1, ("pairedWith", "pairedWith"))
            if first != index:
                join(index, first, (("parent", "child"), ("bundle", "bundle"))[direction])
        for carrier, related in zip(carriers, relations, strict=True):
            carrier.relations = tuple(related)

    def _serve(self) -> None:
        """Customer services over their link's terminal and carriers; every fifth depends on its neighbour."""
        for index in range(self.sizes.services):
            link = self._links[index % len(self._links)]
            service = self._service(index, link)
            service.parts = (*(part for part in (link.terminal, link.modem) if part), *self._pair_of(index))
            if index % 5 == 4:
                service.relations = (("dependsOn", self.records[SERVICE][index - 1]),)

    def _service(self, index: int, link: CustomerLink) -> FleetRecord:
        type_name = names.SERVICE_TYPES[index * 7 // 3 % len(names.SERVICE_TYPES)]
        service = self._new(
            SERVICE, type_name, f"{link.customer.name} {type_name} {link.site.name} {index + 1}"
        )
        service.customer, service.site = link.customer, link.site
        if index % 4 == 1:  # a contract with an end, still ahead
            service.ended = self.now + int((30 + self._random.random() * 1500) * DAY)
        return service

    def _pair_of(self, index: int) -> list[FleetRecord]:
        """The carriers under service `index`: a pair over the same link if there is one, else any."""
        carriers = self.records[CARRIER]
        pairs = (len(carriers) + 1) // 2
        if pairs == 0:
            return []
        around, place = divmod(index, len(self._links))
        shared = (pairs - place + len(self._links) - 1) // len(self._links)
        pair = place + around % shared * len(self._links) if shared > 0 else index % pairs
        return carriers[pair * 2 : pair * 2 + 2]

    def _clutter(self) -> None:
        """What nobody asked for: slots, cards and ports in the gateways; retired services and hardware."""
        for number, gateway in enumerate(self._hardware["Gateway"]):
            slot, card, port = (
                self._new(RESOURCE, kind, f"{gateway.name} {kind} {number % 16}")
                for kind in ("Slot", "Card", "Port")
            )
            slot.relations = (("containedIn", gateway), ("contains", card))
            card.relations = (("containedIn", slot), ("contains", port))
            port.relations = (("containedIn", card),)
        for index in range((self.sizes.services + 199) // 200):
            old = self._service(self.sizes.services + index, self._links[index % len(self._links)])
            old.status, old.ended = RETIRED, old.updated
        for _ in range((self.sizes.resources + 199) // 200):
            old = self._new(RESOURCE, "Modem", f"Modem {len(self.records[RESOURCE]) + 1:05d} (old)")
            old.status, old.ended = RETIRED, old.updated

    def _trouble(self) -> None:
        """Lets a few records be down, degraded or in maintenance. Satellites are spared: those make news."""
        for records in self.records.values():
            for record in records:
                spared = record.status == RETIRED or record.type in ("Satellite", SEGMENT)
                if self._random.random() < TROUBLED and not spared:
                    record.status = self._random.choice((DOWN, DOWN, DOWN, DEGRADED, MAINTENANCE))
