"""A site of plain values: every state a collection can be in, without an exporter behind it.

`python -m web.invented` (from `tests/`) serves them on loopback, one page a word, to look at in a browser.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from exporter.inventory.condition import Condition
from exporter.precedence import Precedence
from exporter.status import CollectionStatus, Defect, DefectsByCollection, Rejects, Status
from exporter.web import server
from exporter.web.scrape import Encoding, Form

NOW = 1_795_000_000.0
HOSTILE = "<script>alert(1)</script>\u202egnp.\u0000\x1b[31m 'quoted\" &amp; "
URL = "https://inventory.example.net/gstm/api/v1/"


SERVICES = {
    "active": Condition.OPERATIONAL,
    "suspended": Condition.DOWN,
    "terminated": Condition.RETIRED,
}


def conditions(**counts: int) -> dict[Condition, int]:
    return {condition: counts.get(condition, 0) for condition in Condition}


def collection(name: str = "carriers", **changes: Any) -> CollectionStatus:
    values: dict[str, Any] = {
        "name": name,
        "api": "tmf639" if name == "resources" else "tmf638",
        "url": f"{URL}{'tmf639/resource' if name == 'resources' else 'tmf638/service'}",
        "dialect": "ses",
        "state": "fresh",
        "up": True,
        "complete": True,
        "records": 12408,
        "expected": 12408,
        "last_success": NOW - 130,
        "last_full_success": NOW - 1900,
        "last_attempt": NOW - 131,
        "age_seconds": 130.0,
        "refresh_interval": 300.0,
        "next_refresh": NOW + 170,
        "status_conditions": {
            "Operational": Condition.OPERATIONAL,
            "Non-Operational": Condition.DOWN,
            "In Maintenance": Condition.MAINTENANCE,
            "On Order": Condition.PLANNED,
        },
        "statuses": {"Operational": 12011, "Non-Operational": 301, "In Maintenance": 74, "On Order": 22},
        "series": 148_903,
        "conditions": conditions(operational=12011, down=301, maintenance=74, planned=22),
        "operational": 12011,
        "not_operational": 375,
    }
    return CollectionStatus(**{**values, **changes})


def fresh() -> tuple[CollectionStatus, ...]:
    services = {"active": 41210, "suspended": 812, "terminated": 96}
    return (
        collection(
            "services",
            records=42118,
            expected=42118,
            statuses=services,
            status_conditions=SERVICES,
            conditions=conditions(operational=41105, degraded=105, down=812, retired=96),
            operational=41105,
            not_operational=917,
            series=521_334,
            refreshing=True,
            progress="page 17 of 1,053",
        ),
        collection("carriers"),
        collection(
            "resources",
            records=9034,
            expected=9034,
            statuses={"available": 9001, "alarm": 33},
            status_conditions={"available": Condition.OPERATIONAL, "alarm": Condition.DOWN},
            conditions=conditions(operational=9001, down=33),
            operational=9001,
            not_operational=33,
            series=61_009,
        ),
    )


def troubled() -> tuple[CollectionStatus, ...]:
    return (
        collection(
            "services",
            state="incomplete",
            complete=False,
            records=42118,
            expected=42160,
            unread=40,
            bad_rows="offset 1,200 to 1,239",
            retained=38,
            duplicates=2,
            last_full_success=NOW - 90_000,
            rejects={
                "missing_id": Rejects(3, ('{"name": "VSAT 12"}', '{"name": ""}')),
                "bad_date": Rejects(1, ("SRV-1009",)),
            },
            unknown_statuses=("Degrdaed", "Sunset"),
            statuses={"active": 41210, "suspended": 812, "terminated": 76, "Degrdaed": 14, "Sunset": 6},
            status_conditions=SERVICES,
            conditions=conditions(operational=41210, down=812, retired=76, unknown=20),
            operational=41210,
            not_operational=812,
        ),
        collection(
            "carriers",
            state="failing",
            up=False,
            last_success=NOW - 7500,
            age_seconds=7500.0,
            last_full_success=NOW - 9300,
            last_attempt=NOW - 20,
            next_refresh=NOW + 64,
            last_error_reason="auth",
            last_error=f"{URL}tmf638/service answered 401 Unauthorized",
            last_error_hint="check the username and password, or the credentials, of apis.tmf638",
        ),
        collection(
            "resources",
            state="stale",
            last_success=NOW - 90_000,
            last_full_success=NOW - 90_000,
            age_seconds=90_000.0,
            statuses={"available": 9001, "alarm": 33},
            status_conditions={"available": Condition.OPERATIONAL, "alarm": Condition.DOWN},
            conditions=conditions(operational=9001, down=33),
            records=9034,
            expected=9034,
            operational=9001,
            not_operational=33,
            restored=True,
            held_back=3120,
        ),
    )


def waiting() -> tuple[CollectionStatus, ...]:
    nothing: dict[str, Any] = {
        "up": None,
        "complete": None,
        "records": 0,
        "expected": None,
        "last_success": None,
        "last_full_success": None,
        "age_seconds": None,
        "statuses": {},
        "series": 0,
        "conditions": {},
        "operational": 0,
        "not_operational": 0,
    }
    down: dict[str, Any] = {**nothing, "state": "failing", "up": False, "last_attempt": NOW - 4}
    return (
        collection("services", **{**nothing, "state": "waiting", "refreshing": True, "progress": "page 212"}),
        collection("carriers", **{**nothing, "state": "waiting"}),
        collection(
            "resources",
            **down,
            next_refresh=NOW + 12,
            last_error_reason="connect",
            last_error="inventory.example.net:443 refused the connection",
            last_error_hint="check apis.tmf639.url, and that the server runs",
        ),
    )


def unserved() -> tuple[CollectionStatus, ...]:
    nothing: dict[str, Any] = {"records": 0, "statuses": {}, "conditions": {}}
    gone: dict[str, Any] = {"state": "expired", "series": 0, "expires": NOW - 7200}
    old = {"last_success": NOW - 93_600, "last_full_success": NOW - 93_600, "age_seconds": 93_600.0}
    refused = f"{URL}tmf638/service answered 401 Unauthorized"
    return (
        collection(
            "services", **gone, **old, up=False, last_error=refused, last_error_reason="auth", restored=True
        ),
        collection("carriers", **nothing, state="empty", expected=0, received=0, series=3),
        collection("resources", **gone, **old, refreshing=True, progress="page 17 of 1,053"),
    )


def hostile() -> tuple[CollectionStatus, ...]:
    long = "ĄÇÉ" * 400
    words = {f"{HOSTILE}{number}": 1000 - number for number in range(40)}
    return (
        collection(
            f"{HOSTILE}{long}",
            api=HOSTILE,
            dialect=HOSTILE,
            url=f"https://{'a' * 300}.example.net/{HOSTILE}{long}",
            state="failing",
            up=False,
            last_error=HOSTILE * 300,
            last_error_reason=HOSTILE,
            last_error_hint=HOSTILE * 300,
            refreshing=True,
            progress=f"{HOSTILE}{long}",
            statuses={**words, "": 7, long: 3},
            unknown_statuses=tuple(words),
            held_back=10**15,
            bad_rows=f"{HOSTILE}{long}",
            rejects={HOSTILE: Rejects(10**15, (HOSTILE, long) * 20), "\ud800": Rejects(0)},
            records=10**15,
            expected=3,
        ),
        collection("carriers", last_success=float("nan"), next_refresh=1e300, last_full_success=-1e300),
        collection("خدمات القمر الصناعي", statuses={"قيد التشغيل": 12, "متوقف": 3}),
    )


def status(collections: tuple[CollectionStatus, ...] | None = None, **changes: Any) -> Status:
    values: dict[str, Any] = {
        "version": "0.1.0",
        "revision": "89bdf1a",
        "python": "3.11.2",
        "started": NOW - 266_000,
        "now": NOW,
        "ready": True,
        "collections": fresh() if collections is None else collections,
    }
    return Status(**{**values, **changes})


@dataclass
class InventedSite:
    """The site that tests and eyes look at. `asked` is what `scrape` was called with."""

    shown: Status = field(default_factory=status)
    max_scrapes: int = 4
    precedence: Precedence = field(default_factory=Precedence)
    parts: tuple[bytes, ...] = (b"# HELP up Whether.\n", b"# TYPE up gauge\n", b"up 1\n")
    health: tuple[bool, str] = (True, "Healthy.")
    readiness: tuple[bool, str] = (True, "Ready.")
    reloading: tuple[bool, str] = (True, "The settings were read again.")
    asked: list[tuple[Form, Encoding, tuple[str, ...]]] = field(default_factory=list)
    accepted: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def collections(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.shown.collections)

    def scrape(
        self, form: Form, encoding: Encoding, collections: tuple[str, ...]
    ) -> tuple[int, tuple[bytes, ...]]:
        self.asked.append((form, encoding, collections))
        parts = (*self.parts, b"# EOF\n") if form == "openmetrics" else self.parts
        if encoding == "gzip":
            parts = (gzip.compress(b"".join(parts), mtime=0),)
        return sum(map(len, parts)), parts

    def status(self) -> Status:
        return self.shown

    def defects(self) -> DefectsByCollection:
        return {"carriers": {"no_party": Defect(3, ("C1", HOSTILE))}}

    def healthy(self) -> tuple[bool, str]:
        return self.health

    def ready(self) -> tuple[bool, str]:
        return self.readiness

    def accept(self, collections: tuple[str, ...]) -> str:
        self.accepted.append(collections)
        return f"Accepted: {', '.join(collections)}."

    async def reload(self) -> tuple[bool, str]:
        return self.reloading


def _gallery() -> web.Application:
    app = web.Application()
    for word, shown in (
        ("fresh", status(links={"Runbooks": "https://runbooks.example.net/"})),
        ("troubled", status(troubled())),
        ("waiting", status(waiting(), ready=False, started=NOW - 41, revision="")),
        ("unserved", status(unserved(), ready=False)),
        ("hostile", status(hostile(), links={"javascript": "javascript:alert(1)"})),
        ("one", status(troubled()[1:2])),
        ("none", status(())),
    ):
        app.add_subapp(f"/{word}", server.application(InventedSite(shown)))
    return app


if __name__ == "__main__":
    web.run_app(_gallery(), host="127.0.0.1", port=10639)
