"""F75: what guessing passwords can do to the exporter's own port."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import bcrypt
import pytest
from aiohttp import ClientSession, TCPConnector

from tests.faults.catalogue import fault
from tests.web.web_config.served import ALICE, BOB, HASHES, Folder, Served, Who, served, shown

USERS = "\n".join(("basic_auth_users:", *(f"  {name}: {text}" for name, text in HASHES.items())))


async def scrape(there: Served, who: Who, address: str = "127.0.0.1") -> int:
    """The status of a scrape by a client of that address."""
    connector = TCPConnector(force_close=True, local_addr=(address, 0))
    async with ClientSession(connector=connector, headers=shown(who)) as client:
        async with client.get(f"{there.url}/metrics") as answer:
            await answer.read()
            return answer.status


@fault(
    75,
    "a flood of wrong passwords for existing and unknown users, some longer than 72 bytes",
    "One check at a time, in a thread; few may wait, fewer per address; others get 503; scrapes continue",
    metric='ses_inventory_exporter_requests_turned_away_total{reason="credentials"}',
    alert="",
)
async def test_f75_who_guesses_passwords_keeps_nobody_from_being_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = bcrypt.checkpw, Counter[bytes]()

    def counted(password: bytes, stored: bytes) -> bool:
        asked[stored] += 1
        return real(password, stored)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    async with served(Folder(tmp_path).web(USERS)) as there:
        assert await scrape(there, ALICE) == 200
        over = asyncio.Event()
        statuses: Counter[int] = Counter()

        async def guess(number: int) -> None:
            while not over.is_set():
                user = ("alice", f"nobody-{number}")[number % 2]
                password = f"canary-{number}-{statuses.total()}{'x' * (number % 3 * 60)}"
                statuses[await scrape(there, (user, password))] += 1

        flood = [asyncio.create_task(guess(number)) for number in range(30)]
        while statuses[503] < 50 or statuses[401] < 10:
            assert await scrape(there, ALICE) == 200, "known to the cache"
            await asyncio.sleep(0)
        assert await scrape(there, BOB, "127.0.0.9") == 200, "new, and of another address"
        over.set()
        await asyncio.gather(*flood)
        assert set(statuses) == {401, 503}
        # Every 401 cost one check, of the user's own hash or of one like it; every 503 none.
        assert asked.total() == statuses[401] + 2
        strange = [stored for stored in asked if stored.decode() not in HASHES.values()]
        assert [stored[:7] for stored in strange] == [b"$2b$04$"]
