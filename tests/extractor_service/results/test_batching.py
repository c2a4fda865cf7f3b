"""Joined calls: nobody waits alone, nobody gets another's answer, nobody pays for another's end."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from extractor_service.results.batching import Coalescer


class Line:
    """Remembers what was sent together; answers when told to."""

    def __init__(self) -> None:
        self.calls: list[list[int]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def send(self, items):
        self.calls.append(list(items))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [item * 10 for item in items]


async def ask(coalescer, *items):
    answer, start = await coalescer.submit(items)
    return answer[start : start + len(items)]


async def test_the_first_leaves_at_once_and_the_others_together():
    line = Line()
    coalescer = Coalescer(line.send)
    tasks = [asyncio.create_task(ask(coalescer, number, number + 100)) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    line.gate.set()
    answers = await asyncio.gather(*tasks)
    assert answers == [[number * 10, number * 10 + 1000] for number in range(5)]
    assert len(line.calls) <= 2 and sum(map(len, line.calls)) == 10


async def test_a_batch_has_a_limit_but_a_large_item_goes_alone():
    line = Line()
    line.gate.set()
    coalescer = Coalescer(line.send, max_weight=3)
    answers = await asyncio.gather(*(ask(coalescer, *range(count)) for count in (2, 2, 7, 1)))
    assert [len(answer) for answer in answers] == [2, 2, 7, 1]
    assert max(map(len, line.calls)) == 7 and all(len(call) <= 3 or len(call) == 7 for call in line.calls)


async def test_an_error_reaches_all_who_asked_and_the_next_are_served():
    line = Line()
    line.gate.set()
    line.error = ConnectionError("gone")
    coalescer = Coalescer(line.send)
    results = await asyncio.gather(ask(coalescer, 1), ask(coalescer, 2), return_exceptions=True)
    assert [str(result) for result in results] == ["gone", "gone"]
    line.error = None
    assert await ask(coalescer, 3) == [30]


async def test_a_caller_that_gives_up_costs_nobody_else():
    line = Line()
    coalescer = Coalescer(line.send)
    first, second, third = (asyncio.create_task(ask(coalescer, number)) for number in (1, 2, 3))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    line.gate.set()
    assert await third == [30]
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await ask(coalescer, 4) == [40]


async def test_company_is_waited_for_only_when_told_so():
    line = Line()
    line.gate.set()
    coalescer = Coalescer(line.send, linger_seconds=lambda: 0.02)
    answers = await asyncio.gather(*(ask(coalescer, number) for number in range(4)))
    assert answers == [[0], [10], [20], [30]] and len(line.calls) == 1


async def test_who_asks_again_at_once_is_not_forgotten():
    line = Line()
    line.gate.set()
    coalescer = Coalescer(line.send)
    async with asyncio.timeout(5):
        assert [await ask(coalescer, number) for number in range(5)] == [[0], [10], [20], [30], [40]]


async def test_each_call_runs_in_the_context_of_the_first_who_asked():
    who = contextvars.ContextVar("who", default="nobody")
    callers, gate = [], asyncio.Event()

    async def send(items):
        callers.append(who.get())
        await gate.wait()
        return list(items)

    coalescer = Coalescer(send)

    async def caller(name):
        who.set(name)
        await coalescer.submit([name])

    first = asyncio.create_task(caller("first"))
    while not callers:
        await asyncio.sleep(0)
    others = [asyncio.create_task(caller(name)) for name in ("second", "third")]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(first, *others)
    assert callers == ["first", "second"]


async def test_answers_of_those_who_left_are_handed_over():
    line, unclaimed = Line(), []
    coalescer = Coalescer(
        line.send, on_unclaimed=lambda items, answer, start: unclaimed.append((list(items), answer[start]))
    )
    first = asyncio.create_task(ask(coalescer, 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()  # while its call is under way
    await asyncio.gather(first, return_exceptions=True)
    line.gate.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert unclaimed == [([1], 10)]
    assert await ask(coalescer, 2) == [20] and len(unclaimed) == 1


async def test_who_waits_too_long_is_told_and_its_answer_is_given_back():
    line, unclaimed = Line(), []
    coalescer = Coalescer(line.send, on_unclaimed=lambda items, answer, start: unclaimed.append(items))
    with pytest.raises(TimeoutError):
        await coalescer.submit([1], 0.01)
    line.gate.set()
    assert await ask(coalescer, 2) == [20]
    assert unclaimed == [[1]]
