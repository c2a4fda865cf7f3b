from __future__ import annotations

import asyncio

import grpc
import pytest

from metaextract_client.errors import DeadlineError, InvalidRequestError, OverloadedError, UnavailableError
from metaextract_client.retry import AdaptiveThrottle, Retrier, RetryBudget, RetryPolicy


def overloaded(seconds=None):
    error = OverloadedError("busy", grpc.StatusCode.RESOURCE_EXHAUSTED)
    if seconds is not None:
        error.retry_after_seconds, error.is_advised = seconds, True
    return error


def unavailable():
    return UnavailableError("gone", grpc.StatusCode.UNAVAILABLE)


DEFAULT = RetryPolicy()


class Server:
    """Fails by a list, then answers; time passes only in sleeps."""

    def __init__(self, monkeypatch, *failures, policy=DEFAULT):
        self.failures, self.calls, self.slept, self.now = list(failures), [], [], 0.0
        monkeypatch.setattr("metaextract_client.retry.time.sleep", self.sleep)
        self.retrier = Retrier(policy, clock=lambda: self.now, draw=lambda: 0.5)

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def call(self, remaining):
        self.calls.append(remaining)
        if self.failures:
            raise self.failures.pop(0)
        return "done"

    def run(self, timeout=60.0, **options):
        return self.retrier.run(self.call, timeout, **options)


def test_the_server_s_delay_is_obeyed_to_the_millisecond(monkeypatch):
    server = Server(monkeypatch, overloaded(3.217), overloaded(0.5))
    assert server.run() == "done" and server.slept == [3.217, 0.5]
    assert server.calls == pytest.approx([60, 56.783, 56.283])


def test_other_failures_wait_longer_each_time(monkeypatch):
    server = Server(monkeypatch, *(unavailable() for _ in range(4)))
    assert server.run() == "done" and server.slept == pytest.approx([0.2, 0.4, 0.8, 1.6])


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequestError("x", grpc.StatusCode.INVALID_ARGUMENT),
        DeadlineError("x", grpc.StatusCode.DEADLINE_EXCEEDED),
        overloaded(-1),
    ],
)
def test_what_can_t_succeed_is_not_tried_again(monkeypatch, error):
    server = Server(monkeypatch, error)
    with pytest.raises(type(error)):
        server.run()
    assert len(server.calls) == 1


def test_attempts_end_and_so_does_the_deadline(monkeypatch):
    server = Server(monkeypatch, *(overloaded(0.1) for _ in range(9)))
    with pytest.raises(OverloadedError):
        server.run()
    assert len(server.calls) == 5
    server = Server(monkeypatch, overloaded(10))
    with pytest.raises(OverloadedError):
        server.run(timeout=5)
    assert server.slept == [], "no sleep beyond the deadline"


def test_what_can_t_be_sent_again_is_not(monkeypatch):
    server = Server(monkeypatch, overloaded(0.1))
    with pytest.raises(OverloadedError):
        server.run(repeatable=False)


def test_a_dying_server_is_not_buried_in_second_attempts(monkeypatch):
    server = Server(monkeypatch, *(unavailable() for _ in range(1000)), policy=RetryPolicy(throttles=False))
    for _ in range(100):
        with pytest.raises(UnavailableError):
            server.run()
    assert len(server.calls) <= 106, "100 calls and the five that half a budget allows"
    server.failures.clear()
    for _ in range(80):
        server.run()
    server.failures.append(unavailable())
    before = len(server.calls)
    assert server.run() == "done" and len(server.calls) == before + 2, "successes have paid for it"


def test_the_budget_is_a_bucket():
    budget = RetryBudget(10)
    for _ in range(4):
        budget.record_failure()
    assert budget.allows
    budget.record_failure()
    assert not budget.allows
    for _ in range(11):
        budget.record_success()
    assert budget.allows


def test_most_calls_refused_means_some_are_refused_here(monkeypatch):
    throttle = AdaptiveThrottle()
    for second in range(100):
        throttle.record(second, accepted=second % 2 == 0)
    assert throttle.refusal_ratio(100) == 0, "half accepted is no reason"
    throttle = AdaptiveThrottle()
    for second in range(100):
        throttle.record(second, accepted=second % 10 == 0)
    assert throttle.refusal_ratio(100) == pytest.approx(80 / 101)
    assert throttle.refusal_ratio(300) == 0, "two minutes later it is forgotten"
    server = Server(monkeypatch, *(overloaded(-1) for _ in range(40)))
    for _ in range(40):
        with pytest.raises(OverloadedError):
            server.run()
    assert 20 <= len(server.calls) < 25, "after twenty refusals in a row nearly all end here"
    with pytest.raises(OverloadedError) as caught:
        server.run()
    assert caught.value.reason == "CLIENT_THROTTLED"


def test_an_outage_is_no_reason_to_refuse_afterwards(monkeypatch):
    policy = RetryPolicy(max_attempts=1)
    server = Server(monkeypatch, *(unavailable() for _ in range(1000)), policy=policy)
    for _ in range(1000):
        with pytest.raises(UnavailableError):
            server.run()
    assert server.run() == "done" and server.retrier.throttle.refusal_ratio(server.now) == 0


def test_what_is_refused_here_never_is_all():
    throttle = AdaptiveThrottle()
    for _ in range(10_000):
        throttle.record(0, accepted=False)
    assert throttle.refusal_ratio(1) == 0.9


def test_a_message_too_large_and_an_absurd_delay_end_the_call(monkeypatch):
    too_large = OverloadedError(
        "CLIENT: Sent message larger than max (5 vs. 4)", grpc.StatusCode.RESOURCE_EXHAUSTED
    )
    for error in (too_large, overloaded(1e6)):
        server = Server(monkeypatch, error)
        with pytest.raises(OverloadedError):
            server.run(timeout=None)
        assert len(server.calls) == 1 and server.slept == []


async def test_the_asynchronous_way_is_the_same():
    failures = [overloaded(0.01), overloaded(0.01)]

    async def call(remaining):
        await asyncio.sleep(0)
        if failures:
            raise failures.pop()
        return remaining

    assert await Retrier().run_async(call, None) is None
