import random

from hypothesis import given
from hypothesis import strategies as st

from cache_service.entries.fingerprints import FingerprintMap
from cache_service.eviction.heap import SlotHeap

# Few shards and few homes, so that keys collide: the lower ten bits choose the shard, those above the place.
keys = st.builds(
    lambda low, high: (high << 10 | low) or 1,
    st.sampled_from([0, 1]),
    st.integers(0, 2**54 - 1) | st.integers(0, 40),
)


@given(
    st.lists(st.tuples(st.sampled_from(["set", "pop", "get"]), keys, st.integers(0, 2**64 - 1)), max_size=200)
)
def test_it_is_a_dictionary(steps):
    ours, model = FingerprintMap(), {}
    for action, key, value in steps:
        if action == "set":
            ours.set(key, value)
            model[key] = value
        elif action == "pop":
            assert ours.pop(key) == model.pop(key, None)
        assert ours.get(key) == model.get(key)
        assert len(ours) == len(model)
    assert dict(ours.items()) == model


def test_it_shrinks_again():
    ours = FingerprintMap()
    rng = random.Random(3)
    added = [rng.getrandbits(64) or 1 for _ in range(100_000)]
    for number, key in enumerate(added):
        ours.set(key, number)
    assert all(ours.get(key) == number for number, key in enumerate(added))
    for key in added[50:]:
        ours.pop(key)
    assert sorted(ours.items()) == sorted((key, number) for number, key in enumerate(added[:50]))
    assert sum(len(shard.keys) for shard in ours._shards) < 20_000


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.floats(0, 100)),
            st.tuples(st.sampled_from(["pop", "replace"]), st.floats(0, 100)),
        )
    )
)
def test_the_heap_has_the_least_on_top(steps):
    heap, model = SlotHeap(), []
    for number, (action, priority) in enumerate(steps):
        if action == "push" or not model:
            heap.push(priority, number)
            model.append((priority, number))
        else:
            top = (heap.priority(), heap.slot())
            model.remove(top)
            if action == "pop":
                heap.pop()
            else:
                heap.replace(priority, number)
                model.append((priority, number))
        assert len(heap) == len(model)
        if model:
            assert heap.priority() == min(model)[0] and (heap.priority(), heap.slot()) in model
