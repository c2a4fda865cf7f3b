"""Log lines: for machines and for people; calls, where they are wanted."""

import asyncio
import io
import json
import logging

import grpc
import pytest

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from service_runtime.access_log import AccessLog
from service_runtime.telemetry import CallContext, ConsoleFormatter, JsonFormatter, current_call
from tests.support.processes import start_extractor, wait_until


def record(**extra):
    made = logging.LogRecord("a", logging.WARNING, "f.py", 1, "said %s", ("so",), None)
    vars(made).update(extra)
    return made


def test_one_record_two_ways():
    told = json.loads(JsonFormatter().format(record(bytes=3)))
    assert (told["level"], told["message"], told["bytes"]) == ("warning", "said so", 3)
    line = ConsoleFormatter().format(record(bytes=3))
    assert line.endswith("WARNING said so  bytes=3")


@pytest.mark.parametrize("style", ["json", "console"])
async def test_a_share_of_the_calls_is_told_and_all_that_failed(style):
    stream = io.StringIO()
    some = AccessLog(0.2, style, stream)
    for _ in range(1000):
        some.record("a.B/C", "OK", 0.001)
    some.flush()
    lines = stream.getvalue().splitlines()
    assert 100 < len(lines) < 320
    for _ in range(10):
        some.record("a.B/C", "INTERNAL", 0.0015)
    await asyncio.sleep(0.3)  # they are written by themselves
    told = stream.getvalue().splitlines()[len(lines) :]
    assert len(told) == 10
    if style == "json":
        assert json.loads(told[0])["duration_ms"] == 1.5 and json.loads(told[0])["code"] == "INTERNAL"


async def test_what_a_caller_wrote_stays_within_its_line():
    stream = io.StringIO()
    log = AccessLog(1.0, "json", stream)
    current_call.set(CallContext('"}\n{"x', None))
    log.record("a.B/C", "OK", 0.001)
    log.flush()
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["request_id"] == '"}\n{"x'


@pytest.mark.servers
def test_calls_are_told_with_their_request_id_and_duration():
    with start_extractor("127.0.0.1:1", METAEXTRACT_ACCESS_LOG_RATIO="1") as extractor:
        with grpc.insecure_channel(extractor.address) as channel:
            stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
            _, call = stub.GetCapabilities.with_call(
                extractor_pb2.GetCapabilitiesRequest(), metadata=[("x-request-id", "mine-7")]
            )
            assert dict(call.initial_metadata()) == {"x-request-id": "mine-7"}
            _, call = stub.GetCapabilities.with_call(extractor_pb2.GetCapabilitiesRequest())
            assert not call.initial_metadata()
        wait_until(lambda: any("mine-7" in line for line in extractor.log))
        line = json.loads(next(line for line in extractor.log if "mine-7" in line))
    assert line["method"] == "metaextract.extractor.v1.ExtractorService/GetCapabilities"
    assert line["code"] == "OK" and line["duration_ms"] >= 0 and line["caller"] and line["tenant"]


async def test_a_log_that_cannot_be_written_fails_no_call():
    class Broken(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    log = AccessLog(1.0, "json", Broken())
    for _ in range(600):
        log.record("a.B/C", "OK", 0.001)
