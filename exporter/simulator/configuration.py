"""Writes the exporter's configuration file for a running simulator.

Owns that one text. It knows the exporter's settings only as anyone does who reads their documentation.
Invariant: the file works as it is, credentials included, so it is nothing to copy for production.
"""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from exporter.simulator.dialect import ENTITIES, SimulatedDialect

HEADING = "# A configuration of ses-inventory-exporter for its own simulator, made-up password included.\n"

EXCLUDED = ("Card", "BandwidthSegment", "LogicalPort", "Multicast", "Slot", "Port", "Circuit")
"""Resource types that hardly anyone wants as series."""

APIS = {"services": "tmf638", "carriers": "tmf638", "resources": "tmf639"}


def document(
    dialect: SimulatedDialect, urls: Mapping[str, str], credentials: tuple[str, str], listen_address: str
) -> str:
    """The YAML text. `urls` are by API, `credentials` a user name and a password."""
    username, password = credentials
    apis = {
        api: {
            "url": url,
            "dialect": dialect.name,
            "basic_auth": {"username": username, "password": password},
        }
        for api, url in urls.items()
    }
    collections = {name: _collection(name, dialect) for name in APIS}
    collections["resources"]["exclude_types"] = list(EXCLUDED)
    content = {"apis": apis, "collections": collections, "web": {"listen_address": listen_address}}
    return f"{HEADING}{yaml.safe_dump(content, sort_keys=False, allow_unicode=True)}"


def _collection(name: str, dialect: SimulatedDialect) -> dict[str, object]:
    queries = [dict(query) for query in dialect.queries[name]]
    query = queries if len(queries) > 1 else queries[0]
    return {
        "api": APIS[name],
        "path": ENTITIES[APIS[name]],
        **({"query": query} if query else {}),
        "page_size": dialect.page_size,
        **({"paging": dict(dialect.settings)} if dialect.settings else {}),
        "refresh_interval": "30s",
        "full_refresh_interval": "5m",
    }
