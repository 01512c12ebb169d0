"""The lines of a family."""

from __future__ import annotations

import pytest

from exporter.exposition.families import Family
from exporter.exposition.render import Writer


@pytest.mark.parametrize("family", [("a-b", ("c",)), ("ab", ("c'",)), ("ab", ("",))])
def test_a_family_whose_names_are_none_is_not_compiled(family: tuple[str, tuple[str, ...]]) -> None:
    name, labels = family
    with pytest.raises(ValueError, match="no name"):
        Writer(Family(name, "gauge", "Help.", labels))
