"""Whether a password is right: bcrypt, which is slow on purpose, and what keeps it from being a weapon.

A check takes a core for 64 ms and more, so it is done in a thread, one at a time; few may wait, and fewer
from one address, so that a flood of wrong passwords (fault F75) finds no room and the others do. What was
right once is remembered under a key that only this process knows. Invariants: whatever is asked, a name that
is not known costs as much as one that is, and no password is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import Counter, OrderedDict
from collections.abc import Mapping
from typing import Literal, NamedTuple

import bcrypt

Verdict = Literal["right", "wrong", "busy"]
"""busy: so many checks wait that this one was not begun."""

_REMEMBERED = 256
_WAITING = 32
"""Checks that wait at once: 2 s of work at bcrypt's usual cost, below what a scrape may take."""
_WAITING_OF_ONE = 4
"""Those of them from one address."""
_LONGEST = 72
"""Bytes of a password that bcrypt reads; a longer one is wrong."""


class Credentials(NamedTuple):
    """What a client says of itself."""

    user: bytes
    password: bytes


class PasswordChecks:
    """The checks under way, and those that went well lately."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._salt = bcrypt.gensalt()[-22:]
        self._proven: OrderedDict[bytes, None] = OrderedDict()
        self._running: dict[bytes, asyncio.Task[bool]] = {}
        self._waiting: Counter[str] = Counter()
        self._turn = asyncio.Lock()

    async def verdict(self, said: Credentials, users: Mapping[bytes, bytes], client: str) -> Verdict:
        """Whether one of `users` (name to bcrypt hash; at least one) says it; `client` is its address."""
        stored = users.get(said.user)
        known = stored is not None
        stored = self._decoy(users) if stored is None else stored
        key = self._key(said, stored)
        if key in self._proven:
            self._proven.move_to_end(key)
            return "right"
        check = self._running.get(key)
        if check is None:
            if self._waiting.total() >= _WAITING or self._waiting[client] >= _WAITING_OF_ONE:
                return "busy"
            self._waiting[client] += 1
            check = asyncio.create_task(self._check(key, said.password, stored, client))
            self._running[key] = check
        # A client that leaves must not end the check, for others may wait for the same one.
        if not (await asyncio.shield(check) and known):
            return "wrong"
        self._remember(key)
        return "right"

    async def _check(self, key: bytes, password: bytes, stored: bytes, client: str) -> bool:
        try:
            async with self._turn:
                return await asyncio.to_thread(_matches, password, stored)
        finally:
            del self._running[key]
            self._waiting[client] -= 1
            self._waiting += Counter()  # drops the addresses of which none waits

    def _decoy(self, users: Mapping[bytes, bytes]) -> bytes:
        """A hash that no password has, as dear as the dearest of the users'."""
        return b"$2b$%b$%b%b" % (max(stored[4:6] for stored in users.values()), self._salt, b"." * 31)

    def _key(self, said: Credentials, stored: bytes) -> bytes:
        """A digest of all three, each apart from the next; a changed hash makes another one."""
        digest = hashlib.blake2b(key=self._secret, digest_size=32)
        for part in (said.user, said.password, stored):
            digest.update(b"%d:%b" % (len(part), part))
        return digest.digest()

    def _remember(self, key: bytes) -> None:
        self._proven[key] = None
        if len(self._proven) > _REMEMBERED:
            self._proven.popitem(last=False)


def _matches(password: bytes, stored: bytes) -> bool:
    """Done in full for a password that is too long as well."""
    return bcrypt.checkpw(password[:_LONGEST], stored) and len(password) <= _LONGEST
