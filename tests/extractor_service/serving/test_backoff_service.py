"""Back-off over gRPC: classes, tenants, ORCA, the cache's table, draining; with real pairs."""

from __future__ import annotations

import base64
import re
import subprocess
import threading
import time

import grpc
import pytest
from xds.data.orca.v3 import orca_load_report_pb2
from xds.service.orca.v3 import orca_pb2

from metaextract.cache.v1 import pressure_pb2
from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import NEVER, CacheClient, ExtractorClient, InvalidRequestError, OverloadedError
from tests.samples import PHOTOS
from tests.support.identities import Realm
from tests.support.optional import needs
from tests.support.processes import family, start_cache, start_extractor, wait_until

pytestmark = pytest.mark.servers
CRITICAL, HIGH = pressure_pb2.PRESSURE_LEVEL_CRITICAL, pressure_pb2.PRESSURE_LEVEL_HIGH
BATCH = extractor_pb2.ExtractOptions(work_class=pressure_pb2.WORK_CLASS_BATCH, cache_mode=3)
PHOTO = PHOTOS[0].read_bytes()


@pytest.fixture
def pair(tmp_path):
    """A pair whose pressure the test may change."""
    with (
        start_cache(tmp_path / "cache") as cache,
        start_extractor(cache.address, METAEXTRACT_QUEUE_SECONDS="0.2") as extractor,
        CacheClient(cache.address) as client,
    ):
        yield client, extractor


def obeys(client: ExtractorClient, level: int) -> None:
    wait_until(lambda: client.get_backoff_state().level == level)


def test_batch_is_refused_while_interactive_work_goes_on(pair):
    cache, extractor = pair
    with ExtractorClient(extractor.address, NEVER) as client:
        assert client.extract_bytes(PHOTO, options=BATCH).document.file.format == "jpeg"
        cache.set_pressure_override(CRITICAL, 60)
        obeys(client, CRITICAL)
        with pytest.raises(OverloadedError) as caught:
            client.extract_bytes(PHOTO + b"1", options=BATCH)
        assert caught.value.is_advised and caught.value.retry_after_seconds >= 7
        assert client.extract_bytes(PHOTO + b"2").document.file.format == "jpeg"
        state = client.get_backoff_state()
        rows = {row.work_class: row for row in state.classes}
        assert rows[pressure_pb2.WORK_CLASS_BATCH].limit == 0
        assert rows[pressure_pb2.WORK_CLASS_BATCH].refused_total == 1
        assert rows[pressure_pb2.WORK_CLASS_INTERACTIVE].limit == 1
        assert client.get_capabilities().chunk_bytes == 65536
        with pytest.raises(InvalidRequestError, match="work_class"):
            client.extract_bytes(PHOTO, options=extractor_pb2.ExtractOptions(work_class=9))


def test_a_refused_upload_is_refused_before_its_bytes_come(pair):
    cache, extractor = pair
    with ExtractorClient(extractor.address, NEVER) as client:
        cache.set_pressure_override(CRITICAL, 60)
        obeys(client, CRITICAL)
        sent = []

        def chunks():
            for _ in range(200):
                sent.append(1)
                yield bytes(2**20)

        with pytest.raises(OverloadedError, match="above"):
            client.extract_upload(chunks(), "x", 200 * 2**20)
        assert len(sent) < 20, "flow control held the rest back"


def test_the_client_comes_back_when_it_is_told_and_succeeds(pair):
    cache, extractor = pair
    with ExtractorClient(extractor.address) as client:
        cache.set_pressure_override(CRITICAL, 3)
        obeys(client, CRITICAL)
        started = time.monotonic()
        document, _ = client.extract_bytes(PHOTO + b"3", options=BATCH, timeout=60)
        assert document.file.format == "jpeg" and time.monotonic() - started > 2


def test_orca_reports_out_of_band(pair):
    _, extractor = pair
    with grpc.insecure_channel(extractor.address) as channel:
        stream = channel.unary_stream(
            "/xds.service.orca.v3.OpenRcaService/StreamCoreMetrics",
            request_serializer=orca_pb2.OrcaLoadReportRequest.SerializeToString,
            response_deserializer=orca_load_report_pb2.OrcaLoadReport.FromString,
        )
        request = orca_pb2.OrcaLoadReportRequest()
        request.report_interval.FromMilliseconds(1)
        started = time.monotonic()
        call = stream(request)
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
        inline = extractor_pb2.InlineSource(data=PHOTO)
        for _ in range(5):
            stub.Extract(extractor_pb2.ExtractRequest(inline=inline))
        reports = [next(call) for _ in range(4)]
        assert time.monotonic() - started > 0.28, "never more than ten a second"
        while not reports[-1].rps_fractional and len(reports) < 40:  # a busy machine answers the five late
            reports.append(next(call))
        call.cancel()
        assert reports[-1].rps_fractional > 0 and 0.01 <= reports[-1].application_utilization < 2
        assert reports[-1].named_metrics["pressure_level"] in {1, 2}


@needs("grpcurl")  # gRPC's own clients keep the trailer to themselves, for their balancers
@pytest.mark.parametrize("call", ["GetBackoffState", "Extract"], ids=["answered", "refused"])
def test_every_answer_and_every_refusal_carries_a_report(extractor_process, call):
    method = f"metaextract.extractor.v1.ExtractorService/{call}"
    output = subprocess.run(
        ["grpcurl", "-v", "-plaintext", extractor_process.address, method], capture_output=True, text=True
    ).stdout
    trailers = output.rpartition("Response trailers received:")[2]
    encoded = re.search(r"endpoint-load-metrics-bin: (\S+)", trailers).group(1)
    report = orca_load_report_pb2.OrcaLoadReport.FromString(base64.b64decode(encoded + "=="))
    assert report.application_utilization >= 0.01 and report.named_metrics["pressure_level"] in {1, 2}


def test_an_own_policy_file_goes_before_the_cache_s(tmp_path, cache_process):
    path = tmp_path / "policy.toml"
    levels = ("normal", "elevated", "high", "critical")
    path.write_text("".join(f"[interactive.{level}]\nchunk_bytes = 131072\n" for level in levels))
    with (
        start_extractor(cache_process.address, METAEXTRACT_POLICY_FILE=str(path)) as extractor,
        ExtractorClient(extractor.address) as client,
    ):
        wait_until(lambda: client.get_backoff_state().HasField("cache_event_age_seconds"))
        assert client.get_backoff_state().chunk_bytes == 131072


def test_the_fleet_s_worst_concerns_those_who_ask_any_replica(redis_server, redis_prefix):
    shared = {"METAEXTRACT_CACHE_REDIS_URL": redis_server.url, "METAEXTRACT_CACHE_REDIS_PREFIX": redis_prefix}
    with (
        start_cache(**shared) as own,
        start_cache(**shared) as other,
        start_extractor(own.address, METAEXTRACT_PRESSURE_SCOPE="fleet") as any_replica,
        start_extractor(own.address) as this_replica,
        CacheClient(other.address) as cache,
        ExtractorClient(any_replica.address) as fleet_client,
        ExtractorClient(this_replica.address) as replica_client,
    ):
        cache.set_pressure_override(HIGH, 60)
        obeys(fleet_client, HIGH)
        assert replica_client.get_backoff_state().level < HIGH


def test_a_tenant_with_a_long_queue_gives_way(tmp_path):
    """One parse at a time, and that one stands still: the greedy tenant's others wait, the modest one's goes past them.

    Its worker is stopped, so that how fast each call travels on this machine says nothing.
    """
    realm, done = Realm(tmp_path / "realm"), []
    with (
        start_cache(**realm.tokens()) as cache,
        start_extractor(
            cache.address, METAEXTRACT_PARSE_CONCURRENCY="1", METAEXTRACT_QUEUE_SECONDS="60",
            METAEXTRACT_PARSE_SECONDS="60", METAEXTRACT_STALL_SECONDS="60", **realm.tokens(),
        ) as extractor,
        grpc.insecure_channel(extractor.address) as channel,
    ):  # fmt: skip
        stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
        state, observer = extractor_pb2.GetBackoffStateRequest(), realm.metadata("default", "observe")

        def call(tenant: str, number: int) -> None:
            source = extractor_pb2.InlineSource(data=PHOTO + f"{tenant}{number}".encode())
            options = extractor_pb2.ExtractOptions(cache_mode=3)
            request = extractor_pb2.ExtractRequest(inline=source, options=options)
            stub.Extract(request, metadata=realm.metadata(tenant), timeout=60)
            done.append(tenant)

        call("greedy", 0)  # from here on there is a worker
        (worker,) = (each for each in family(extractor.pid)[1:] if each.ppid() != extractor.pid)
        worker.suspend()
        threads = [threading.Thread(target=call, args=("greedy", number)) for number in range(1, 21)]
        for thread in threads:
            thread.start()
        wait_until(lambda: stub.GetBackoffState(state, metadata=observer).queued == 19)
        call("modest", 0)
        assert done == ["greedy", "modest"]
        worker.resume()
        for thread in threads:
            thread.join()
    assert done.count("greedy") == 21
