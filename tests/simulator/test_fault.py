"""How faults are spelt, and what is said of those spelt wrong."""

from __future__ import annotations

import pytest

from exporter.simulator import fault, fault_injection, record_faults


def test_every_fault_has_one_line_for_the_help_and_one_place_that_does_it() -> None:
    for name, line in fault.FAULTS.items():
        assert line
        assert "\n" not in line
        effects = (
            *record_faults.RECORD_FAULTS,
            *fault_injection.RESPONSE_FAULT_EFFECTS,
            "duplicates",
        )
        assert effects.count(name) == 1
        assert fault.parse(name).name == name


def test_data_faults_are_all_but_those_of_http() -> None:
    http = {"500", "502", "504", "429", "empty", "html", "truncate"}
    assert set(fault.DATA_FAULTS) == set(fault.FAULTS) - http


def test_all_keys_are_understood() -> None:
    found = fault.parse(
        "504:collection=carriers,pages=3+7,rows=41,share=0.5,times=2,code=503,retry_after=soon"
    )
    assert found == fault.Fault(
        name="504",
        collection="carriers",
        pages=frozenset({3, 7}),
        rows=frozenset({41}),
        share=0.5,
        times=2,
        code=503,
        retry_after="soon",
    )
    assert found.is_targeted


def test_a_fault_that_names_pages_strikes_them_always() -> None:
    assert fault.parse("504").share == 0.1
    assert fault.parse("504:pages=2").share == 1.0
    assert fault.parse("504:times=2").share == 1.0
    assert fault.parse("html").share == 1.0
    assert not fault.parse("html").is_targeted


def test_throttling_says_when_to_come_back() -> None:
    assert fault.parse("429").retry_after == "1"
    assert fault.parse("429:retry_after=-5").retry_after == "-5"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no fault ''.*use one of 500, 502"),
        ("nul-ids", "did you mean 'null-ids'"),
        ("504:page=3", "504 has no key 'page' .use collection, share, pages"),
        ("odd-text:pages=3", "odd-text has no key 'pages' .use collection, share"),
        ("504:", "no key ''"),
        ("504:pages", "write pages=VALUE, once"),
        ("504:pages=", "write pages=VALUE, once"),
        ("504:pages=1,pages=2", "write pages=VALUE, once"),
        ("504:pages=0", "count from 1"),
        ("504:pages=x", "pages is 'x'; use a whole number"),
        ("504:rows=1+", "rows is ''; use a whole number"),
        ("504:share=2", "from 0 to 1"),
        ("504:share=half", "from 0 to 1"),
        ("504:share=nan", "from 0 to 1"),
        ("504:times=-1", "times is '-1'"),
        ("504:code=99", "from 200 to 599"),
        ("504:collection=carrier", "use one of services, carriers, resources"),
    ],
)
def test_what_is_spelt_wrong_is_refused_with_the_hint(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fault.parse(text)
