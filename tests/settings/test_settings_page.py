"""docs/settings.md is what the schema says."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.settings import Settings, load
from exporter.settings.base import Block, as_block, mapped
from tools import settings_page

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def blocks(block: type[Block]) -> Iterator[type[Block]]:
    yield block
    for field in block.model_fields.values():
        inner = as_block(field.annotation) or as_block(mapped(field.annotation))
        if inner:
            yield from blocks(inner)


def test_the_page_in_docs_is_up_to_date() -> None:
    assert DOCS.read_text() == settings_page.as_markdown(), "run make docs"


@pytest.mark.parametrize("block", sorted(set(blocks(Settings)), key=lambda block: block.__name__))
def test_every_key_has_a_description_and_stands_on_the_page(block: type[Block]) -> None:
    text = settings_page.as_markdown()
    for name, field in block.model_fields.items():
        assert field.description and field.description.endswith("."), name
        assert f"| `{name}` |" in text


def test_the_example_on_the_page_is_good(tmp_path: Path) -> None:
    example = settings_page.as_markdown().partition("```yaml\n")[2].partition("```")[0]
    for name in ("tmf638", "tmf639"):
        (tmp_path / name).write_text("secret")
    file = tmp_path / "config.yaml"
    file.write_text(example.replace("/run/secrets", str(tmp_path)))
    assert len(load(file, {}).targets()) == 3
