"""Random sequences of everything that may happen: nothing invented, nothing lost (`tests/model`)."""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.model.machine import Exporting

STEPS = int(os.environ.get("MODEL_STEPS", "2000"))
LENGTH = 50

pytestmark = [pytest.mark.histories, pytest.mark.timeout(max(900, STEPS // 5))]

TestModel = Exporting.TestCase
TestModel.settings = settings(
    max_examples=max(1, STEPS // LENGTH),
    stateful_step_count=LENGTH,
    deadline=None,
    derandomize=STEPS == 2000,  # the same in every run but in the long ones, which look for what is new
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # the steps that failed are few enough to read
    print_blob=True,
)
