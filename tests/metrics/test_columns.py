"""Every column of the incumbent's three tables is found in the metrics of one record.

A row is: the column, the family (without its prefix), the label that holds it (empty where the sample's value
does), and what the record of `cases/ses-*.json` has there.
"""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.inventory.snapshot import Changes
from tests.inventory import reading
from tests.metrics import regenerate, rendering

SERVICES = [
    ("external id", "service_info", "service_id", "SVC0000123"),
    ("name", "service_info", "name", "Northwind Aurora VSAT"),
    ("description", "service_info", "description", 'Maritime VSAT for Northwind Cruises at "Aurora"'),
    ("status", "service_status", "status", "Operational"),
    ("operational", "service_operational", "", 1.0),
    ("type", "service_info", "service_type", "Maritime VSAT"),
    ("start", "service_start_timestamp_seconds", "", 1677628800.0),
    ("end", "service_end_timestamp_seconds", "", 1803859199.0),
    ("last update", "service_last_update_timestamp_seconds", "", 1768025228.0),
    ("customer", "service_info", "party", "Northwind Cruises"),
    ("related party", "service_party_info", "party", "Ada Keller"),
    ("related party's id", "service_party_info", "party_id", "EMP0000007"),
    ("related party's role", "service_party_info", "role", "account manager"),
    ("location", "service_info", "place", "MS Aurora, Bergen"),
    ("location's id", "service_place_info", "place_id", "SITE0000311"),
    ("service specification", "service_info", "specification", "Maritime VSAT 2.0"),
    ("supporting resource", "service_resource_info", "resource", "Modem Aurora 1"),
    ("supporting resource's id", "service_resource_info", "resource_id", "RES0000202"),
    ("supporting resource's type", "service_resource_info", "resource_type", "Modem"),
    ("carrier", "service_relationship_info", "related_service_id", "CAR0000123"),
    ("related service", "service_relationship_info", "related_service_id", "SVC0000120"),
]

CARRIERS = [
    ("external id", "carrier_info", "carrier_id", "CAR0000123"),
    ("name", "carrier_info", "name", "SES-17 Ka 12 FWD 123"),
    ("description", "carrier_info", "description", "Forward Carrier for Northwind Cruises"),
    ("operational status", "carrier_status", "status", "Non-Operational"),
    ("operational", "carrier_operational", "", 0.0),
    ("type", "carrier_info", "carrier_type", "Forward Carrier"),
    ("creation date", "carrier_created_timestamp_seconds", "", 1676363400.0),
    ("last update", "carrier_last_update_timestamp_seconds", "", 1768428900.0),
    ("gateway", "carrier_info", "gateway", "Betzdorf"),
    ("terminal", "carrier_info", "terminal", "Terminal Aurora"),
    ("satellite", "carrier_info", "satellite", "SES-17"),
    ("transponder", "carrier_info", "transponder", "SES-17 Ka 12"),
    ("customer", "carrier_info", "party", "Northwind Cruises"),
    ("uplink alias", "carrier_characteristic_info", "value", "SES-17 Ka 12 UL-123"),
    ("downlink alias", "carrier_characteristic_info", "value", "SES-17 Ka 12 DL-123"),
    ("uplink RF centre frequency", "carrier_characteristic_info", "value", "27586.1"),
    ("downlink RF centre frequency", "carrier_characteristic_info", "value", "17786.1"),
    ("uplink RF centre frequency as a number", "carrier_uplink_frequency_hertz", "", 27586.1e6),
    ("downlink RF centre frequency as a number", "carrier_downlink_frequency_hertz", "", 17786.1e6),
    ("symbol rate", "carrier_characteristic_info", "value", "2500"),
    ("modulation", "carrier_characteristic_info", "value", "16APSK"),
    ("polarization", "carrier_characteristic_info", "value", "LHCP"),
    ("allocated bandwidth", "carrier_characteristic_info", "value", "3"),
    ("bandwidth segment", "carrier_service_info", "service_name", "Segment 123"),
    ("bandwidth segment's id", "carrier_service_info", "service_id", "RES0009001"),
    ("related carrier", "carrier_relationship_info", "related_id", "CAR0000124"),
    ("how it is related", "carrier_relationship_info", "relationship", "pairedWith"),
]

RESOURCES = [
    ("id", "resource_info", "resource_id", "RES0000001"),
    ("name", "resource_info", "name", "SES-17"),
    ("description", "resource_info", "description", "Satellite"),
    ("status", "resource_status", "status", "Operational"),
    ("operational", "resource_operational", "", 1.0),
    ("type", "resource_info", "resource_type", "Satellite"),
    ("specification", "resource_info", "specification", "Satellite 1.0"),
    ("characteristic", "resource_characteristic_info", "value", "Thales Alenia Space"),
    ("characteristic's name", "resource_characteristic_info", "name", "manufacturer"),
    ("related party", "resource_party_info", "party", "SES"),
    ("location", "resource_place_info", "place", "67.1° West"),
    ("location's role", "resource_place_info", "role", "orbital slot"),
    ("relationship", "resource_relationship_info", "related_resource_id", "RES0000010"),
    ("how it is related", "resource_relationship_info", "relationship", "contains"),
    ("start", "resource_start_timestamp_seconds", "", 1655251200.0),
    ("end", "resource_end_timestamp_seconds", "", 2128636800.0),
]

TABLES = {"services": SERVICES, "carriers": CARRIERS, "resources": RESOURCES}
ROWS = [pytest.param(name, *row, id=f"{name}: {row[0]}") for name, rows in TABLES.items() for row in rows]
ASKED = {"resources": ("manufacturer",)}
NUMBERS = {
    "uplinkCenterFrequency": ("uplink_frequency_hertz", 1e6),
    "downlinkCenterFrequency": ("downlink_frequency_hertz", 1e6),
}


def _metrics(collection: str) -> rendering.Samples:
    how = {"characteristics": ASKED[collection]} if collection in ASKED else {}
    numbers = NUMBERS if collection == "carriers" else {}
    using = reading.reader("ses", collection, numbers=numbers, **how)
    held = rendering.snapshot((regenerate.CASES / f"ses-{collection}.json").read_bytes(), using)
    body = rendering.exposition("ses", collection, numbers).update(held, Changes())
    return rendering.samples(text_string_to_metric_families(rendering.whole(body)))


@pytest.mark.parametrize(("collection", "column", "family", "label", "value"), ROWS)
def test_a_column_of_the_incumbents_tables_is_found(
    collection: str, column: str, family: str, label: str, value: str | float
) -> None:
    found = [
        dict(labels).get(label) if label else sample
        for (name, labels), sample in _metrics(collection).items()
        if name == f"ses_inventory_{family}"
    ]
    assert value in found, column
