"""What every test leaves behind as it found it."""

import logging
from collections.abc import Iterator

import hypothesis
import pytest
import structlog


@pytest.fixture(autouse=True)
def _log_is_reset() -> Iterator[None]:
    """A test that runs a verb sets up logging to a stream that pytest closes after it."""
    yield
    structlog.reset_defaults()
    for handler in list(logging.root.handlers):
        if type(handler) is logging.StreamHandler:  # and not one of pytest's own
            logging.root.removeHandler(handler)


# machines are shared: how long an example takes says nothing of the code
hypothesis.settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared machine")
