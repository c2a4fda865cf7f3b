"""Pressure over gRPC, with real cache processes, and through a real Redis."""

from __future__ import annotations

import time

import pytest

from metaextract.cache.v1 import pressure_pb2
from metaextract_client import CacheClient, InvalidRequestError
from tests.support.processes import start_cache, wait_until

pytestmark = pytest.mark.servers
NORMAL, HIGH, CRITICAL = (
    pressure_pb2.PRESSURE_LEVEL_NORMAL,
    pressure_pb2.PRESSURE_LEVEL_HIGH,
    pressure_pb2.PRESSURE_LEVEL_CRITICAL,
)
REAL = pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED
FAST = {"METAEXTRACT_PRESSURE_HEARTBEAT_SECONDS": "0.3", "METAEXTRACT_PRESSURE_SAMPLE_SECONDS": "0.02"}


def test_a_state_names_its_signals_cause_and_replica():
    with (
        start_cache(METAEXTRACT_CACHE_REPLICA="blue", **FAST) as process,
        CacheClient(process.address) as client,
    ):
        state = client.get_pressure()
        names = {signal.name for signal in state.signals}
        assert "host" in names and state.replica == "blue" and state.cause == ""
        assert all(signal.worst_level for signal in state.signals)
        state = client.set_pressure_override(HIGH, 60)
        assert state.cause == "override" and state.fleet_level == HIGH
        assert state.eviction_target_bytes > 0


def test_a_watch_brings_the_table_and_is_resumed_with_what_was_missed():
    with start_cache(**FAST) as process, CacheClient(process.address) as client:
        first = next(iter(client.watch_pressure("test")))
        rows = {(row.work_class, row.level): row for row in first.table.rows}
        assert len(rows) == 12 and not first.missed
        assert rows[pressure_pb2.WORK_CLASS_BATCH, HIGH].concurrency_ratio == 0.25
        for level in (HIGH, CRITICAL, REAL):
            client.set_pressure_override(level, 60)
        again = next(iter(client.watch_pressure("test", first.state.epoch, first.state.revision)))
        assert [change.to_level for change in again.missed] == [HIGH, CRITICAL, NORMAL]
        assert not again.missed_has_gaps
        other = next(iter(client.watch_pressure("test", "another epoch", 7)))
        assert other.missed_has_gaps


def test_the_history_is_told_and_survives_a_restart(tmp_path):
    with start_cache(tmp_path, **FAST) as process, CacheClient(process.address) as client:
        client.set_pressure_override(CRITICAL, 60)
        time.sleep(0.2)
        assert process.stop() == 0
    with start_cache(tmp_path, **FAST) as process, CacheClient(process.address) as client:
        wait_until(lambda: client.get_pressure_history().points)
        history = client.get_pressure_history()
        assert history.changes[0].to_level == CRITICAL and history.changes[0].cause == "override"
        assert max(point.level for point in history.points) == CRITICAL
        assert 0 < history.averages.one_minute < 1
        assert len(client.get_pressure_history(max_points=1).points) == 1
        with pytest.raises(InvalidRequestError, match="since_seconds"):
            client.get_pressure_history(since_seconds=901)


def test_a_drain_says_when_to_come_back():
    with start_cache(**FAST) as process, CacheClient(process.address) as client:
        watch = iter(client.watch_pressure("test"))
        assert not next(watch).draining
        process.process.terminate()
        last = list(watch)[-1]
        assert last.draining and 0.5 <= last.reconnect_after_seconds <= 2
        assert process.process.wait(10) == 0


def test_thresholds_change_at_run_time():
    limit = {"METAEXTRACT_PROCESS_MEMORY_BYTES": str(400 * 2**20)}  # so that the score is well above 5 %
    with start_cache(**FAST, **limit) as process, CacheClient(process.address) as client:
        wait_until(lambda: client.get_pressure().level == NORMAL)
        assert 0.05 < client.get_pressure().score_ratio < 0.6
        state = client.set_pressure_thresholds(0.05, 0.8, 0.9)
        assert state.level == pressure_pb2.PRESSURE_LEVEL_ELEVATED and state.cause == "process"
        with pytest.raises(InvalidRequestError, match="must rise"):
            client.set_pressure_thresholds(0.9, 0.8, 0.7)


def test_a_policy_file_is_broadcast_and_a_wrong_one_stops_the_start(tmp_path):
    path = tmp_path / "policy.toml"
    path.write_text("[background.elevated]\nconcurrency_ratio = 0.1\n")
    with start_cache(METAEXTRACT_POLICY_FILE=str(path)) as process, CacheClient(process.address) as client:
        table = next(iter(client.watch_pressure("test"))).table
        (row,) = [row for row in table.rows if (row.work_class, row.level) == (3, 2)]
        assert row.concurrency_ratio == 0.1
    path.write_text("[background.elevated]\nconcurrency_ratio = 10\n")
    with pytest.raises(RuntimeError, match=r"background\.elevated"):
        start_cache(METAEXTRACT_POLICY_FILE=str(path))


def test_replicas_share_their_view_through_redis(redis_server, redis_prefix):
    shared = {
        "METAEXTRACT_CACHE_REDIS_URL": redis_server.url,
        "METAEXTRACT_CACHE_REDIS_PREFIX": redis_prefix,
        **FAST,
    }
    with (
        start_cache(METAEXTRACT_CACHE_REPLICA="one", **shared) as first,
        start_cache(METAEXTRACT_CACHE_REPLICA="two", **shared) as second,
        CacheClient(first.address) as one,
        CacheClient(second.address) as two,
    ):
        one.set_pressure_override(HIGH, 60)
        wait_until(lambda: two.get_pressure().fleet_level == HIGH, 15)
        state = two.get_pressure()
        assert state.level < HIGH and [peer.replica for peer in state.peers] == ["one"]
        assert state.peers[0].level == HIGH and state.peers[0].age_seconds < 5
        assert [peer.replica for peer in one.get_pressure().peers] == ["two"]
        first.kill()
        wait_until(lambda: two.get_pressure().fleet_level == NORMAL, 15)
        assert not two.get_pressure().peers, "who fell silent no longer counts"
