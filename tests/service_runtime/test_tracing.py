"""Traces, as a collector gets them: one tree from the caller's span through the extractor and its worker to the cache."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest

from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from service_runtime import tracing
from tests.samples import PHOTOS
from tests.support.processes import start_cache, start_extractor, wait_until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self):
        self.spans = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                assert self.path == "/v1/traces"
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                for resource in body["resourceSpans"]:
                    facts = {each["key"]: each["value"] for each in resource["resource"]["attributes"]}
                    name = facts["service.name"]["stringValue"]
                    collector.spans += [
                        (name, span) for scope in resource["scopeSpans"] for span in scope["spans"]
                    ]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.mark.servers
def test_a_call_is_one_trace_through_all_processes(tmp_path):
    collector = Collector()
    settings = {"METAEXTRACT_TRACE_ENDPOINT": collector.endpoint, "METAEXTRACT_TRACE_RATIO": "0"}
    with (
        start_cache(tmp_path / "c", **settings) as cache,
        start_extractor(cache.address, **settings) as extractor,
    ):
        with grpc.insecure_channel(extractor.address) as channel:
            stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
            request = extractor_pb2.ExtractRequest(inline={"data": PHOTOS[0].read_bytes(), "name": "a.jpg"})
            stub.Extract(request, metadata=[("traceparent", f"00-{TRACE}-{PARENT}-01")])
            stub.Extract(request)  # nobody has decided, and the ratio is 0
            bad = extractor_pb2.ExtractRequest(uri="file:///nowhere")
            with pytest.raises(grpc.RpcError):
                stub.Extract(bad, metadata=[("traceparent", f"00-{TRACE}-{PARENT}-01")])
    wait_until(lambda: any("PutResults" in span["name"] for _, span in collector.spans))
    time.sleep(0.1)
    collector.server.shutdown()
    collector.server.server_close()
    by_id = {span["spanId"]: (service, span) for service, span in collector.spans}
    assert {span["traceId"] for _, span in by_id.values()} == {TRACE}
    assert all(int(span["startTimeUnixNano"]) <= int(span["endTimeUnixNano"]) for _, span in by_id.values())

    def chain(span):
        names = [span["name"]]
        while span["parentSpanId"] in by_id:
            span = by_id[span["parentSpanId"]][1]
            names.append(span["name"])
        assert span["parentSpanId"] == PARENT
        return names

    extract = "metaextract.extractor.v1.ExtractorService/Extract"
    chains = {tuple(chain(span)) for _, span in by_id.values()}
    assert {(stage, extract) for stage in ("identify", "look_up", "parse", "store", "assemble")} <= chains
    assert ("worker.metadata", "parse", extract) in chains
    assert ("metaextract.cache.v1.ResultService/AcquireResult", "look_up", extract) in chains
    assert ("metaextract.cache.v1.ResultService/BatchPutResults", "store", extract) in chains
    failed = [span for _, span in by_id.values() if span["name"] == extract and span["status"]["code"] == 2]
    assert len(failed) == 1
    services = {span["name"]: service for service, span in by_id.values()}
    assert services["metaextract.cache.v1.ResultService/AcquireResult"] == "metaextract-cache"


@pytest.mark.servers
def test_a_collector_that_is_not_there_holds_nobody_up():
    settings = {"METAEXTRACT_TRACE_ENDPOINT": "http://127.0.0.1:1", "METAEXTRACT_TRACE_RATIO": "1"}
    with start_extractor("127.0.0.1:1", **settings) as extractor:
        with grpc.insecure_channel(extractor.address) as channel:
            stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
            request = extractor_pb2.ExtractRequest(inline={"data": PHOTOS[0].read_bytes(), "name": "a.jpg"})
            assert stub.Extract(request, timeout=10).document.common.device_model
        started = time.monotonic()
        assert extractor.stop() == 0
        assert time.monotonic() - started < 10
    assert not any('"level": "error"' in line and "Traceback" in line for line in extractor.log)


def test_off_there_are_no_spans():
    assert tracing.begin("/a.B/C", None) is None
    assert tracing.headers() == ()
    tracing.past("y", 1.0, {})
    assert tracing.staged("x", len) is len
