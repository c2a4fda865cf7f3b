"""The three services over gRPC, in the shared cache process."""

import grpc
import pytest

from metaextract.cache.v1 import pressure_pb2, result_pb2, result_pb2_grpc
from metaextract_client import InvalidRequestError
from tests.support.processes import wait_until

pytestmark = pytest.mark.servers


def key(content, module="m"):
    return result_pb2.ResultKey(space="verified", content_id=content, module=module, version="1")


@pytest.fixture
def results(cache_process):
    with grpc.insecure_channel(cache_process.address) as channel:
        yield result_pb2_grpc.ResultServiceStub(channel)


def test_put_get_invalidate(cache):
    entry = result_pb2.ResultEntry(key=key("b3:svc"), value=b"document", cost_seconds=0.1)
    assert cache.put_result(entry).status == result_pb2.PUT_STATUS_DISK
    lookup = cache.get_result(key("b3:svc"))
    assert (lookup.found, lookup.value, lookup.tier) == (True, b"document", result_pb2.TIER_MEMORY)
    assert 3500 < lookup.expires_in_seconds <= 7200
    assert cache.invalidate_results(content_id="b3:svc") == 1
    assert not cache.get_result(key("b3:svc")).found


def test_batches_answer_in_order_and_carry_the_read_point(results):
    entries = [result_pb2.ResultEntry(key=key(f"b3:batch{n}"), value=b"%d" % n) for n in range(3)]
    outcomes = results.BatchPutResults(result_pb2.BatchPutResultsRequest(entries=entries)).outcomes
    assert [outcome.status for outcome in outcomes] == [result_pb2.PUT_STATUS_DISK] * 3
    keys = [key("b3:batch2"), key("b3:none"), key("b3:batch0")]
    answer = results.BatchGetResults(result_pb2.BatchGetResultsRequest(keys=keys))
    assert [lookup.value for lookup in answer.lookups] == [b"2", b"", b"0"]
    results.InvalidateResults(result_pb2.InvalidateResultsRequest(module="other"))
    late = result_pb2.ResultEntry(key=key("b3:late", "other"), value=b"x", read_point=answer.read_point)
    (outcome,) = results.BatchPutResults(result_pb2.BatchPutResultsRequest(entries=[late])).outcomes
    assert (outcome.status, outcome.reason) == (result_pb2.PUT_STATUS_NOT_STORED, "invalidated")


@pytest.mark.parametrize(
    ("method", "request_message"),
    [
        ("GetResult", result_pb2.GetResultRequest()),
        ("PutResult", result_pb2.PutResultRequest()),
        ("BatchGetResults", result_pb2.BatchGetResultsRequest()),
        ("BatchGetResults", result_pb2.BatchGetResultsRequest(keys=[key("x")] * 1001)),
        ("BatchPutResults", result_pb2.BatchPutResultsRequest()),
        ("InvalidateResults", result_pb2.InvalidateResultsRequest()),
        ("InvalidateResults", result_pb2.InvalidateResultsRequest(content_id="x", version="1")),
    ],
)
def test_wrong_requests_are_invalid_arguments(results, method, request_message):
    with pytest.raises(grpc.RpcError) as caught:
        getattr(results, method)(request_message)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_stats_clear_and_override(cache):
    cache.put_result(result_pb2.ResultEntry(key=key("b3:cleared"), value=b"x"))
    stats = cache.get_stats()
    assert (
        [tier.name for tier in stats.tiers] == ["memory", "large", "disk"]
        and stats.puts > 0
        and stats.version
    )
    assert cache.clear_cache() >= 1
    assert [tier.entry_count for tier in cache.get_stats().tiers] == [0, 0, 0]
    state = cache.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_HIGH, 30)
    assert state.level == pressure_pb2.PRESSURE_LEVEL_HIGH and state.overridden
    assert cache.get_pressure().level == pressure_pb2.PRESSURE_LEVEL_HIGH
    cache.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED)
    wait_until(lambda: not cache.get_pressure().overridden)


@pytest.mark.parametrize(
    ("level", "seconds"),
    [
        (pressure_pb2.PRESSURE_LEVEL_UNKNOWN, 1),
        (pressure_pb2.PRESSURE_LEVEL_HIGH, 0),
        (pressure_pb2.PRESSURE_LEVEL_HIGH, 1e6),
    ],
)
def test_overrides_are_validated(cache, level, seconds):
    with pytest.raises(InvalidRequestError):
        cache.set_pressure_override(level, seconds)


def test_a_watch_begins_with_a_snapshot(cache):
    watch = cache.watch_pressure("test")
    first = next(watch)
    assert not first.heartbeat and first.state.epoch and first.state.valid_for_seconds > 0
    assert first.state.signals and first.state.signals[0].limit_bytes > 0
    watch.close()
