"""What every test leaves behind as it found it."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import hypothesis
import pytest
import structlog

from tests.virtual_time import VirtualTimeLoop


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every async test runs on virtual time, unless it is marked `real_time`."""
    if item.get_closest_marker("real_time"):
        return {"real": asyncio.new_event_loop}
    return {"virtual": VirtualTimeLoop}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests come first, so that no worker is left alone with one of them at the end."""
    items.sort(key=lambda item: not item.get_closest_marker("histories"))


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
