"""Every link of a page leads to a file, and to a heading that is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "deploy/**/*.md", "grafana/*.md")
    for page in ROOT.glob(pattern)
    if "node_modules" not in page.parts
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the common hosts of Markdown make them."""
    headings = re.findall(r"^#+ +(.+?)\s*$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_is_dead(page: Path) -> None:
    for target in _LINK.findall(_CODE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page}: {target}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file), f"{page}: {target}"


def reached(start: Path, within: Path) -> set[Path]:
    """The pages below `within` to which links lead from a page, and from those in turn."""
    found, waiting = set[Path](), [start]
    while waiting:
        page = waiting.pop()
        if page in found or page.suffix != ".md" or within not in page.parents:
            continue
        found.add(page)
        for target in _LINK.findall(page.read_text()):
            file = (page.parent / target.partition("#")[0]).resolve()
            if file.is_dir():
                waiting += file.glob("*.md")
            elif file.exists():
                waiting.append(file)
    return found


def test_every_page_can_be_reached_from_the_readme() -> None:
    assert {page for page in PAGES if "docs" in page.parts} <= reached(ROOT / "README.md", ROOT)


def test_every_page_of_docs_can_be_reached_from_their_index() -> None:
    docs = ROOT / "docs"
    assert {page for page in PAGES if docs in page.parents} <= reached(docs / "index.md", docs)


@pytest.mark.parametrize("folder", [".", "deploy", "runbooks"])
def test_the_index_names_every_page(folder: str) -> None:
    docs = ROOT / "docs"
    named = {(docs / target).resolve() for target in _LINK.findall((docs / "index.md").read_text())}
    assert set((docs / folder).glob("*.md")) - {docs / "index.md"} <= named


def test_the_changelog_has_each_group_and_each_entry_once() -> None:
    unreleased, *_ = (ROOT / "CHANGELOG.md").read_text().partition("## Unreleased\n")[2].split("\n## ")
    groups = re.findall(r"^### (.+)$", unreleased, re.MULTILINE)
    assert groups == [name for name in ("Added", "Changed", "Removed", "Fixed") if name in groups]
    beginnings = [
        " ".join(entry.split())[:50] for entry in re.split(r"^- ", unreleased, flags=re.MULTILINE)[1:]
    ]
    assert [text for text in beginnings if beginnings.count(text) > 1] == []
    rest = re.sub(r"^(- |  ).+$|^### .+$", "", unreleased, flags=re.MULTILINE)
    assert rest.strip() == "", "only entries and their groups"
