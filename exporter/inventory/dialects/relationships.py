"""What the types of relationships mean: which of the two records rests on the other.

Each table maps a type as its source spells it, read from the record that has the relationship, to a
`Direction`. Types are compared folded; a type that is in no table makes no edge, and `check` lists it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping


class Direction(enum.StrEnum):
    """Whether the record that has a relationship rests on the other record, or the other on it."""

    RESTS_ON = "rests_on"
    SUPPORTS = "supports"
    NEITHER = "neither"
    """The type is known, and a failure of one record is none of the other."""


Types = Mapping[str, Direction]


def _of(
    rests_on: tuple[str, ...] = (), supports: tuple[str, ...] = (), neither: tuple[str, ...] = ()
) -> dict[str, Direction]:
    return {
        **dict.fromkeys(rests_on, Direction.RESTS_ON),
        **dict.fromkeys(supports, Direction.SUPPORTS),
        **dict.fromkeys(neither, Direction.NEITHER),
    }


TMF: Types = _of(
    rests_on=(
        *("dependsOn", "dependentOn", "depends", "dependency", "reliesOn", "requires", "uses", "needs"),
        *("containedIn", "containedBy", "isContainedIn", "isContainedBy", "locatedIn", "installedIn"),
        *("mountedOn", "within", "supportedBy", "isSupportedBy", "reliantOn"),
        *("supportingResource", "supportingService"),
        *("hostedOn", "hostedBy", "runsOn", "deployedOn", "carriedBy", "carriedOver", "transportedBy"),
        *("poweredBy", "providedBy", "fedBy", "servedBy", "deliveredBy", "realizedBy", "implementedBy"),
        "builtOn",
    ),
    supports=(
        *("isDependencyOf", "requiredBy", "isRequiredBy", "neededBy", "usedBy", "isUsedBy", "reliedOnBy"),
        *("dependent", "hasDependent", "contains", "houses", "holds"),
        *("supports", "isSupporting", "supportedResource", "supportedService"),
        *("hosts", "isHostOf", "runs", "carries", "transports", "powers", "provides", "feeds", "serves"),
        *("delivers", "realizes", "implements"),
    ),
    neither=(
        *("pairedWith", "connectedTo", "connects", "connectsTo", "connectedBy", "connectedWith", "linkedTo"),
        *("adjacentTo", "neighbor", "neighbour", "peer", "peerOf", "relatedTo", "related", "associatedWith"),
        *("relatedResource", "relatedService", "parent", "child", "parentOf", "childOf", "sibling", "bundle"),
        *("bundled", "member", "memberOf", "members", "groupedWith", "next", "previous"),
        *("backup", "backs up", "backedUpBy", "protects", "protectedBy", "alternative", "redundantTo"),
        *("replaces", "replacedBy", "migratesTo", "migratedFrom", "substitutes", "substitutedBy"),
        *("ownedBy", "owns", "managedBy", "manages", "monitoredBy", "monitors", "targets"),
        *("partOf", "isPartOf", "hasPart", "componentOf", "hasComponent", "composedOf", "consistsOf"),
        *("serviceRelationship", "resourceRelationship"),  # of those that do not say what they are
    ),
)
"""Types in use with TMF638 and TMF639, which leave them to the implementation.

A redundant or alternative record does not fail with the other; in a hierarchy, a bundle, a pair or a whole
with parts a record may or may not, so these make no edge.
"""

SERVICENOW: Types = _of(
    rests_on=(
        *("Depends on::Used by", "Contained by::Contains", "Hosted on::Hosts", "Runs on::Runs"),
        *("Located in::Houses", "In Rack::Rack contains", "Powered by::Powers", "Provided by::Provides"),
        *("Virtualized by::Virtualizes", "Cooled By::Cools", "Uses::Used by", "Enabled by::Enables"),
        *("Consumes::Consumed by", "Impacted by::Impacts", "Allocated from::Allocated to"),
        *("Instantiated by::Instantiates", "Gets resources from::Defines resources for"),
        *("Realized by::Realizes", "Supported by::Supports"),
    ),
    supports=(
        *("Used by::Depends on", "Contains::Contained by", "Hosts::Hosted on", "Runs::Runs on"),
        *("Houses::Located in", "Rack contains::In Rack", "Powers::Powered by", "Provides::Provided by"),
        *("Virtualizes::Virtualized by", "Cools::Cooled By", "Used by::Uses", "Enables::Enabled by"),
        *("Consumed by::Consumes", "Impacts::Impacted by", "Allocated to::Allocated from"),
        *("Instantiates::Instantiated by", "Defines resources for::Gets resources from"),
        *("Realizes::Realized by", "Supports::Supported by"),
    ),
    neither=(
        *("Connects to::Connected by", "Connected by::Connects to", "IP Connection::IP Connection"),
        *("Exchanges data with::Exchanges data with", "Sends data to::Receives data from"),
        *("Receives data from::Sends data to", "Members::Member of", "Member of::Members"),
        *("Cluster of::Cluster", "Cluster::Cluster of", "Parent of::Child of", "Child of::Parent of"),
        *("Manages::Managed by", "Managed by::Manages", "Owns::Owned by", "Owned by::Owns"),
        *("Monitors::Monitored by", "Monitored by::Monitors", "DR provided by::Provides DR for"),
        *("Provides DR for::DR provided by", "Replicates to::Replicated from"),
        *("Backup done by::Performs backup for", "Performs backup for::Backup done by"),
    ),
)
"""The relationship types of ServiceNow's CMDB, which name both ends: that of the record itself first."""
