"""The rules do what their cases say, played by promtool."""

from __future__ import annotations

import pytest

from tests.rules import carrier_cases, outage_cases, record_cases, service_cases
from tests.rules.scenario import Case, run

CASES = (*carrier_cases.CASES, *outage_cases.CASES, *service_cases.CASES, *record_cases.CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_rules_do_what_their_cases_say(case: Case, tmp_path) -> None:
    run(case, tmp_path)
