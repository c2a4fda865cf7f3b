"""Leaving: nobody's call fails, newcomers are refused, what can't be waited for is told why."""

import signal
import socket
import threading
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import ExtractorClient
from metaextract_client.errors import from_rpc_error
from service_runtime.calls import Calls, DrainingError
from service_runtime.drain import age_seconds
from service_runtime.settings import RuntimeSettings
from service_runtime.sockets import Place
from tests.samples import PHOTOS
from tests.support.processes import start_extractor, wait_until
from tests.support.steady_load import SteadyLoad

NOBODY = "127.0.0.1:1"


def is_ready(channel, service="readiness"):
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.servers
def test_a_drain_lets_known_clients_call_and_refuses_newcomers():
    with start_extractor(NOBODY, METAEXTRACT_DRAIN_SECONDS="5") as extractor:
        with (
            grpc.insecure_channel(extractor.address) as channel,
            ExtractorClient(extractor.address) as client,
        ):
            assert is_ready(channel)
            client.extract_bytes(PHOTOS[0].read_bytes(), "a.jpg")
            extractor.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not is_ready(channel))
            assert is_ready(channel, "liveness")
            wait_until(lambda: any("stopped listening" in line for line in extractor.log))
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", extractor.port), 1)
            assert client.extract_bytes(PHOTOS[0].read_bytes(), "a.jpg").document.common.device_model
        assert extractor.process.wait(20) == 0
    assert any('"connections": 0' in line for line in extractor.log), "it stops as soon as nobody is there"


@pytest.mark.servers
def test_a_restart_of_one_of_two_fails_no_call():
    with start_extractor(NOBODY, METAEXTRACT_DRAIN_SECONDS="1.5") as one, start_extractor(NOBODY) as two:
        target = f"ipv4:127.0.0.1:{one.port},127.0.0.1:{two.port}"
        with SteadyLoad(target, seconds=4, per_second=40, round_robin=True, cached=False) as load:
            time.sleep(0.5)
            assert one.stop() == 0
            load.finish()
    assert len(load.calls) == 160 and not load.lost(), load.codes()


@pytest.mark.servers
def test_what_cannot_be_waited_for_ends_as_unavailable_and_says_why():
    with start_extractor(NOBODY, METAEXTRACT_SHUTDOWN_GRACE_SECONDS="0.3") as extractor:
        with grpc.insecure_channel(extractor.address) as channel:
            ended = threading.Event()

            def chunks():
                yield extractor_pb2.ExtractUploadRequest(
                    header=extractor_pb2.UploadHeader(name="a.bin", size_bytes=100)
                )
                yield extractor_pb2.ExtractUploadRequest(data=b"x")
                ended.wait(20)

            call = extractor_pb2_grpc.ExtractorServiceStub(channel).ExtractUpload.future(chunks())
            time.sleep(0.5)
            assert extractor.stop() == 0
            with pytest.raises(grpc.RpcError) as caught:
                call.result(5)
            ended.set()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert from_rpc_error(caught.value).reason == "DRAINING"


@pytest.mark.servers
def test_ctrl_c_moves_nobody_on():
    with start_extractor(NOBODY, METAEXTRACT_DRAIN_SECONDS="60") as extractor:
        with ExtractorClient(extractor.address) as client:
            client.extract_bytes(PHOTOS[0].read_bytes(), "a.jpg")
            started = time.monotonic()
            extractor.process.send_signal(signal.SIGINT)
            assert extractor.process.wait(20) == 0
            assert time.monotonic() - started < 10


def test_connections_come_of_age_within_the_drain_unless_a_setting_says_otherwise():
    notice = 0.2
    for drain_seconds in (1.0, 10.0, 600.0):
        latest = 1.1 * age_seconds(RuntimeSettings(drain_seconds=drain_seconds))
        assert latest + notice * drain_seconds < drain_seconds
    assert age_seconds(RuntimeSettings(drain_seconds=0)) == 0
    assert age_seconds(RuntimeSettings(connection_age_seconds=3600)) == 3600


def test_listeners_are_found_by_port_and_by_path(tmp_path):
    path = str(tmp_path / "socket")
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(path)
        unix.listen()
        port = tcp.getsockname()[1]
        with (
            socket.create_connection(("127.0.0.1", port)) as client,
            socket.create_server(("127.0.0.1", 0)) as other,
        ):
            accepted, _ = tcp.accept()
            place = Place(frozenset({port}), frozenset({path}))
            assert place.count_connections() == 1
            assert place.stop_listening() == 2
            socket.create_connection(other.getsockname()).close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 1)
            with socket.socket(socket.AF_UNIX) as late, pytest.raises(ConnectionRefusedError):
                late.connect(path)
            client.sendall(b"still here")
            assert accepted.recv(100) == b"still here"
            accepted.close()
            assert place.count_connections() == 0


def test_a_cut_call_is_told_from_one_that_its_caller_ended():
    import asyncio

    async def run():
        calls, told = Calls(), []

        async def _handle_exceptions():  # as gRPC names it
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                told.append(calls.was_cut())

        tasks = [asyncio.create_task(_handle_exceptions()) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        await tasks[0]
        assert calls.cut_off() == 1
        await asyncio.gather(*tasks)
        assert told == [False, True]

    asyncio.run(run())
    assert DrainingError.reason == "DRAINING"
