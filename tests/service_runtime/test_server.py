"""The life of a server, with the real cache process and plain gRPC clients."""

import subprocess
import sys
import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2

from metaextract.cache.v1 import admin_pb2, admin_pb2_grpc, pressure_pb2, pressure_pb2_grpc
from tests.support.processes import clean_environ, start_cache, start_extractor

pytestmark = pytest.mark.servers
SERVICES = {
    "metaextract.cache.v1.ResultService",
    "metaextract.cache.v1.ChunkService",
    "metaextract.cache.v1.PressureService",
    "metaextract.cache.v1.SimilarityService",
    "metaextract.cache.v1.CacheAdminService",
}


@pytest.fixture
def channel(cache_process):
    with grpc.insecure_channel(cache_process.address) as channel:
        yield channel


def test_health_checks_and_lists_every_service(channel):
    stub = health_pb2_grpc.HealthStub(channel)
    for service in ["", "liveness", "readiness", *SERVICES]:
        response = stub.Check(health_pb2.HealthCheckRequest(service=service))
        assert response.status == health_pb2.HealthCheckResponse.SERVING
    assert set(stub.List(health_pb2.HealthListRequest()).statuses) == {
        "", "liveness", "readiness", *SERVICES
    }  # fmt: skip
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_lists_and_describes(channel, version):
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    symbols = [*SERVICES, "grpc.health.v1.Health", f"grpc.reflection.{version}.ServerReflection"]
    requests = [reflection_pb2.ServerReflectionRequest(list_services="")]
    requests += [reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in symbols]
    listed, *described = call(iter(requests))
    assert set(symbols) <= {service.name for service in listed.list_services_response.service}
    assert all(answer.HasField("file_descriptor_response") for answer in described)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_methods_are_symbols_too(channel, version):
    """What ghz and `grpcurl describe SERVICE.METHOD` ask for."""
    call = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    names = ["metaextract.cache.v1.ResultService.GetResult", "metaextract.cache.v1.ResultService.Nope"]
    found, missing = call(
        iter([reflection_pb2.ServerReflectionRequest(file_containing_symbol=name) for name in names])
    )
    assert found.HasField("file_descriptor_response")
    assert missing.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def test_a_request_id_is_kept_or_made(channel):
    stub = admin_pb2_grpc.CacheAdminServiceStub(channel)
    for metadata in ([("x-request-id", "mine-1")], None):
        with pytest.raises(grpc.RpcError) as caught:
            stub.SetPressureOverride(
                admin_pb2.SetPressureOverrideRequest(duration_seconds=-1), metadata=metadata
            )
        trailers = dict(caught.value.trailing_metadata())
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert (b"mine-1" in trailers["grpc-status-details-bin"]) == (metadata is not None)


def test_a_second_cache_on_the_same_port_fails_loudly(cache_process):
    environ = {**clean_environ(), "METAEXTRACT_CACHE_ADDRESS": cache_process.address}
    run = subprocess.run(
        [sys.executable, "-m", "cache_service"], env=environ, capture_output=True, text=True, timeout=30
    )
    assert run.returncode == 1
    assert "can't listen" in run.stderr


def test_a_second_cache_on_the_same_directory_fails_loudly(tmp_path):
    with start_cache(tmp_path / "cache"):
        environ = {
            **clean_environ(),
            "METAEXTRACT_CACHE_ADDRESS": "127.0.0.1:0",
            "METAEXTRACT_CACHE_DIRECTORY": str(tmp_path / "cache"),
        }
        run = subprocess.run(
            [sys.executable, "-m", "cache_service"], env=environ, capture_output=True, text=True, timeout=30
        )
    assert run.returncode == 1
    assert "another process owns" in run.stderr


def test_extractors_may_share_a_port(cache_process):
    with start_extractor(cache_process.address) as first:
        environ = {"METAEXTRACT_EXTRACTOR_ADDRESS": first.address}
        from tests.support.processes import EXTRACTOR, ServiceProcess

        with ServiceProcess(EXTRACTOR, METAEXTRACT_CACHE_ADDRESS=cache_process.address, **environ) as second:
            assert second.port == first.port


def test_a_bad_setting_fails_with_one_line():
    environ = {**clean_environ(), "METAEXTRACT_CACHE_MEMORY_BYTES": "lots"}
    run = subprocess.run(
        [sys.executable, "-m", "cache_service"], env=environ, capture_output=True, text=True, timeout=30
    )
    assert run.returncode == 1
    assert run.stderr.count("\n") == 1 and "METAEXTRACT_CACHE_MEMORY_BYTES" in run.stderr


def test_sigterm_ends_watches_first_and_stops_quickly(tmp_path):
    with start_cache(tmp_path / "cache") as cache, grpc.insecure_channel(cache.address) as channel:
        pressure = pressure_pb2_grpc.PressureServiceStub(channel).WatchPressure(
            pressure_pb2.WatchPressureRequest()
        )
        health = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service="metaextract.cache.v1.ResultService")
        )
        next(pressure)
        statuses = [next(health).status]
        ends = []

        def drain(stream, keep):
            keep.extend(message.status if hasattr(message, "status") else 0 for message in stream)
            ends.append(time.monotonic())

        threads = [
            threading.Thread(target=drain, args=(pressure, [])),
            threading.Thread(target=drain, args=(health, statuses)),
        ]
        for thread in threads:
            thread.start()
        started = time.monotonic()
        code = cache.stop()
        for thread in threads:
            thread.join(5)
    assert code == 0
    assert len(ends) == 2, "both streams end without an error"
    assert time.monotonic() - started < 5, "the grace period of 10 s is not waited for"
    serving, not_serving = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
    assert statuses == [serving, not_serving]


async def test_a_drain_while_a_watcher_is_written_to_is_not_missed():
    from service_runtime.health import NOT_SERVING, SERVING, HealthServicer

    health = HealthServicer(["a"])
    health.set_all(serving=True)
    watch = health.Watch(health_pb2.HealthCheckRequest(service="a"), None)
    assert (await anext(watch)).status == SERVING
    health.drain()  # the generator is still suspended in its first yield
    assert (await anext(watch)).status == NOT_SERVING
    assert await anext(watch, None) is None
