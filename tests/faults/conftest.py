"""Watches every test of this package for secrets, and gives it houses over raw servers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr
from dataclasses import replace
from pathlib import Path

import pytest

from exporter import app, logs
from tests import crawling
from tests.faults.faulty import Houses
from tests.faults.logged import Logged, leaks, shown


@pytest.fixture(autouse=True)
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Logged]:
    """What is logged, of all levels; after the test no secret may be in it, nor in what houses have shown.

    The simulator's password is a canary, too.
    """
    lines = Logged()
    monkeypatch.setattr(crawling, "SMALL", replace(crawling.SMALL, password="canary-simulator"))
    pages: list[str] = []
    built = app.built

    @asynccontextmanager
    async def watched(*arguments: object, **named: object) -> AsyncIterator[app.Runtime]:
        async with built(*arguments, **named) as house:  # type: ignore[arg-type]
            try:
                yield house
            finally:
                pages.append(shown(house))

    monkeypatch.setattr(app, "built", watched)
    with watched_logs(lines):
        yield lines
    for text in (lines.text, *pages):
        assert not leaks(text)


@contextmanager
def watched_logs(lines: Logged) -> Iterator[None]:
    """The program's own logging, at its most talkative, into `lines`; pytest's handlers stay."""
    root = logging.root
    level, handlers = root.level, list(root.handlers)
    root.handlers = []  # else they would be closed
    with redirect_stderr(lines.stream):
        logs.configure("debug", "json")
    root.handlers.extend(handlers)
    root.setLevel(logging.DEBUG)
    yield
    root.setLevel(level)
    root.handlers = handlers


@pytest.fixture
def houses(tmp_path: Path, logged: Logged) -> Houses:
    """Opens houses over raw servers, with canaries for secrets."""
    return Houses(tmp_path, logged)
