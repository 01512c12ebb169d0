"""What further states make of the condition of a status value."""

from __future__ import annotations

from itertools import permutations

import pytest

from exporter.inventory.condition import IN_SERVICE, Condition, refined

DOWN, DEGRADED, MAINTENANCE = Condition.DOWN, Condition.DEGRADED, Condition.MAINTENANCE
OPERATIONAL, PLANNED, RETIRED = Condition.OPERATIONAL, Condition.PLANNED, Condition.RETIRED


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        (DOWN, DEGRADED),
        (DEGRADED, MAINTENANCE),
        (MAINTENANCE, OPERATIONAL),
        (PLANNED, DOWN),
        (RETIRED, PLANNED),
    ],
)
def test_the_worst_wins_and_what_is_not_in_service_has_no_problem(
    worse: Condition, better: Condition
) -> None:
    for states in permutations((worse, better, OPERATIONAL)):
        assert refined(OPERATIONAL, states) is worse


@pytest.mark.parametrize("headline", [one for one in Condition if one not in IN_SERVICE])
def test_a_status_value_that_is_not_in_service_is_not_refined(headline: Condition) -> None:
    assert all(refined(headline, [state]) is headline for state in (DOWN, OPERATIONAL, PLANNED, RETIRED))


@pytest.mark.parametrize("headline", list(Condition))
def test_a_status_value_without_further_states_has_its_own_condition(headline: Condition) -> None:
    assert refined(headline, []) is headline
