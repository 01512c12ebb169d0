"""Every dialect against every quirk of real implementations: nothing lost, invented or untold."""

import pytest

from tests import matrix

pytestmark = pytest.mark.matrix


def test_the_page_lists_every_dialect_and_every_quirk() -> None:
    rows = matrix.PAGE.read_text(encoding="utf-8").splitlines()
    assert f"| quirk | {' | '.join(f'`{name}`' for name in matrix.DIALECTS)} |" in rows
    for quirk in matrix.quirks():
        assert any(row.startswith(f"| {f'`{quirk}`' if quirk else 'none'} |") for row in rows), quirk


@pytest.mark.parametrize("quirk", list(matrix.quirks()))
async def test_a_crawl_is_exact_or_says_that_it_is_not(quirk: str) -> None:
    verdicts = {name: await matrix.verdict(name, quirk) for name in matrix.DIALECTS}
    assert matrix.WRONG not in verdicts.values(), verdicts
    assert matrix.row(quirk, verdicts) in matrix.PAGE.read_text(encoding="utf-8").splitlines()
