from __future__ import annotations

import asyncio
import random

import pytest

from extractor_service.backoff.limiter import Limiter
from extractor_service.backoff.policy import POLICIES, Decision, make_policy
from extractor_service.backoff.state import BackoffState
from extractor_service.backoff.view import SILENCE_SECONDS, PressureView
from service_runtime.errors import OverloadedError
from service_runtime.memory.levels import PressureLevel

NORMAL, ELEVATED, HIGH, CRITICAL = PressureLevel


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("configured", [1, 2, 7, 100])
def test_every_policy_allows_something_and_never_more_at_a_worse_level(name, configured):
    policy = make_policy(name, 1000)
    allowed = [policy.decide(level, configured).concurrency for level in PressureLevel]
    assert allowed == sorted(allowed, reverse=True) and allowed[-1] >= 1 and allowed[0] == configured
    assert all(policy.decide(level, configured).retry_after_seconds > 0 for level in PressureLevel)


def test_the_table_of_the_design():
    policy = make_policy("proportional", 1000)
    assert [policy.decide(level, 100).concurrency for level in PressureLevel] == [100, 75, 50, 1]
    assert [policy.decide(level, 100).refuse_above_bytes for level in PressureLevel] == [
        None,
        None,
        None,
        1000,
    ]


def test_silence_is_one_level_worse_once_then_only_own_signals():
    view = PressureView()
    assert view.level(0) is NORMAL, "a cache never heard of may not exist"
    view.hear(0, HIGH, 6)
    assert view.level(6) is HIGH
    assert view.level(7) is CRITICAL and view.level(SILENCE_SECONDS) is CRITICAL
    assert view.cache_level(SILENCE_SECONDS + 1) is None
    assert view.level(SILENCE_SECONDS + 1) is ELEVATED, (
        "a cache that died at CRITICAL must not freeze the fleet"
    )
    view.local_level = HIGH
    assert view.level(SILENCE_SECONDS + 1) is HIGH
    view.hear(100, NORMAL, 6)
    assert view.level(101) is HIGH, "the worse of both"
    view.local_level = NORMAL
    assert view.level(101) is NORMAL


class Limit:
    """A decision that the test changes."""

    def __init__(self, concurrency, refuse_above=None):
        self.decision = Decision(concurrency, refuse_above, 1.0)

    def __call__(self):
        return self.decision


def make_limiter(limit, queue=2, wait=0.1):
    return Limiter(limit, max_queue=queue, max_wait_seconds=wait, jitter=random.Random(1))


async def test_no_more_run_than_are_allowed():
    limiter, peak = make_limiter(Limit(3), queue=100, wait=10), 0

    async def work():
        nonlocal peak
        async with limiter.slot():
            peak = max(peak, limiter.in_flight)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(work() for _ in range(50)))
    assert peak == 3 and limiter.in_flight == 0 and limiter.queued == 0


async def test_a_full_queue_and_a_long_wait_are_refused_with_a_spread_delay():
    limiter = make_limiter(Limit(1))
    delays = []
    async with limiter.slot():

        async def late():
            try:
                async with limiter.slot():
                    raise AssertionError("must not run")
            except OverloadedError as error:
                delays.append(error.retry_after_seconds)

        await asyncio.gather(*(late() for _ in range(20)))
    assert len(delays) == 20 == limiter.refused_total
    assert min(delays) >= 0.75 and max(delays) <= 1.5 and len(set(delays)) == 20
    async with limiter.slot():
        pass


async def test_a_waiter_takes_the_place_that_becomes_free_in_order():
    limiter, order = make_limiter(Limit(1), queue=10, wait=5), []

    async def work(number):
        async with limiter.slot():
            order.append(number)
            await asyncio.sleep(0.001)

    await asyncio.gather(*(work(number) for number in range(8)))
    assert order == list(range(8))


async def test_cancelled_waiters_and_workers_leave_nothing_behind():
    limiter = make_limiter(Limit(1), queue=10, wait=5)

    async def work():
        async with limiter.slot():
            await asyncio.sleep(10)

    tasks = [asyncio.create_task(work()) for _ in range(5)]
    await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (limiter.in_flight, limiter.queued) == (0, 0)


async def test_a_better_decision_lets_waiters_in():
    limit = Limit(1)
    limiter = make_limiter(limit, queue=10, wait=5)
    running = asyncio.Event()

    async def work():
        async with limiter.slot():
            running.set()

    async with limiter.slot():
        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        assert not running.is_set()
        limit.decision = Decision(2, None, 1.0)
        limiter.wake()
        await asyncio.wait_for(task, 1)


async def test_large_files_are_refused_by_size():
    limiter = make_limiter(Limit(1, refuse_above=1000))
    limiter.check_size(1000)
    with pytest.raises(OverloadedError, match="above 1000 bytes"):
        limiter.check_size(1001)


async def test_the_terms_name_what_binds():
    state = BackoffState(
        make_policy("proportional", 1), 4, max_queue=1, max_wait_seconds=1, clock=lambda: 0.0
    )
    assert [(term.name, term.limit, term.binding) for term in state.terms()] == [
        ("configured", 4, True),
        ("pressure", 4, False),
    ]
    state.view.hear(0, CRITICAL, 6)
    assert [(term.name, term.limit, term.binding) for term in state.terms()] == [
        ("configured", 4, False),
        ("pressure", 1, True),
    ]
