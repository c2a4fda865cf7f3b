"""What the extractor and the cache do together: single flight, quarantine, near copies, and what they do without each other."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from extractor_service.sources.content import SETTLE_SECONDS
from metaextract.cache.v1 import result_pb2
from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import CacheClient, ExtractorClient
from metaextract_client.render import outcome_name
from tests.extractor_service.serving.test_service import REFRESH, status, unique
from tests.faults.hostile import make
from tests.samples import PHOTOS
from tests.support.processes import start_cache, start_extractor

pytestmark = pytest.mark.servers


def test_a_file_that_keeps_killing_workers_is_quarantined_until_it_is_released(tmp_path):
    data = make("kill")
    with (
        start_cache(tmp_path / "cache") as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as process,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as other,
        ExtractorClient(process.address) as client,
        ExtractorClient(other.address) as elsewhere,
        CacheClient(cache.address) as admin,
    ):
        first = client.extract_bytes(data)
        assert status(first) == "MISS" and outcome_name(first.document.outcome) == "OUT_OF_MEMORY"
        soon = elsewhere.extract_bytes(data)
        assert status(soon) == "HIT" and soon.document.outcome == first.document.outcome
        assert "isn't tried again yet" in soon.document.problems[0].message
        for _ in range(2):  # somebody insists
            assert status(client.extract_bytes(data, options=REFRESH)) == "MISS"
        quarantined = elsewhere.extract_bytes(data)
        assert status(quarantined) == "HIT"
        assert "quarantined after 3 failures" in quarantined.document.problems[0].message
        # Nobody has to prove who he is here, so anybody is an admin.
        assert status(elsewhere.extract_bytes(data, options=REFRESH)) == "MISS", "an admin insists"
        assert status(elsewhere.extract_bytes(data)) == "HIT", "in vain"
        assert outcome_name(client.extract_bytes(unique(b"\x01\x02fine")).document.outcome) == "UNSUPPORTED"
        assert admin.invalidate_results(content_id=first.info.content_id).removed_count == 1
        assert status(elsewhere.extract_bytes(data)) == "MISS", "released"


def test_a_slow_file_is_read_once_however_many_ask(tmp_path):
    data = make("slow")
    with (
        start_cache(tmp_path / "cache") as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as one,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as other,
        ExtractorClient(one.address) as first,
        ExtractorClient(other.address) as second,
        ThreadPoolExecutor(16) as executor,
    ):
        clients = [first, second] * 8
        answers = list(executor.map(lambda client: client.extract_bytes(data, timeout=30), clients))
        assert sorted(status(answer) for answer in answers) == ["HIT"] * 15 + ["MISS"]
        assert {outcome_name(answer.document.outcome) for answer in answers} == {"OK"}


def test_a_cancelled_leader_strands_nobody(tmp_path):
    data = make("slow")
    with (
        start_cache(tmp_path / "cache") as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as process,
        ExtractorClient(process.address) as client,
        grpc.insecure_channel(process.address) as channel,
        ThreadPoolExecutor(1) as executor,
    ):
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
        leader = stub.Extract.future(
            extractor_pb2.ExtractRequest(inline=extractor_pb2.InlineSource(data=data))
        )
        time.sleep(0.5)
        started = time.monotonic()
        follower = executor.submit(client.extract_bytes, data, timeout=30)
        time.sleep(0.3)
        leader.cancel()
        assert status(follower.result()) == "MISS"
        assert time.monotonic() - started < 6, "the lease was given back, not left to lapse"


def test_the_near_cache_forgets_what_is_invalidated(cache_process, cache, extractor):
    data = unique(PHOTOS[0].read_bytes())
    content_id = extractor.extract_bytes(data).info.content_id
    assert status(extractor.extract_bytes(data)) == "HIT"
    before = cache.get_stats().hits
    assert status(extractor.extract_bytes(data)) == "HIT"
    assert cache.get_stats().hits == before, "answered without a second hop"
    cache.invalidate_results(content_id=content_id)
    time.sleep(0.2)
    assert status(extractor.extract_bytes(data)) == "MISS"


def test_invalidating_a_folder_concerns_what_was_read_from_it(extractor, cache, samples):
    source = next(path for path in samples.values() if path.suffix == ".png")
    os.utime(source, (time.time() - 100, time.time() - 100))
    while time.time() - source.stat().st_ctime < SETTLE_SECONDS + 0.1:
        time.sleep(0.1)
    uri = source.as_uri()
    extractor.extract_uri(uri)
    assert status(extractor.extract_uri(uri)) == "HIT"
    cache.invalidate_results(source_prefix=source.parent.as_uri() + "/nothing")
    time.sleep(0.2)
    assert status(extractor.extract_uri(uri)) == "HIT"
    assert cache.invalidate_results(source_prefix=source.parent.as_uri()).removed_count > 0
    time.sleep(0.2)
    assert status(extractor.extract_uri(uri)) == "MISS"


def test_a_result_that_can_not_be_read_is_computed_again(extractor, cache):
    data = unique(PHOTOS[1].read_bytes())
    first = extractor.extract_bytes(data)
    page = cache.list_entries("disk", 1000)
    keys = [entry.key for entry in page.entries if entry.key.content_id == first.info.content_id]
    assert keys
    for key in keys:
        cache.put_result(result_pb2.ResultEntry(key=key, value=b"\xff\xff no document"))
    for _ in range(3):
        again = extractor.extract_bytes(data, options=None)
        assert again.document.outcome == first.document.outcome
    assert status(again) == "HIT"


def test_a_cache_that_falls_silent_does_not_hold_those_who_wait(tmp_path):
    data = make("slow")
    with (
        start_cache(tmp_path / "cache") as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as one,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as other,
        ExtractorClient(one.address) as leader,
        ExtractorClient(other.address) as follower,
        ThreadPoolExecutor(2) as executor,
    ):
        executor.submit(leader.extract_bytes, data, timeout=30)
        time.sleep(0.5)
        answer = executor.submit(follower.extract_bytes, data, timeout=20)
        time.sleep(0.5)
        os.kill(cache.pid, signal.SIGSTOP)
        started = time.monotonic()
        try:
            assert outcome_name(answer.result().document.outcome) == "OK"
            assert status(answer.result()) == "UNAVAILABLE" and time.monotonic() - started < 9
        finally:
            os.kill(cache.pid, signal.SIGCONT)


def test_a_follower_keeps_time_to_read_the_file_itself(tmp_path):
    data = make("slow")
    with (
        start_cache(tmp_path / "cache") as cache,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as one,
        start_extractor(cache.address, "tests.faults.hostile_extractor") as other,
        ExtractorClient(one.address) as leader,
        ExtractorClient(other.address) as follower,
        ThreadPoolExecutor(2) as executor,
    ):
        executor.submit(leader.extract_bytes, data, timeout=30)
        time.sleep(0.5)
        answer = executor.submit(follower.extract_bytes, data, timeout=9)
        time.sleep(0.3)
        one.kill()  # its lease lapses after the follower's time
        assert outcome_name(answer.result().document.outcome) == "OK"
