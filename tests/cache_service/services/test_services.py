"""The three services over gRPC, in the shared cache process."""

import grpc
import pytest

from cache_service.replay import read_trace
from metaextract.cache.v1 import pressure_pb2, result_pb2, result_pb2_grpc
from metaextract_client import CacheClient, InvalidRequestError
from tests.support.processes import start_cache, wait_until

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
    assert cache.invalidate_results(content_id="b3:svc").removed_count == 1
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
    assert any(signal.limit_bytes > 0 for signal in first.state.signals)
    watch.close()


def group(content, token=0, *, optional=()):
    return result_pb2.ResultGroup(
        keys=[key(content), key(content, "n")],
        lease_token=token,
        optional_keys=[key(content, each) for each in optional],
    )


def acquire(results, *groups, **options):
    return results.AcquireResult(result_pb2.AcquireResultRequest(groups=groups, **options), timeout=10)


def test_one_leads_the_others_follow(results):
    answer = acquire(results, group("b3:flight", optional=["o"]), group("b3:flight2"))
    first, second = answer.acquisitions
    assert [each.status for each in answer.acquisitions] == [result_pb2.ACQUIRE_STATUS_LEASED] * 2
    assert len(first.lookups) == 3 and not any(lookup.found for lookup in first.lookups)
    assert 9 < first.lease_expires_in_seconds <= 10 and second.lease_token > 0
    assert acquire(results, group("b3:flight")).acquisitions[0].status == result_pb2.ACQUIRE_STATUS_WAIT
    held = results.AcquireResult.future(
        result_pb2.AcquireResultRequest(groups=[group("b3:flight")], max_wait_seconds=20)
    )
    entries = [
        result_pb2.ResultEntry(
            key=key("b3:flight", module), value=b"v", read_point=answer.read_point, lease_token=token
        )
        for module, token in (("m", first.lease_token), ("n", 0))
    ]
    results.BatchPutResults(result_pb2.BatchPutResultsRequest(entries=entries))
    (followed,) = held.result(timeout=5).acquisitions
    assert followed.status == result_pb2.ACQUIRE_STATUS_HIT and [hit.value for hit in followed.lookups] == [
        b"v",
        b"v",
    ]
    released = results.ReleaseLease(
        result_pb2.ReleaseLeaseRequest(
            groups=[group("b3:flight2", second.lease_token), group("b3:flight", 1)]
        )
    )
    assert released.released_count == 1


def test_a_lost_lease_is_aborted(results):
    (mine,) = acquire(results, group("b3:lost")).acquisitions
    renewed = acquire(results, group("b3:lost", mine.lease_token), lease_seconds=30).acquisitions[0]
    assert renewed.lease_token == mine.lease_token and renewed.lease_expires_in_seconds > 25
    with pytest.raises(grpc.RpcError) as caught:
        acquire(results, group("b3:lost", mine.lease_token + 1))
    assert caught.value.code() is grpc.StatusCode.ABORTED
    results.ReleaseLease(result_pb2.ReleaseLeaseRequest(groups=[group("b3:lost", mine.lease_token)]))


@pytest.mark.parametrize(
    "options",
    [
        {"groups": []},
        {"groups": [result_pb2.ResultGroup()]},
        {"groups": [group("x")], "max_wait_seconds": 301},
        {"groups": [group("x")], "max_wait_seconds": -1},
        {"groups": [group("x"), group("y")], "max_wait_seconds": 1},
        {"groups": [group("x")], "lease_seconds": 0.5},
        {"groups": [group("x")], "lease_seconds": float("nan")},
        {"groups": [group("x", optional=[str(number) for number in range(65)])]},
    ],
)
def test_wrong_acquisitions_are_invalid_arguments(results, options):
    with pytest.raises(grpc.RpcError) as caught:
        results.AcquireResult(result_pb2.AcquireResultRequest(**options))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_invalidations_can_be_followed_and_resumed(results):
    watch = results.WatchInvalidations(result_pb2.WatchInvalidationsRequest())
    start = next(watch)
    assert start.valid_for_seconds > 0 and not start.reset and not start.HasField("selector")
    results.InvalidateResults(result_pb2.InvalidateResultsRequest(content_id="b3:watched", module="m"))
    results.InvalidateResults(result_pb2.InvalidateResultsRequest(tag="t"))
    heard = [next(watch) for _ in range(2)]
    assert heard[0].selector.content_id == "b3:watched" and heard[1].selector.tag == "t"
    assert [each.point.revision - start.point.revision for each in heard] == [1, 2]
    watch.cancel()
    again = results.WatchInvalidations(result_pb2.WatchInvalidationsRequest(since=heard[0].point))
    assert not next(again).reset and next(again).selector.tag == "t"
    again.cancel()
    for since in (
        result_pb2.InvalidationPoint(log_id="x", revision=1),
        result_pb2.InvalidationPoint(log_id=start.point.log_id, revision=10**9),
    ):
        lost = results.WatchInvalidations(result_pb2.WatchInvalidationsRequest(since=since))
        assert next(lost).reset
        lost.cancel()


def test_operators_can_look_and_warm(cache):
    for number in range(5):
        cache.put_result(
            result_pb2.ResultEntry(
                key=key(f"b3:look{number}"),
                value=b"document " * 100,
                cost_seconds=0.5,
                tags=["t"],
                source="file:///x",
            )
        )
    found = cache.describe_entry(key("b3:look1"))
    assert found.found and list(found.entry.tiers) == ["memory", "disk"]
    assert (found.entry.value_bytes, found.entry.source, list(found.entry.tags)) == (900, "file:///x", ["t"])
    assert found.entry.stored_bytes < 100 and found.priority >= found.next_victim_priority > 0
    assert "500.0 ms" in found.explanation and "expires" in found.explanation
    assert not cache.describe_entry(key("b3:nowhere")).found
    for tier in ("memory", "disk"):
        names, token = [], ""
        while True:
            page = cache.list_entries(tier, 2, token)
            names += [(entry.key.content_id, entry.key.module, entry.key.version) for entry in page.entries]
            token = page.next_page_token
            if not token:
                break
        assert {(f"b3:look{number}", "m", "1") for number in range(5)} <= set(names)
        assert len(names) == len(set(names))
    progress = list(
        cache.warm_cache([key(f"b3:look{number % 5}") for number in range(70)] + [key("b3:nowhere")])
    )
    assert [each.done_count for each in progress] == [50, 71] and progress[-1].warmed_count == 70
    for wrong in ("redis", "tower"):
        with pytest.raises(InvalidRequestError):
            cache.list_entries(wrong)
    watched = cache.watch_stats(0.1)
    first, second = next(watched), next(watched)
    assert second.uptime_seconds > first.uptime_seconds and first.value_bytes > first.stored_bytes > 0
    watched.close()


def test_requests_are_logged_for_replay_when_asked(tmp_path):
    trace = tmp_path / "trace"
    with (
        start_cache(METAEXTRACT_CACHE_TRACE_PATH=str(trace), METAEXTRACT_CACHE_PROFILE="dev") as process,
        CacheClient(process.address) as client,
    ):
        assert client.get_stats().tiers[0].budget_entries == 100
        for number in (1, 2, 1, 1, 3):
            if not client.get_result(key(f"b3:{number}")).found:
                client.put_result(
                    result_pb2.ResultEntry(key=key(f"b3:{number}"), value=bytes(100), cost_seconds=number)
                )
    requests = list(read_trace(trace))
    assert [request.key for request in requests] == [1, 2, 1, 1, 3]
    assert [request.cost_ms for request in requests] == [1000, 2000, 1000, 1000, 3000]
    assert "b3:" not in trace.read_text(), "no names"
