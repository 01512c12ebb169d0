"""The measurement of the pace, of so short a list that its figures say nothing: that it can be made."""

import pytest

from bench import pace


async def test_both_inventories_are_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PAGES", 12)
    rows = dict(await pace.measure())
    assert rows["pages, at 200 ms each"] == "12"
    assert rows["turned away, all in all"].split(" of ")[1].startswith("1")
