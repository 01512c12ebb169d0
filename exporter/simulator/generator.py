"""Generates the operator's records from a seed: the hardware, the carriers over it, the services over those.

Sizes are exact, and any of them may be 0: nothing refers to what is missing. In addition there are planned
and retired records, and types that an exporter leaves out by default (bandwidth segments, slots, cards,
ports). The same sizes, seed and time give the same records, and every reference leads to one of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import NamedTuple

from exporter.simulator import names
from exporter.simulator.record import (
    CARRIER,
    DAY,
    KINDS,
    OUT_OF_SERVICE,
    PLANNED,
    PROBLEMS,
    RESOURCE,
    RETIRED,
    SEGMENT,
    SERVICE,
    Customer,
    CustomerSite,
    FleetRecord,
)
from exporter.simulator.status_shares import STATUS_SHARES

SHARES = {
    "Satellite": 0.015,
    "Gateway": 0.02,
    "Transponder": 0.15,
    "Terminal": 0.36,
    "Modem": 0.36,
    "Antenna": 0.07,
    "Hub": 0.0,  # the rest
}
"""The default resource types, most needed first, and the share of the resources that each has."""

ALWAYS_RETIRED = 0.005
"""The share of services and resources that are retired at least, in addition to those in service."""

GROUP = 8
"""Carrier pairs of one hierarchy: the first forward carrier is parent, the return carriers are a bundle."""

_CONTAINERS = {"Transponder": "Satellite", "Modem": "Terminal", "Antenna": "Gateway", "Hub": "Gateway"}
"""What each type is part of; a container always comes before its parts in `SHARES`."""

_MODEMS = {RETIRED: "old", PLANNED: "ordered"}

_FIRST_TELEPORT = 9_000_000
"""The number of the first teleport's site, far above those of customers' sites."""


class Sizes(NamedTuple):
    """How many records of each kind, resources of the default types only, and the shares of the statuses."""

    services: int
    carriers: int
    resources: int
    shares: Mapping[str, float] = STATUS_SHARES

    @property
    def problems(self) -> float:
        """The share of the records that are down, degraded or in maintenance."""
        return sum(self.shares[status] for status in PROBLEMS)


class CustomerLink(NamedTuple):
    """One customer's connection, which carriers and services share; None where there is no such hardware."""

    customer: Customer
    site: CustomerSite
    terminal: FleetRecord | None
    modem: FleetRecord | None
    gateway: FleetRecord | None
    transponder: FleetRecord | None
    satellite: FleetRecord | None

    @property
    def hardware(self) -> list[FleetRecord]:
        """The hardware that exists, in the order of the signal."""
        path = (self.satellite, self.transponder, self.gateway, self.terminal, self.modem)
        return [part for part in path if part is not None]


def generate(sizes: Sizes, seed: int, now: float) -> dict[str, list[FleetRecord]]:
    """Records by kind, in the order of their numbers, which start at 1. `now` is in Unix seconds."""
    return _Generator(sizes, seed, int(now)).generate()


def resource_counts(resources: int) -> dict[str, int]:
    """How many resources of each default type; the sum is `resources`."""
    counts = {}
    left = resources
    for type_name, share in SHARES.items():
        counts[type_name] = min(left, max(1, int(resources * share)))
        left -= counts[type_name]
    counts["Hub"] += left
    return counts


class _Generator:
    def __init__(self, sizes: Sizes, seed: int, now: int) -> None:
        self._sizes = sizes
        self._now = now
        self._random = random.Random(seed)
        self._records: dict[str, list[FleetRecord]] = {kind: [] for kind in KINDS}
        self._hardware: dict[str, list[FleetRecord]] = {}
        self._links: list[CustomerLink] = []

    def generate(self) -> dict[str, list[FleetRecord]]:
        for type_name, count in resource_counts(self._sizes.resources).items():
            self._hardware[type_name] = [self._resource(type_name, index) for index in range(count)]
        self._relate_hardware()
        self._add_links()
        for index in range(self._sizes.carriers):
            self._add_carrier(index)
        self._relate_carriers()
        for index in range(self._sizes.services):
            self._add_service(index)
        self._add_excluded_types()
        for status in OUT_OF_SERVICE:
            self._add_out_of_service(status)
        self._set_statuses()
        return self._records

    def _new(self, kind: str, type_name: str, name: str) -> FleetRecord:
        """A record created up to ten years ago, in most cases last updated more than a day ago."""
        draw = self._random.random
        age = (60 + draw() * 3590) * DAY
        unchanged = draw() * 0.9 * DAY if draw() < 0.01 else max(1.1 * DAY, draw() ** 3 * age)
        created = int(self._now - age)
        started = min(int(created + draw() * 20 * DAY), self._now)
        updated = max(started, int(self._now - unchanged))
        records = self._records[kind]
        records.append(FleetRecord(kind, len(records) + 1, name, type_name, created, started, updated))
        return records[-1]

    def _resource(self, type_name: str, index: int) -> FleetRecord:
        formats = {
            "Satellite": names.satellite(index),
            "Gateway": names.gateway(index),
            "Transponder": f"TP{index + 1}{names.BANDS[index % len(names.BANDS)]}",
            "Terminal": f"{names.site(index)} VSAT-{index + 1:04d}",
            "Modem": f"Modem {index + 1:05d}",
        }
        return self._new(RESOURCE, type_name, formats.get(type_name, f"{type_name} {index + 1:04d}"))

    def _at(self, type_name: str, index: int) -> FleetRecord | None:
        """The resource of that type for an index, reused in turn; None if there is none of the type."""
        found = self._hardware[type_name]
        return found[index % len(found)] if found else None

    def _relate_hardware(self) -> None:
        for index, gateway in enumerate(self._hardware["Gateway"]):
            gateway.site = CustomerSite(_FIRST_TELEPORT + index, names.teleport(index))
        for type_name, container_type in _CONTAINERS.items():
            for index, part in enumerate(self._hardware[type_name]):
                container = self._hardware[container_type][index % len(self._hardware[container_type])]
                part.relations.append(("containedIn", container))
                container.relations.append(("contains", part))
                part.site = container.site
        for index, terminal in enumerate(self._hardware["Terminal"]):
            hub = self._at("Hub", index)
            if hub is not None:
                terminal.relations.append(("connectedTo", hub))
        for transponder in self._hardware["Transponder"]:
            transponder.name = f"{transponder.relations[0][1].name} {transponder.name}"

    def _add_links(self) -> None:
        """One link for each terminal; a few that share what exists where there are hardly any terminals."""
        wanted = min(20, self._sizes.services + self._sizes.carriers)
        count = max(1, len(self._hardware["Terminal"]), wanted)
        customers = [Customer(number, names.company(number)) for number in range(1 + count // 6)]
        for index in range(count):
            customer = customers[int(self._random.random() ** 2 * len(customers))]
            site = CustomerSite(index, names.site(index))
            terminal, modem = self._at("Terminal", index), self._at("Modem", index)
            for owned in (terminal, modem):
                if owned is not None and owned.customer is None:
                    owned.customer, owned.site = customer, site
            gateway = self._at("Gateway", index // GROUP)
            transponder, satellite = self._transponder(index)
            self._links.append(CustomerLink(customer, site, terminal, modem, gateway, transponder, satellite))

    def _transponder(self, index: int) -> tuple[FleetRecord | None, FleetRecord | None]:
        """Transponder and satellite of a link: the links of one group share the satellite."""
        around, group = divmod(index, GROUP)
        satellites, transponders = self._hardware["Satellite"], self._hardware["Transponder"]
        if not transponders:
            return None, self._at("Satellite", around)
        on_satellite = transponders[around % len(satellites) :: len(satellites)] or transponders
        transponder = on_satellite[(around // len(satellites) * GROUP + group) % len(on_satellite)]
        return transponder, transponder.relations[0][1]

    def _add_carrier(self, index: int) -> None:
        """Carriers are in pairs, forward and return; each has a segment, and some a retired one as well."""
        pair, direction = divmod(index, 2)
        link = self._links[pair % len(self._links)]
        type_name, letter = (("Forward Carrier", "F"), ("Return Carrier", "R"))[direction]
        satellite = link.satellite.name if link.satellite else "no satellite"
        gateway = link.gateway.name if link.gateway else "no gateway"
        name = f"{satellite} | {gateway} | {link.site.name} {letter}{pair + 1:04d}"
        carrier = self._new(CARRIER, type_name, name)
        carrier.customer, carrier.site = link.customer, link.site
        carrier.parts = [*link.hardware, self._new(RESOURCE, SEGMENT, f"BW {carrier.code}")]
        if index % 30 == 7:
            old = self._new(RESOURCE, SEGMENT, f"BW {carrier.code} (old)")
            old.status = RETIRED
            carrier.parts.append(old)

    def _relate_carriers(self) -> None:
        """Pairs, and in each group a parent with its children and a bundle of return carriers."""
        carriers = self._records[CARRIER]
        for index, carrier in enumerate(carriers):
            pair, direction = divmod(index, 2)
            first = carriers[(pair - pair % GROUP) * 2 + direction]
            if direction == 1:
                _relate(carrier, "pairedWith", carriers[index - 1], "pairedWith")
            if first is not carrier:
                words = (("parent", "child"), ("bundle", "bundle"))[direction]
                _relate(carrier, words[0], first, words[1])

    def _add_service(self, index: int) -> None:
        """A service over the terminal and carriers of a link; every fifth depends on the one before it."""
        link = self._links[index % len(self._links)]
        service = self._new_service(index)
        service.parts = [part for part in (link.terminal, link.modem) if part]
        service.parts += self._carriers_of_service(index)
        if index % 5 == 4:
            service.relations.append(("dependsOn", self._records[SERVICE][index - 1]))

    def _new_service(self, index: int) -> FleetRecord:
        link = self._links[index % len(self._links)]
        type_name = names.SERVICE_TYPES[index * 7 // 3 % len(names.SERVICE_TYPES)]
        name = f"{link.customer.name} {type_name} {link.site.name} {index + 1}"
        service = self._new(SERVICE, type_name, name)
        service.customer, service.site = link.customer, link.site
        if index % 4 == 1:  # a contract that ends in the future
            service.ended = self._now + int((30 + self._random.random() * 1500) * DAY)
        return service

    def _carriers_of_service(self, index: int) -> list[FleetRecord]:
        """A pair over the same link if there is one, else any."""
        carriers = self._records[CARRIER]
        pairs = (len(carriers) + 1) // 2
        if pairs == 0:
            return []
        around, link = divmod(index, len(self._links))
        shared = (pairs - link + len(self._links) - 1) // len(self._links)
        pair = link + around % shared * len(self._links) if shared > 0 else index % pairs
        return carriers[pair * 2 : pair * 2 + 2]

    def _add_excluded_types(self) -> None:
        for number, gateway in enumerate(self._hardware["Gateway"]):
            slot, card, port = (
                self._new(RESOURCE, type_name, f"{gateway.name} {type_name} {number % 16}")
                for type_name in ("Slot", "Card", "Port")
            )
            slot.relations.append(("containedIn", gateway))
            _relate(slot, "contains", card, "containedIn")
            _relate(card, "contains", port, "containedIn")

    def _add_out_of_service(self, status: str) -> None:
        """Services, carriers and modems that are no longer in service, or not yet."""
        share, sizes = self._sizes.shares[status], self._sizes
        least = ALWAYS_RETIRED if status == RETIRED else 0.0
        first = {kind: len(records) for kind, records in self._records.items()}
        for index in range(_part(sizes.services, max(share, least))):
            self._new_service(sizes.services + index)
        for index in range(_part(sizes.carriers, share)):
            self._add_carrier(sizes.carriers + index)
        for _ in range(_part(sizes.resources, max(share, least))):
            name = f"Modem {len(self._records[RESOURCE]) + 1:05d} ({_MODEMS[status]})"
            self._new(RESOURCE, "Modem", name)
        for kind, records in self._records.items():
            for record in records[first[kind] :]:
                record.status = status
                if status == RETIRED:
                    record.ended = record.updated
                else:
                    record.started = self._now + (10 + record.number % 80) * DAY

    def _set_statuses(self) -> None:
        """A few records are down, degraded or in maintenance, but never a satellite."""
        for records in self._records.values():
            for record in records:
                draw = self._random.random()
                if record.status in OUT_OF_SERVICE or record.type in ("Satellite", SEGMENT):
                    continue
                for status in PROBLEMS:
                    draw -= self._sizes.shares[status]
                    if draw < 0:
                        record.status = status
                        break


def _part(number: int, share: float) -> int:
    """The share of a number, rounded up."""
    return math.ceil(round(number * share, 6))


def _relate(record: FleetRecord, word: str, other: FleetRecord, inverse: str) -> None:
    record.relations.append((word, other))
    other.relations.append((inverse, record))
