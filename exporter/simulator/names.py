"""Names for the generated records: satellites, teleports, cities, companies, vessels.

Satellites and teleports have names like a real operator's; customers and people are invented.
"""

from __future__ import annotations

SATELLITES = (
    *("SES-17", "SES-12", "SES-14", "SES-4", "SES-6", "SES-9", "SES-10", "SES-15"),
    *("O3b mPOWER-1", "O3b mPOWER-2", "O3b mPOWER-3", "O3b mPOWER-4", "O3b FM5", "O3b FM12"),
    *("NSS-9", "NSS-10", "NSS-12", "ASTRA 1KR", "ASTRA 2E", "ASTRA 3B", "ASTRA 5B", "AMC-11", "QuetzSat-1"),
)

TELEPORTS = (
    *("Betzdorf, LU", "Manassas, US", "Woodbine, US", "Dubai, AE", "Perth, AU", "Hawaii, US", "Bristow, US"),
    *("Munich, DE", "Hortolandia, BR", "Lurin, PE", "Thermopylae, GR", "Gandul, IL", "Merredin, AU"),
    *("Phoenix, US", "Dakar, SN", "Dubbo, AU"),
)

CITIES = (
    *("Lagos", "Nairobi", "Kinshasa", "Lima", "Bogota", "Manaus", "Port Moresby", "Honiara", "Apia"),
    *("Karachi", "Dhaka", "Jakarta", "Manila", "Almaty", "Ulaanbaatar", "Anchorage", "Nuuk", "Tromsø"),
    *("Reykjavík", "Kraków", "Málaga", "São Tomé", "Bamako", "N'Djamena", "Juba", "Antananarivo"),
    *("La Paz", "Iquitos", "Asunción", "Rarotonga", "Darwin", "Port Hedland"),
)

VESSELS = (
    *("Aurora", "Meridian", "Halcyon", "Borealis", "Kestrel"),
    *("Odyssey", "Tern", "Polaris", "Sirius", "Vega"),
)

COMPANIES = (
    *("Northwind", "Blue Atoll", "Harrow", "Kestrel", "Sahel", "Andes", "Coral", "Highland", "Meridian"),
    *("Pelagia", "Tundra", "Savanna", "Monsoon", "Zephyr", "Caldera", "Ostrava", "Fjord", "Baobab"),
    *("Quetzal", "Delta", "Lagoon", "Mistral", "Orion Bay", "Palisade"),
)

TRADES = (
    *("Shipping", "Telecom", "Mining", "Airlines", "Media"),
    *("Energy", "Cruises", "Mobile", "Broadcast", "Relief"),
)

FORMS = ("Ltd", "SA", "GmbH", "Inc", "plc", "BV")

ACCOUNT_MANAGERS = (
    *("Aïcha Brandt", "Tomás Keller", "Priya Osei", "Hugo Lindqvist", "Mei Santoro", "Leila Novák"),
    *("Jonas Achterberg", "Ngozi Moreau"),
)

SERVICE_TYPES = (
    *("Maritime VSAT", "Cellular Backhaul", "Enterprise WAN"),
    *("Aero Connectivity", "Government", "Video Distribution"),
)

BANDS = ("K", "K", "K", "C", "Ka")
"""The bands of transponders in turn: Ku (written K, as in `TP12K`), C and Ka."""


def company(number: int) -> str:
    """The name of customer `number` (from 0); numbered once the combinations are used up."""
    around, first = divmod(number, len(COMPANIES))
    again, trade = divmod(around, len(TRADES))
    name = f"{COMPANIES[first]} {TRADES[(trade + first * 3) % len(TRADES)]} {FORMS[number % len(FORMS)]}"
    return f"{name} {again + 1}" if again else name


def satellite(number: int) -> str:
    """The name of satellite `number` (from 0); invented ones after the list."""
    return SATELLITES[number] if number < len(SATELLITES) else f"SES-{number + 20}"


def gateway(number: int) -> str:
    """The name of gateway `number` (from 0): the teleport and a number."""
    around, index = divmod(number, len(TELEPORTS))
    return f"{TELEPORTS[index].partition(',')[0]} GW{around + 1}"


def teleport(number: int) -> str:
    """The site of gateway `number` (from 0), with its country."""
    place, _, country = TELEPORTS[number % len(TELEPORTS)].partition(", ")
    return f"{place} Teleport, {country}"


def site(number: int) -> str:
    """The name of customer site `number` (from 0): a vessel or a city."""
    around, index = divmod(number, len(CITIES))
    if number % 3 == 0:
        return f"MV {VESSELS[number % len(VESSELS)]} {number // 3 + 1}"
    return CITIES[index] if around == 0 else f"{CITIES[index]} {around + 1}"
