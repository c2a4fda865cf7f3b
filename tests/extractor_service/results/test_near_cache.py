import pytest

from extractor_service.results.keys import ModuleKey
from extractor_service.results.near_cache import Copy, NearCache
from metaextract.cache.v1 import result_pb2


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def keys(number, module="m"):
    return (ModuleKey(f"b3:{number}", module, "1", ""), ModuleKey(f"b3:{number}", "other", "1", ""))


def point(revision, log_id="log"):
    return result_pb2.InvalidationPoint(log_id=log_id, revision=revision)


def news(revision, log_id="log", *, reset=False, **selector):
    return result_pb2.WatchInvalidationsResponse(
        point=point(revision, log_id), reset=reset, valid_for_seconds=6,
        selector=result_pb2.InvalidateResultsRequest(**selector) if selector else None,
    )  # fmt: skip


def put(near, names, value, point, seconds):
    near.put(names, Copy(value, names, 0.0, sum(map(len, value))), point, seconds)


def got(near, names):
    copy = near.get(names)
    return None if copy is None else copy.value


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def near(clock):
    made = NearCache(100_000, clock=clock)
    made.hear(news(5))
    put(made, keys(1), (b"a", b"b"), point(5), 1000)
    return made


def test_it_answers_all_or_nothing(near):
    assert got(near, keys(1)) == (b"a", b"b") and near.hits == 1
    assert near.get(keys(2)) is None and near.get(keys(1)[:1]) is None


def test_nothing_is_kept_before_the_log_is_followed(clock):
    near = NearCache(100_000, clock=clock)
    put(near, keys(1), (b"a", b"b"), point(5), 1000)
    assert near.get(keys(1)) is None and near.used_bytes == 0


def test_silence_drops_everything(near, clock):
    clock.now += 5.9
    assert near.get(keys(1)) is not None
    clock.now += 0.2
    assert near.get(keys(1)) is None
    near.hear(news(5))
    assert near.get(keys(1)) is None, "dropped, not hidden"


@pytest.mark.parametrize(
    "heard",
    [news(6, reset=True), news(5, "another log"), news(4), news(6, content_id="b3:1"), news(6, module="other", version="1"),
     news(6, tag="t"), news(6, source_prefix="file:///")],
    ids=["reset", "other log", "log went back", "content", "module", "tag", "prefix"],
)  # fmt: skip
def test_what_makes_it_forget(near, heard):
    near.hear(heard)
    assert near.get(keys(1)) is None


def test_other_invalidations_leave_it_alone(near):
    near.hear(news(6, content_id="b3:2"))
    near.hear(news(7, module="m", version="2"))
    near.hear(news(7))
    assert got(near, keys(1)) == (b"a", b"b")


def test_a_fill_that_an_invalidation_overtook_is_refused(near):
    near.hear(news(6, content_id="b3:2"))
    put(near, keys(2), (b"old", b"old"), point(5), 1000)
    assert near.get(keys(2)) is None
    put(near, keys(2), (b"new", b"new"), point(6), 1000)
    assert near.get(keys(2)) is not None
    put(near, keys(3), (b"x", b"x"), point(6, "another log"), 1000)
    assert near.get(keys(3)) is None


def test_results_expire(near, clock):
    put(near, keys(2), (b"x", b"y"), point(5), 2)
    clock.now += 3
    assert near.get(keys(2)) is None and near.get(keys(1)) is not None


def test_it_is_bounded_in_bytes_and_drops_what_was_not_used(clock):
    near = NearCache(20_000, clock=clock)
    near.hear(news(0))
    for number in range(100):
        put(near, keys(number), (bytes(500), bytes(500)), point(0), 1000)
        near.get(keys(0))
        assert near.used_bytes <= 20_000
    assert near.get(keys(0)) is not None and near.get(keys(1)) is None
    put(near, keys(1000), (bytes(5000), b""), point(0), 1000)
    assert near.get(keys(1000)) is None, "one file doesn't push out all others"


def test_pressure_drops_it_first(clock):
    pressed = [False]
    near = NearCache(100_000, lambda: pressed[0], clock)
    near.hear(news(0))
    put(near, keys(1), (b"a", b"b"), point(0), 1000)
    pressed[0] = True
    assert near.get(keys(1)) is None and near.used_bytes == 0
    put(near, keys(1), (b"a", b"b"), point(0), 1000)
    pressed[0] = False
    assert near.get(keys(1)) is None


def test_a_lost_watch_drops_it(near):
    near.disconnect()
    assert near.get(keys(1)) is None
    put(near, keys(1), (b"a", b"b"), point(5), 1000)
    assert near.get(keys(1)) is None


def test_refreshing_a_content_drops_whatever_was_made_of_it(near, clock):
    shared = ("a document", "of two contents")
    near.put(shared, Copy(b"x", (keys(1)[0], keys(2)[0]), 0.0, 1), point(5), 1000)
    put(near, keys(3), (b"a", b"b"), point(5), 1000)
    near.forget([keys(2)[0]])
    assert near.get(shared) is None and near.get(keys(1)) is not None
    near.forget(keys(1))
    near.forget(keys(1))
    assert near.get(keys(1)) is None and near.get(keys(3)) is not None
    near.hear(news(6, content_id="b3:3", module="m"))
    assert near.get(keys(3)) is None and near.used_bytes == 0 and not near._of_content
