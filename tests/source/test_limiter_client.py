"""The client's pace against servers on real sockets."""

from __future__ import annotations

import asyncio

import pytest

from exporter import errors
from exporter.client import Client
from tests.source.servers import Server, Told, asking, says, serving, whole

BUSY = whole(status="429 Too Many Requests")


class Crowd:
    """A script that bears so many requests at once and turns away the others."""

    def __init__(self, allowed: int, seconds: float) -> None:
        self._allowed, self._seconds = allowed, seconds
        self._flying = 0
        self.turned_away: list[int] = []  # 1 or 0 for every request

    async def __call__(self, server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        self.turned_away.append(int(self._flying >= self._allowed))
        if self.turned_away[-1]:
            writer.write(BUSY)
            return
        self._flying += 1
        await asyncio.sleep(self._seconds)
        self._flying -= 1
        writer.write(whole())


async def read(client: Client, url: str, pages: int, width: int = 16) -> None:
    left = iter(range(pages))

    async def reading() -> None:
        for number in left:
            await client.get(url, (("offset", str(number)),))

    await asyncio.gather(*(reading() for _ in range(width)))


async def test_f16_a_server_that_allows_three_at_a_time_turns_away_hardly_any_request() -> None:
    told, crowd = Told(), Crowd(3, 0.002)
    async with serving(crowd) as server, asking(server.url, told, retries=3) as client:
        await read(client, server.url, 3000)
    later = crowd.turned_away[300:]  # the first minute of a server that takes 0.6 s
    assert sum(later) / len(later) <= 0.02
    assert told.codes["200"] == 3000
    assert told.codes["429"] == told.failures["throttled"] == sum(crowd.turned_away)
    assert told.limits[0] == 1
    assert max(told.limits) <= 5


async def test_f16_a_wait_that_a_server_asks_for_is_kept_by_every_request() -> None:
    loop = asyncio.get_running_loop()
    moments: list[float] = []
    first = whole(b"", "Retry-After: 0.3", status="503 Service Unavailable")

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        moments.append(loop.time())
        writer.write(whole() if len(moments) > 1 else first)

    async with serving(script) as server, asking(server.url, limits={"concurrency": 1}) as client:
        await asyncio.gather(*(client.get(server.url, ()) for _ in range(3)))
    assert len(moments) == 4
    assert min(moments[1:]) - moments[0] >= 0.3


async def test_f17_a_failing_api_is_not_asked_again_without_end() -> None:
    told = Told()
    caught: list[str] = []
    async with serving(says(whole(status="500 Oops"))) as server:
        async with asking(server.url, told, retries=3) as client:
            for _ in range(50):
                with pytest.raises(errors.Broken) as error:
                    await client.get(server.url, ())
                caught.append(str(error.value))
    assert "not tried again" not in caught[0]
    assert "not tried again" in caught[-1]
    assert "500" in caught[-1]
    # twenty, and one for every five requests; few more come back with time
    assert 30 <= told.retries <= 35
    assert len(server.heads) == 50 + told.retries


async def test_a_budget_counts_every_request_to_the_api_redirects_and_retries_too() -> None:
    told = Told()
    answers = (
        whole(b"", "Location: /there", status="302 Found"),
        whole(status="500 Oops"),
        whole(b"", "Location: /there", status="302 Found"),
        whole(),
    )
    async with serving(says(*answers)) as server:
        async with asking(server.url, told, requests_per_hour=60, follow_redirects=True) as client:
            await client.get(server.url, ())
            await client.get(server.url, ())
            last = await client.get(server.url, ())
            assert last.status == 200
            seventh = asyncio.create_task(client.get(server.url, ()))
            await asyncio.sleep(0.05)
            assert not seventh.done()
            seventh.cancel()
            with pytest.raises(asyncio.CancelledError):
                await seventh
    assert len(server.heads) == 6
    assert told.waits[:6] == pytest.approx([0.0] * 6, abs=0.01)


@pytest.mark.parametrize("status", ["200 OK", "429 Too Many Requests"])
async def test_what_an_api_says_of_its_quota_is_told_whatever_the_answer(status: str) -> None:
    told = Told()
    answer = whole(b"[]", "X-RateLimit-Limit: 100", "X-RateLimit-Remaining: 60", status=status)
    async with serving(says(answer, whole())) as server, asking(server.url, told) as client:
        await client.get(server.url, ())
    assert told.quotas == [60.0]


async def test_a_quota_that_runs_out_slows_the_requests_down() -> None:
    told, left = Told(), [3]

    async def script(server: Server, head: str, writer: asyncio.StreamWriter) -> None:
        left[0] -= 1
        writer.write(whole(b"[]", f'RateLimit: "hour";r={max(0, left[0])};t={1 if left[0] else 0}'))

    async with serving(script) as server, asking(server.url, told) as client:
        for _ in range(3):
            await client.get(server.url, ())
    assert told.quotas == [2.0, 1.0, 0.0]
    assert sum(told.waits) > 0.7
