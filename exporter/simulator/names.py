"""The words the made-up world is told in: satellites, teleports, cities, companies, vessels.

Owns tables only; `generator` combines them. Names of satellites and teleports sound like a real operator's,
customers and people are invented. Invariant: tables are never empty, so picking by index modulo length
always works.
"""

from __future__ import annotations

SATELLITES = (
    *("SES-17", "SES-12", "SES-14", "SES-4", "SES-6", "SES-9", "SES-10", "SES-15"),
    *("O3b mPOWER-1", "O3b mPOWER-2", "O3b mPOWER-3", "O3b mPOWER-4", "O3b FM5", "O3b FM12"),
    *("NSS-9", "NSS-10", "NSS-12", "ASTRA 1KR", "ASTRA 2E", "ASTRA 3B", "ASTRA 5B", "AMC-11", "QuetzSat-1"),
)

TELEPORTS = (
    ("Betzdorf", "LU"),
    ("Manassas", "US"),
    ("Woodbine", "US"),
    ("Dubai", "AE"),
    ("Perth", "AU"),
    ("Hawaii", "US"),
    ("Bristow", "US"),
    ("Munich", "DE"),
    ("Hortolandia", "BR"),
    ("Lurin", "PE"),
    ("Thermopylae", "GR"),
    ("Gandul", "IL"),
    ("Merredin", "AU"),
    ("Phoenix", "US"),
    ("Dakar", "SN"),
    ("Dubbo", "AU"),
)

CITIES = (
    *("Lagos", "Nairobi", "Kinshasa", "Lima", "Bogota", "Manaus", "Port Moresby", "Honiara", "Apia"),
    *("Karachi", "Dhaka", "Jakarta", "Manila", "Almaty", "Ulaanbaatar", "Anchorage", "Nuuk", "Tromsø"),
    *("Reykjavík", "Kraków", "Málaga", "São Tomé", "Bamako", "N'Djamena", "Juba", "Antananarivo"),
    *("La Paz", "Iquitos", "Asunción", "Rarotonga", "Darwin", "Port Hedland"),
)

VESSELS = (
    "Aurora",
    "Meridian",
    "Halcyon",
    "Borealis",
    "Kestrel",
    "Odyssey",
    "Tern",
    "Polaris",
    "Sirius",
    "Vega",
)

COMPANIES = (
    *("Northwind", "Blue Atoll", "Harrow", "Kestrel", "Sahel", "Andes", "Coral", "Highland", "Meridian"),
    *("Pelagia", "Tundra", "Savanna", "Monsoon", "Zephyr", "Caldera", "Ostrava", "Fjord", "Baobab"),
    *("Quetzal", "Delta", "Lagoon", "Mistral", "Orion Bay", "Palisade"),
)

TRADES = (
    "Shipping",
    "Telecom",
    "Mining",
    "Airlines",
    "Media",
    "Energy",
    "Cruises",
    "Mobile",
    "Broadcast",
    "Relief",
)

FORMS = ("Ltd", "SA", "GmbH", "Inc", "plc", "BV")

ACCOUNT_MANAGERS = (
    *("Aïcha Brandt", "Tomás Keller", "Priya Osei", "Hugo Lindqvist", "Mei Santoro", "Leila Novák"),
    *("Jonas Achterberg", "Ngozi Moreau"),
)

SERVICE_TYPES = (
    "Maritime VSAT",
    "Cellular Backhaul",
    "Enterprise WAN",
    "Aero Connectivity",
    "Government",
    "Video Distribution",
)

BANDS = ("K", "K", "K", "C", "Ka")
"""How transponders spread over Ku (written K, as in `TP12K`), C and Ka band."""


def company(number: int) -> str:
    """The made-up name of customer `number` (from 0); numbered once the combinations are used up."""
    around, first = divmod(number, len(COMPANIES))
    again, trade = divmod(around, len(TRADES))
    name = f"{COMPANIES[first]} {TRADES[(trade + first * 3) % len(TRADES)]} {FORMS[number % len(FORMS)]}"
    return f"{name} {again + 1}" if again else name


def satellite(number: int) -> str:
    """The name of satellite `number` (from 0); the list first, invented ones after it."""
    return SATELLITES[number] if number < len(SATELLITES) else f"SES-{number + 20}"


def gateway(number: int) -> str:
    """The name of gateway `number` (from 0): the teleport, and which of its gateways."""
    around, index = divmod(number, len(TELEPORTS))
    return f"{TELEPORTS[index][0]} GW{around + 1}"


def teleport(number: int) -> str:
    """Where gateway `number` (from 0) stands, with its country."""
    return "{} Teleport, {}".format(*TELEPORTS[number % len(TELEPORTS)])


def site(number: int) -> str:
    """The name of customer site `number` (from 0): a vessel at sea or a place in a city."""
    around, index = divmod(number, len(CITIES))
    if number % 3 == 0:
        return f"MV {VESSELS[number % len(VESSELS)]} {number // 3 + 1}"
    return CITIES[index] if around == 0 else f"{CITIES[index]} {around + 1}"
