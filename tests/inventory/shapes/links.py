"""Places, parties, specifications and relationships, and what carriers take from them."""

from __future__ import annotations

from exporter.inventory.record import Link
from tests.inventory.shapes.case import Case, one, shown

CASES: dict[str, Case] = {
    "place: an array": one(
        "tmf-v4 services",
        {"place": [{"id": "L1", "name": "Vik", "role": "site"}, {"id": "L2"}]},
        place="Vik",
        places=(Link("L1", "Vik", "", "site"), Link("L2")),
    ),
    "place: a single object": one(
        "tmf-v4 resources", {"place": {"id": "L1", "name": "Vik"}}, places=(Link("L1", "Vik"),)
    ),
    "place: nested": one(
        "tmf-v5 services",
        {"place": [{"role": "site", "@type": "X", "place": {"id": "L1", "name": "Vik", "@type": "Site"}}]},
        places=(Link("L1", "Vik", "Site", "site"),),
    ),
    "place: flat in v5": one(
        "tmf-v5 resources",
        {"place": [{"id": "L1", "name": "Vik", "role": "r"}]},
        places=(Link("L1", "Vik", "", "r"),),
    ),
    "place: without name": one(
        "servicenow resources",
        {"place": {"id": "L1", "@referredType": "GeographicAddress"}},
        place="L1",
        places=(Link("L1", "", "GeographicAddress"),),
    ),
    "related party: v4": one(
        "tmf-v4 services",
        {
            "relatedParty": [
                {"id": "P0", "role": "owner"},
                {"id": "P1", "name": "Kestrel", "role": "Customer"},
            ]
        },
        party="Kestrel",
    ),
    "related party: partyOrPartyRole": one(
        "tmf-v5 services",
        {"relatedParty": [{"role": "user", "partyOrPartyRole": {"id": "P1", "name": "Kestrel"}}]},
        party="Kestrel",
        parties=(Link("P1", "Kestrel", "", "user"),),
    ),
    "related party: without name": one("servicenow resources", {"relatedParty": [{"id": "P1"}]}, party="P1"),
    "related party: mixed": one(
        "tmf-v5 resources",
        {
            "relatedParty": [
                {"id": "P1"},
                {"role": "owner", "partyOrPartyRole": {"id": "P2"}},
                {"party": {"id": "P3"}},
            ]
        },
        parties=(Link("P1"), Link("P2", role="owner"), Link("P3")),
    ),
    "specification: a name": one(
        "tmf-v4 services", {"serviceSpecification": {"id": "7", "name": "VSAT"}}, specification="VSAT"
    ),
    "specification: an id only": one(
        "servicenow resources", {"resourceSpecification": {"id": "7"}}, specification="7"
    ),
    "specification: text": one("ses services", {"serviceSpecification": "VSAT 2"}, specification="VSAT 2"),
    "relationship: v4 and v5": one(
        "tmf-v5 services",
        {"serviceRelationship": [{"relationshipType": "dependsOn", "service": {"id": "2"}}]},
        relations=(Link("2", role="dependsOn"),),
    ),
    "relationship: type of v2": one(
        "tmf-v2 resources",
        {"resourceRelationship": [{"type": "contains", "resource": {"id": "2"}}]},
        relations=(Link("2", role="contains"),),
    ),
    "relationship: Contains::Contained by": one(
        "servicenow resources",
        {"resourceRelationship": [{"relationshipType": "Contains::Contained by", "resource": {"id": "2"}}]},
        relations=(Link("2", role="Contains::Contained by"),),
    ),
    "relationship: relatedResource": one(
        "ses resources",
        {"relatedResource": [{"id": "2", "role": "feeds"}, {"id": "3"}]},
        relations=(Link("2", role="feeds"), Link("3", role="relatedResource")),
    ),
    "relationship: a resource by value": one(
        "tmf-v4 resources",
        {
            "resourceRelationship": [
                {"relationshipType": "has", "resource": {"id": "2", "place": {"id": "L1"}}}
            ]
        },
        relations=(Link("2", role="has"),),
    ),
    "relationship: supportingResource": one(
        "tmf-v5 resources",
        {"supportingResource": [{"id": "2", "place": {"id": "L1"}}]},
        relations=(Link("2", role="supportingResource"),),
    ),
    "SES carrier: type from a characteristic": one(
        "ses carriers",
        {
            "@type": "element",
            **shown({"name": "ElementType", "value": "Carrier"}, {"name": "type", "value": "Forward"}),
        },
        type="Forward",
    ),
    "SES carrier: gateway and terminal from places": one(
        "ses carriers",
        {"place": [{"name": "Vik", "role": "gateway"}, {"name": "MV", "role": "Terminal"}]},
        gateway="Vik",
        terminal="MV",
    ),
    "SES carrier: satellite and transponder from resources": one(
        "ses carriers",
        {
            "supportingResource": [
                {"name": "A-1", "@referredType": "Satellite"},
                {"name": "TP7", "type": "transponder"},
            ]
        },
        satellite="A-1",
        transponder="TP7",
    ),
    "SES carrier: operational segments only": one(
        "ses carriers",
        {"supportingService": [{"id": "B1", "status": "Operational"}, {"id": "B2", "status": "Retired"}]},
        services=(Link("B1"),),
    ),
}
