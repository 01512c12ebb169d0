"""Record in, exposition text out: one full record of every dialect and collection."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from exporter.inventory.dialects.vendors import DIALECTS
from tests.metrics import regenerate


@pytest.mark.parametrize("page", regenerate.pages(), ids=lambda page: page.stem)
def test_a_record_becomes_exactly_this_text(page: Path) -> None:
    golden = page.with_suffix(".txt").read_text(encoding="utf-8")
    lines = difflib.unified_diff(
        golden.splitlines(), regenerate.rendered(page).splitlines(), "golden", "rendered", lineterm="", n=1
    )
    difference = "\n".join(lines)
    if difference:
        pytest.fail(
            f"{page.stem}: is this meant? then python -m tests.metrics.regenerate\n{difference}", False
        )


def test_every_dialect_and_collection_has_its_case() -> None:
    wanted = {f"{one.name}-{name}" for one in DIALECTS.values() for name in one.collections}
    assert {page.stem for page in regenerate.pages()} == wanted
    assert {golden.stem for golden in regenerate.CASES.glob("*.txt")} == wanted


def test_the_golden_texts_are_written_where_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = regenerate.pages()[0]
    (tmp_path / page.name).write_bytes(page.read_bytes())
    monkeypatch.setattr(regenerate, "CASES", tmp_path)
    assert regenerate.main() == 0
    assert (tmp_path / page.with_suffix(".txt").name).read_text(encoding="utf-8") == regenerate.rendered(page)
    assert page.stem in capsys.readouterr().out
