"""One suite for every eviction policy, and a model-based test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_service.entry import Key
from cache_service.eviction.lru import LruPolicy


def key(number: int) -> Key:
    return Key("s", str(number), "m", "v", "")


@pytest.fixture(params=[LruPolicy], ids=lambda kind: kind.__name__)
def policy(request):
    return request.param()


def test_an_empty_policy_has_no_victim(policy):
    assert policy.victim() is None
    policy.forget(key(1))
    policy.record_hit(key(1))
    assert policy.victim() is None


def test_a_victim_is_tracked_until_it_is_forgotten(policy):
    policy.admit(key(1), 10, 1.0)
    assert policy.victim() == policy.victim() == key(1)
    policy.forget(key(1))
    assert policy.victim() is None


operations = st.lists(st.tuples(st.sampled_from(["admit", "hit", "forget", "evict"]), st.integers(0, 9)))


@given(operations)
def test_victims_are_always_tracked_keys(steps):
    policy, tracked = LruPolicy(), []
    for action, number in steps:
        if action == "admit" and policy.admit(key(number), 1, 1.0):
            tracked = [each for each in tracked if each != number] + [number]
        elif action == "hit":
            policy.record_hit(key(number))
            if number in tracked:
                tracked = [each for each in tracked if each != number] + [number]
        elif action == "forget":
            policy.forget(key(number))
            tracked = [each for each in tracked if each != number]
        elif action == "evict" and tracked:
            assert policy.victim() == key(tracked[0])
            policy.forget(key(tracked.pop(0)))
        assert (policy.victim() is None) == (not tracked)
