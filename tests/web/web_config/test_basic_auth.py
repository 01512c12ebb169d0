"""Checks of passwords: counted at bcrypt itself, which does them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import bcrypt
import pytest

from exporter.web import web_config
from exporter.web.web_config import PasswordChecks, SentCredentials

from .served import HASHES

USERS = {name.encode(): text.encode() for name, text in HASHES.items()}
ALICE = SentCredentials(b"alice", b"alice's secret")


class Bcrypt:
    """What was asked of bcrypt. While `open` is not set, every check waits in its thread."""

    def __init__(self, check: Callable[[bytes, bytes], bool]) -> None:
        self.asked: list[tuple[bytes, bytes]] = []
        self.open = threading.Event()
        self.open.set()
        self.most = 0
        self._check = check
        self._now = 0

    def __call__(self, password: bytes, stored: bytes) -> bool:
        self.asked.append((password, stored))
        self._now += 1
        self.most = max(self.most, self._now)
        self.open.wait(30)
        self._now -= 1
        return self._check(password, stored)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Bcrypt:
    found = Bcrypt(bcrypt.checkpw)
    monkeypatch.setattr(bcrypt, "checkpw", found)
    return found


async def test_a_right_password_is_checked_once_and_remembered(counted: Bcrypt) -> None:
    checks = PasswordChecks()
    assert [await checks.verdict(ALICE, USERS, "a") for _ in range(3)] == ["right"] * 3
    assert len(counted.asked) == 1


async def test_a_wrong_password_is_checked_each_time(counted: Bcrypt) -> None:
    checks, said = PasswordChecks(), ALICE._replace(password=b"wrong")
    assert [await checks.verdict(said, USERS, "a") for _ in range(3)] == ["wrong"] * 3
    assert len(counted.asked) == 3


async def test_somebody_elses_password_is_wrong_though_it_was_right_for_them(counted: Bcrypt) -> None:
    checks = PasswordChecks()
    assert await checks.verdict(ALICE, USERS, "a") == "right"
    assert await checks.verdict(ALICE._replace(user=b"bob"), USERS, "a") == "wrong"
    assert await checks.verdict(ALICE._replace(user=b"nobody"), USERS, "a") == "wrong"


async def test_an_unknown_user_costs_one_check_of_the_dearest_cost(counted: Bcrypt) -> None:
    users = {**USERS, b"carol": b"$2b$05$".join((b"", USERS[b"alice"][7:]))}
    assert await PasswordChecks().verdict(SentCredentials(b"mallory", b"x"), users, "a") == "wrong"
    (asked,) = counted.asked
    assert asked[1][4:6] == b"05"
    assert asked[1] not in users.values()


async def test_an_unknown_user_is_wrong_even_with_the_password_of_the_decoy(
    counted: Bcrypt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bcrypt, "checkpw", lambda *_: True)
    checks = PasswordChecks()
    for _ in range(2):
        assert await checks.verdict(SentCredentials(b"mallory", b"x"), USERS, "a") == "wrong"


async def test_f75_a_password_over_72_bytes_costs_one_check_and_is_wrong(counted: Bcrypt) -> None:
    longest = b"x" * 72
    users = {b"dave": bcrypt.hashpw(longest, bcrypt.gensalt(4))}
    checks = PasswordChecks()
    assert await checks.verdict(SentCredentials(b"dave", longest), users, "a") == "right"
    assert await checks.verdict(SentCredentials(b"dave", longest + b"x"), users, "a") == "wrong"
    assert [len(password) for password, _ in counted.asked] == [72, 72]


@pytest.mark.parametrize("password", [b"", b"alice's secret\0", b"\xff\xfe", "naïve".encode()])
async def test_odd_passwords_are_wrong_and_no_error(password: bytes) -> None:
    assert await PasswordChecks().verdict(SentCredentials(b"alice", password), USERS, "a") == "wrong"


async def test_a_changed_hash_forgets_the_password_that_was_right(counted: Bcrypt) -> None:
    checks = PasswordChecks()
    assert await checks.verdict(ALICE, USERS, "a") == "right"
    assert await checks.verdict(ALICE, {b"alice": USERS[b"bob"]}, "a") == "wrong"
    assert (
        await checks.verdict(SentCredentials(b"alice", b"bob's secret"), {b"alice": USERS[b"bob"]}, "a")
        == "right"
    )


async def test_no_more_than_so_many_are_remembered_and_the_latest_used_stay(
    counted: Bcrypt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web_config, "_CACHED", 2)
    users = dict.fromkeys((b"a", b"b", b"c"), USERS[b"alice"])
    checks = PasswordChecks()
    for name in (b"a", b"b", b"a", b"c", b"a"):
        assert await checks.verdict(ALICE._replace(user=name), users, "a") == "right"
    assert len(counted.asked) == 3
    assert await checks.verdict(ALICE._replace(user=b"b"), users, "a") == "right"
    assert len(counted.asked) == 4


async def test_the_same_words_at_once_are_one_check(counted: Bcrypt) -> None:
    checks = PasswordChecks()
    found = await asyncio.gather(*(checks.verdict(ALICE, USERS, "a") for _ in range(100)))
    assert set(found) == {"right"}
    assert len(counted.asked) == 1


async def test_who_leaves_does_not_end_the_check_that_others_wait_for(counted: Bcrypt) -> None:
    checks = PasswordChecks()
    counted.open.clear()
    first, second = (asyncio.create_task(checks.verdict(ALICE, USERS, "a")) for _ in range(2))
    while not counted.asked:
        await asyncio.sleep(0.001)
    first.cancel()
    counted.open.set()
    assert await second == "right"
    assert first.cancelled()
    assert len(counted.asked) == 1


async def test_f75_few_checks_wait_fewer_of_one_address_and_one_is_done_at_a_time(counted: Bcrypt) -> None:
    checks = PasswordChecks()
    counted.open.clear()

    def wrong(number: int, client: str) -> asyncio.Task[web_config.Verdict]:
        said = SentCredentials(b"alice", b"%d" % number)
        return asyncio.create_task(checks.verdict(said, USERS, client))

    flood = [wrong(number, "flood") for number in range(200)]
    others = [wrong(1000 + number, f"{number}") for number in range(40)]
    while not counted.asked:
        await asyncio.sleep(0.001)
    assert [task.result() for task in (*flood, *others) if task.done()] == ["busy"] * (196 + 12)
    counted.open.set()
    assert [await task for task in flood].count("wrong") == 4
    assert [await task for task in others].count("wrong") == 28
    assert counted.most == 1
    assert await checks.verdict(ALICE, USERS, "flood") == "right"


async def test_nothing_is_kept_of_a_password(counted: Bcrypt) -> None:
    checks = PasswordChecks()
    await checks.verdict(ALICE, USERS, "a")
    assert "alice" not in repr(vars(checks))
    assert not checks._running
    assert not checks._waiting
