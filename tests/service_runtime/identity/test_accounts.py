"""Accounts of tenants: minute buckets, debts of CPU, bytes in flight. Time is passed in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_runtime.errors import QuotaExceededError, to_trailers
from service_runtime.identity.access_file import NO_QUOTA, Quota
from service_runtime.identity.accounts import Accounts


def accounts(now, **quota):
    quotas = {"free": NO_QUOTA}
    return Accounts(lambda tenant: quotas.get(tenant, Quota(**quota)), clock=lambda: now[0])


def test_a_minute_s_requests_then_a_delay_that_is_enough():
    now = [0.0]
    book = accounts(now, requests_per_minute=60)
    for _ in range(60):
        book.admit("acme")
    with pytest.raises(QuotaExceededError) as caught:
        book.admit("acme")
    book.admit("other")
    now[0] += caught.value.retry_after_seconds
    book.admit("acme")
    for _ in range(1000):
        book.admit("free")


def test_cpu_is_charged_afterwards_and_a_debt_is_waited_off():
    now = [0.0]
    book = accounts(now, cpu_seconds_per_minute=6)
    book.admit("acme")
    book.charge_cpu("acme", 9.0)
    with pytest.raises(QuotaExceededError) as caught:
        book.admit("acme")
    assert caught.value.retry_after_seconds == pytest.approx(30, abs=0.1)
    now[0] += 31
    book.admit("acme")


def test_bytes_in_flight_are_one_tenant_s_and_one_file_is_never_too_large():
    book = accounts([0.0], inflight_bytes=100)
    with book.hold("acme", "parse", 500):
        with pytest.raises(QuotaExceededError), book.hold("acme", "parse", 1):
            pass
        with book.hold("other", "parse", 50), book.hold("other", "parse", 50):
            pass
    with book.hold("acme", "parse", 60), book.hold("acme", "parse", 40):
        pass


def test_a_refusal_carries_a_quota_failure_and_a_delay():
    from google.rpc import error_details_pb2, status_pb2

    trailers = dict(to_trailers(QuotaExceededError("tenant:acme", "requests a minute", 1.5), "id"))
    assert trailers["grpc-retry-pushback-ms"] == "1500"
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    failure = error_details_pb2.QuotaFailure()
    assert any(detail.Unpack(failure) for detail in status.details)
    assert failure.violations[0].subject == "tenant:acme"


@given(st.lists(st.tuples(st.floats(0, 5), st.booleans()), max_size=200))
def test_never_more_than_the_quota_in_any_span(steps):
    """In any span of s seconds at most a minute's worth and s/60 more are admitted."""
    now, admitted = [0.0], []
    book = accounts(now, requests_per_minute=10)
    for pause, _ in steps:
        now[0] += pause
        try:
            book.admit("acme")
            admitted.append(now[0])
        except QuotaExceededError:
            pass
    for index, start in enumerate(admitted):
        for count, end in enumerate(admitted[index:], start=1):
            assert count <= 10 + (end - start) * 10 / 60 + 1e-6


def test_another_quota_counts_at_once_and_what_is_in_flight_goes_on_counting():
    quotas = [Quota(inflight_bytes=100)]
    accounts = Accounts(lambda tenant: quotas[0])
    with accounts.hold("a", "parse", 90):
        quotas[0] = Quota(inflight_bytes=100, requests_per_minute=1)
        with pytest.raises(QuotaExceededError), accounts.hold("a", "parse", 20):
            pass
    accounts.admit("a")
    with pytest.raises(QuotaExceededError):
        accounts.admit("a")
    with accounts.hold("a", "parse", 95), pytest.raises(QuotaExceededError), accounts.hold("a", "parse", 20):
        pass
    with accounts.hold("a", "parse", 5), accounts.hold("a", "parse", 20):
        pass
