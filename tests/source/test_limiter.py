"""The limiter in virtual time: who waits, how long, and that no turn is ever lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from exporter import errors
from exporter.client.limiter import Limiter
from tests.source.servers import Told
from tests.virtual_time import run

Work = Callable[[], Awaitable[None]]


def limiter(told: Told | None = None, *, most: int = 16, budget: int | None = None) -> Limiter:
    made = Limiter("tmf638", most, budget, told or Told())
    made.report()
    return made


async def starts(limiter: Limiter, count: int, seconds: float = 0.2) -> list[float]:
    """When so many requests begin that all come at once, in seconds from now."""
    loop = asyncio.get_running_loop()
    began, found = loop.time(), []

    async def one() -> None:
        async with limiter.slot():
            found.append(round(loop.time() - began, 3))
            await asyncio.sleep(seconds)

    await asyncio.gather(*(one() for _ in range(count)))
    return found


async def grown(told: Told, most: int) -> Limiter:
    """A limiter that has reached the most."""
    made = limiter(told, most=most)
    await starts(made, 4 * most)
    assert told.limits[-1] == most
    told.limits.clear()
    told.waits.clear()
    return made


def test_requests_go_as_many_at_once_as_the_limit_allows_and_in_their_order() -> None:
    told = Told()

    async def scenario() -> list[float]:
        return await starts(await grown(told, most=2), 6)

    assert run(scenario()) == [0.0, 0.0, 0.2, 0.2, 0.4, 0.4]
    assert told.waits == pytest.approx([0.0, 0.0, 0.2, 0.2, 0.4, 0.4])


def test_every_change_of_the_limit_is_told() -> None:
    told = Told()
    run(starts(limiter(told), 60))
    assert told.limits == [1, 2, 4, 8, 16]


def test_a_hold_is_for_all() -> None:
    async def scenario() -> list[float]:
        one = await grown(Told(), most=4)
        one.pause(7.0)
        return await starts(one, 3)

    assert run(scenario()) == [7.0, 7.0, 7.0]


def test_a_hold_that_is_told_while_others_wait_holds_them_too() -> None:
    async def scenario() -> list[float]:
        one = limiter(most=1)
        waiting = asyncio.create_task(starts(one, 3, seconds=1.0))
        await asyncio.sleep(0.5)
        one.pause(4.5)
        return await waiting

    assert run(scenario()) == [0.0, 5.0, 6.0]


def test_a_budget_is_kept_and_told_as_time_waited() -> None:
    told = Told()
    found = run(starts(limiter(told, budget=60), 60, seconds=0.0))
    assert found[:6] == [0.0] * 6
    assert found[-1] == pytest.approx(3660, abs=0.01)
    assert sum(told.waits) == pytest.approx(sum(found), abs=0.1)


def test_a_quota_in_the_headers_is_told_and_spread() -> None:
    told = Told()

    async def scenario() -> list[float]:
        one = limiter(told)
        one.on_headers({"RateLimit-Remaining": "3", "RateLimit-Reset": "20"})
        one.on_headers({"Content-Type": "application/json", "RateLimit-Remaining": "lots"})
        return await starts(one, 3)

    assert run(scenario()) == [0.0, 5.0, 10.0]
    assert told.quotas == [3.0]


async def failing(limiter: Limiter, error: Exception) -> None:
    with pytest.raises(type(error)):
        async with limiter.slot():
            await asyncio.sleep(0.1)
            raise error


@pytest.mark.parametrize(
    ("error", "limits"),
    [
        (errors.Throttled("", wait=None), [2]),
        (errors.Broken("", status=502), [2]),
        (errors.Broken("", status=503), [2]),
        (errors.Broken("", status=504), [2]),
        (errors.Unreachable("", reason="timeout"), [2]),
        (errors.Broken("", status=500), []),
        (errors.Unreachable("", reason="reset"), []),
        (errors.Refused("", status=404), []),
        (errors.Malformed("", reason="html"), []),
        (ValueError("a bug"), []),
    ],
)
def test_f16_only_what_fewer_requests_may_mend_halves_the_limit_and_once(
    error: Exception, limits: list[int]
) -> None:
    told = Told()

    async def scenario() -> None:
        one = await grown(told, most=4)
        await asyncio.gather(*(failing(one, error) for _ in range(4)))
        assert (await starts(one, 1)) == [0.0]

    run(scenario())
    assert told.limits == limits


@pytest.mark.parametrize(
    "error",
    [errors.Throttled("", wait=7.0), errors.Broken("", status=500, wait=7.0), errors.Throttled("", wait=1e9)],
)
def test_f16_a_retry_after_holds_those_who_wait_already(error: errors.Throttled | errors.Broken) -> None:
    async def scenario() -> list[float]:
        one = limiter(most=1)
        refused = asyncio.create_task(failing(one, error))
        await asyncio.sleep(0)
        found = await starts(one, 1)
        await refused
        return found

    assert run(scenario()) == [min(error.wait or 0.0, 60.0) + 0.1]


@pytest.mark.parametrize("moment", [0.05, 0.1, 0.15])
def test_a_request_that_is_cancelled_gives_its_turn_back_wherever_it_is(moment: float) -> None:
    async def scenario() -> list[float]:
        one = limiter(most=1)
        tasks = [asyncio.create_task(starts(one, 1, seconds=0.1)) for _ in range(3)]
        await asyncio.sleep(moment)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return await starts(one, 2)

    assert run(scenario()) == [0.0, 0.2]


def test_a_request_that_is_cancelled_just_when_it_had_its_turn_gives_it_back() -> None:
    async def scenario() -> list[float]:
        one = limiter(most=1)
        first = one.slot()
        await first.__aenter__()
        waiting = asyncio.create_task(starts(one, 1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await first.__aexit__(None, None, None)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await starts(one, 1)

    assert run(scenario()) == [0.0]


class Inventory:
    """An API that turns away what is over `allowed` at once; and a crawl of it through a limiter."""

    def __init__(self, allowed: int, seed: int) -> None:
        self._allowed, self._random = allowed, random.Random(seed)
        self.flying = 0
        self.answers: list[tuple[float, int]] = []  # the moment, and 1 if it was turned away

    async def page(self) -> None:
        turned_away = self.flying >= self._allowed
        self.answers.append((asyncio.get_running_loop().time(), int(turned_away)))
        if turned_away:
            await asyncio.sleep(0.001)
            raise errors.Throttled("", wait=None)
        self.flying += 1
        await asyncio.sleep(self._random.uniform(0.15, 0.25))
        self.flying -= 1

    async def read(self, limiter: Limiter, pages: int) -> None:
        left = iter(range(pages))

        async def reading() -> None:
            for _ in left:
                while not await self._got(limiter):
                    await asyncio.sleep(self._random.uniform(0, 0.5))

        await asyncio.gather(*(reading() for _ in range(16)))

    async def _got(self, limiter: Limiter) -> bool:
        try:
            async with limiter.slot():
                await self.page()
        except errors.Throttled:
            return False
        return True


@pytest.mark.parametrize("allowed", [1, 2, 3, 7])
def test_f16_after_a_minute_hardly_any_request_is_turned_away_and_few_turns_are_wasted(allowed: int) -> None:
    inventory = Inventory(allowed, seed=allowed)
    run(inventory.read(limiter(), 6000))
    began, ended = inventory.answers[0][0], inventory.answers[-1][0]
    later = [turned_away for moment, turned_away in inventory.answers if moment >= began + 60]
    assert sum(later) / len(later) <= 0.01
    assert ended - began <= 6000 * 0.2 / allowed * 1.15


def test_an_api_that_bears_sixteen_is_crawled_ten_times_as_fast_as_one_page_after_the_other() -> None:
    inventory = Inventory(100, seed=1)
    run(inventory.read(limiter(), 2500))
    assert inventory.answers[-1][0] - inventory.answers[0][0] < 2500 * 0.2 / 10


class Metered:
    """An API that allows so many requests a second, however many at once."""

    def __init__(self, rate: float) -> None:
        self._rate, self._credit, self._then = rate, 1.0, 0.0
        self.turned_away = self.pages = 0

    async def got(self, limiter: Limiter) -> bool:
        try:
            async with limiter.slot():
                await asyncio.sleep(0.02)
                now = asyncio.get_running_loop().time()
                self._credit = min(1.0, self._credit + (now - self._then) * self._rate)
                self._then = now
                if self._credit < 1:
                    self.turned_away += 1
                    raise errors.Throttled("", wait=None)
                self._credit -= 1
                self.pages += 1
        except errors.Throttled:
            return False
        return True


def test_f16_an_api_that_counts_requests_a_second_is_read_with_pauses_in_between() -> None:
    inventory = Metered(rate=5)

    async def scenario() -> float:
        one = limiter()

        async def reading() -> None:
            for _ in range(50):
                while not await inventory.got(one):
                    await asyncio.sleep(0.25)

        await asyncio.gather(*(reading() for _ in range(16)))
        return asyncio.get_running_loop().time() - 1000

    seconds = run(scenario())
    assert inventory.pages == 800
    assert inventory.turned_away < 0.15 * 800
    assert seconds < 2 * 800 / 5


def seconds_for(pages: int, most: int, workers: int, seconds: float, slower: float = 0.0) -> float:
    """How long a crawl of an API with so many workers takes; each other request makes it `slower`."""

    async def crawl() -> float:
        loop, one, at_work = asyncio.get_running_loop(), limiter(most=most), asyncio.Semaphore(workers)
        began, in_flight = loop.time(), 0

        async def page() -> None:
            nonlocal in_flight
            async with one.slot():
                in_flight += 1
                async with at_work:
                    await asyncio.sleep(seconds * (1 + slower * (in_flight - 1)))
                in_flight -= 1

        await asyncio.gather(*(page() for _ in range(pages)))
        return loop.time() - began

    return run(crawl())


@pytest.mark.parametrize("pages", [10, 50, 500, 2000])
@pytest.mark.parametrize("slower", [0.0, 0.5])
def test_an_api_that_handles_one_request_at_a_time_is_not_slower_for_what_is_tried(
    pages: int, slower: float
) -> None:
    one_at_a_time = seconds_for(pages, 1, 1, 0.05, slower)
    assert seconds_for(pages, 16, 1, 0.05, slower) <= 1.1 * one_at_a_time


@pytest.mark.parametrize("pages", [100, 500, 2500])
def test_an_api_with_sixteen_workers_is_read_six_times_as_fast_as_one_page_after_the_other(
    pages: int,
) -> None:
    assert seconds_for(pages, 16, 16, 0.2) * 6 <= pages * 0.2
