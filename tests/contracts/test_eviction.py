"""One suite for every eviction policy, and model-based tests."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_service.eviction.gdsf import GdsfPolicy
from cache_service.eviction.lru import LruPolicy
from cache_service.eviction.registry import POLICIES
from cache_service.eviction.s3fifo import S3FifoPolicy


@pytest.fixture(params=POLICIES.values(), ids=list(POLICIES))
def policy(request):
    return request.param()


def test_an_empty_policy_has_no_victim(policy):
    assert policy.victim() is None
    policy.forget(1)
    policy.record_hit(1)
    assert policy.victim() is None
    assert policy.priority(1) is None


def test_a_victim_is_tracked_until_it_is_forgotten(policy):
    policy.admit(1, 10, 1.0)
    assert policy.victim() == policy.victim() == 1
    assert policy.priority(1) is not None
    policy.forget(1)
    assert policy.victim() is None


def test_admitting_again_starts_anew_and_stays_one(policy):
    for _ in range(3):
        policy.admit(1, 10, 1.0)
        policy.record_hit(1)
    policy.forget(1)
    assert policy.victim() is None


def test_what_is_used_outlives_what_is_not(policy):
    for key in range(1, 51):
        policy.admit(key, 100, 1.0)
        policy.record_hit(1), policy.record_hit(1)
    evicted = []
    for _ in range(49):
        evicted.append(policy.victim())
        policy.forget(evicted[-1])
    assert 1 not in evicted and len(set(evicted)) == 49


steps = st.lists(
    st.tuples(
        st.sampled_from(["admit", "hit", "forget", "evict"]),
        st.integers(1, 10),
        st.integers(1, 1000),
        st.floats(0, 10),
    ),
    max_size=80,
)


@pytest.mark.parametrize("make", POLICIES.values(), ids=list(POLICIES))
@given(steps)
def test_victims_are_always_tracked_keys(make, todo):
    policy, tracked = make(), set()
    for action, key, size, cost in todo:
        if action == "admit":
            if policy.admit(key, size, cost):
                tracked.add(key)
        elif action == "hit":
            policy.record_hit(key)
        elif action == "forget":
            policy.forget(key)
            tracked.discard(key)
        elif tracked:
            victim = policy.victim()
            policy.compact()
            assert victim in tracked and victim == policy.victim()
            policy.forget(victim)
            tracked.discard(victim)
        assert (policy.victim() in tracked) if tracked else policy.victim() is None
        assert all((policy.priority(each) is not None) == (each in tracked) for each in range(1, 11))


@given(steps)
def test_lru_is_the_order_of_use(todo):
    policy, order = LruPolicy(), []
    for action, key, size, cost in todo:
        if action == "admit" or (action == "hit" and key in order):
            order = [each for each in order if each != key] + [key]
        if action == "admit":
            policy.admit(key, size, cost)
        elif action == "hit":
            policy.record_hit(key)
        elif action == "forget" or (action == "evict" and order):
            gone = key if action == "forget" else policy.victim()
            assert action == "forget" or gone == order[0]
            policy.forget(gone)
            order = [each for each in order if each != gone]


@given(steps)
def test_gdsf_is_exactly_its_formula(todo):
    policy, inflation, model = GdsfPolicy(), 0.0, {}  # key -> [frequency, density, priority]
    for action, key, size, cost in todo:
        if action == "admit":
            policy.admit(key, size, cost)
            density = max(0.01, cost * 1000) / size
            model[key] = [1, density, inflation + density]
        elif action == "hit":
            policy.record_hit(key)
            if key in model:
                model[key][0] += 1
                model[key][2] = inflation + model[key][0] * model[key][1]
        elif action == "forget":
            policy.forget(key)
            model.pop(key, None)
        elif model:
            victim = policy.victim()
            least = min(entry[2] for entry in model.values())
            assert model[victim][2] == least
            inflation = max(inflation, least)
            policy.forget(victim)
            del model[victim]
        assert {each: policy.priority(each) for each in model} == {
            each: entry[2] for each, entry in model.items()
        }


def test_gdsf_keeps_no_heap_of_the_dead():
    policy = GdsfPolicy()
    for key in range(1, 100_000):
        policy.admit(key, 100, 1.0)
        policy.forget(key)  # as expiry does: never a victim
    assert sum(map(len, policy._heaps)) < 10_000
    assert len(policy._priority) == 1


def test_s3_fifo_lets_a_scan_pass_by():
    policy = S3FifoPolicy()
    for key in range(1, 101):
        policy.admit(key, 1, 1.0)
        for _ in range(3):
            policy.record_hit(key)
    lost = 0
    for key in range(1000, 2000):
        policy.admit(key, 1, 1.0)
        victim = policy.victim()
        policy.forget(victim)
        lost += victim < 100
    assert lost <= 10, "a tenth is the small queue's share"


def test_s3_fifo_remembers_what_it_let_go():
    policy = S3FifoPolicy()
    for key in range(1, 101):
        policy.admit(key, 1, 1.0)
    victim = policy.victim()
    policy.forget(victim)
    policy.admit(victim, 1, 1.0)
    assert policy.priority(victim) > 3, "straight to the main queue"


@pytest.mark.parametrize("cost", [float("inf"), float("nan"), -1.0, 1e308])
def test_the_wire_tames_costs(cost):
    from cache_service.services.wire import result_from_wire
    from metaextract.cache.v1 import result_pb2

    assert 0 <= result_from_wire(result_pb2.ResultEntry(cost_seconds=cost)).cost_seconds <= 86_400
