"""Decision records: numbered without gaps, each with a status, and listed on their index page."""

import pkgutil
import re

import pytest

from tests import mentions
from tools import decisions_page

RECORDS = decisions_page.records()


def test_numbers_are_those_of_the_files_without_gaps() -> None:
    assert [record.number for record in RECORDS] == list(range(1, len(RECORDS) + 1))
    assert [int(record.file[:4]) for record in RECORDS] == [record.number for record in RECORDS]


def test_the_index_lists_every_record_with_its_status() -> None:
    page = (decisions_page.FOLDER / "index.md").read_text(encoding="utf-8")
    assert page == decisions_page.as_markdown(), "run `make docs` and commit it"
    for record in RECORDS:
        assert f"| {record.number} | [{record.title}]({record.file}) | {record.status} |" in page


def test_a_record_is_superseded_by_a_later_one() -> None:
    files = {record.number: record.file for record in RECORDS}
    for record in RECORDS:
        for number, file in re.findall(r"\[(\d+)\]\((\S+?)\)", record.status):
            assert int(number) > record.number
            assert files[int(number)] == file


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: str(record.number))
def test_a_record_is_a_page_at_most(record: decisions_page.Record) -> None:
    assert len((decisions_page.FOLDER / record.file).read_text(encoding="utf-8").splitlines()) <= 60


def test_a_record_without_a_status_is_an_error(tmp_path) -> None:
    file = tmp_path / "0001-new.md"
    file.write_text("# 1. New\n\n**Problem.** None.\n")
    with pytest.raises(ValueError, match="Status"):
        decisions_page.read(file)


NAME = re.compile(r"`((?:exporter/)?[a-z][a-z_]*(?:[./]\w+)+)`")
"""Names such as `paging.bisect`, `exporter/status.py` and `supervisor.Supervisor`."""


def exists(name: str) -> bool:
    """Whether a dotted name leads to a module, or to something that a module defines."""
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


@pytest.mark.parametrize(
    "page", [*(record.file for record in RECORDS if "superseded" not in record.status), "../architecture.md"]
)
def test_modules_that_a_page_names_exist(page: str) -> None:
    text = (decisions_page.FOLDER / page).read_text(encoding="utf-8")
    for name in NAME.findall(text):
        dotted = name.removeprefix("exporter/").removesuffix(".py").replace("/", ".")
        first, last = dotted.split(".")[0], dotted.split(".")[-1]
        of_the_code = exists(f"exporter.{first}") or last[0].isupper()
        if of_the_code and not exists(first) and not mentions.is_setting(name):
            assert exists(f"exporter.{dotted}"), f"{page}: {name}"
