"""Envoy as the edge: it sheds before the extractor, weighs by load reports, speaks gRPC-Web, and checks tokens."""

import struct
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import grpc
import pytest

from metaextract.cache.v1 import pressure_pb2
from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from metaextract_client import CacheClient
from tests.samples import PHOTOS
from tests.support.identities import Realm
from tests.support.optional import needs
from tests.support.processes import start_cache, start_extractor, wait_until
from tests.support.proxies import Proxy

pytestmark = [pytest.mark.servers, needs("envoy")]
FOLDER = Path(__file__).parents[2] / "docker" / "proxies"
NOBODY = "127.0.0.1:1"
EXTRACT = "/metaextract.extractor.v1.ExtractorService/Extract"
AT_ONCE = 12  # fewer than the small one of two lets wait


def photo(depth=0):
    return extractor_pb2.ExtractRequest(
        inline={"data": PHOTOS[0].read_bytes() + bytes(depth), "name": "a.jpg"}
    )


def asked(stub, **options):
    try:
        stub.Extract(photo(), timeout=5, **options)
    except grpc.RpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def test_the_edge_refuses_at_critical_within_a_second_and_recovers(tmp_path):
    file = tmp_path / "overload"
    hold = {"METAEXTRACT_PRESSURE_HOLD_SECONDS": "0"}
    with (
        start_cache(**hold) as cache,
        start_extractor(cache.address, METAEXTRACT_EXTRACTOR_OVERLOAD_FILE=str(file)) as one,
    ):
        wait_until(file.exists)
        with (
            Proxy("envoy", (one.port, one.port), file) as proxy,
            CacheClient(cache.address) as admin,
            grpc.insecure_channel(proxy.address) as channel,
        ):
            stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
            wait_until(lambda: asked(stub) is grpc.StatusCode.OK)
            admin.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_CRITICAL, 60)
            refused = wait_until(lambda: asked(stub) is grpc.StatusCode.UNAVAILABLE, 5)
            direct = extractor_pb2_grpc.ExtractorServiceStub(grpc.insecure_channel(one.address))
            assert asked(direct) is grpc.StatusCode.OK, (
                "it is the edge that refuses: a small file is still read"
            )
            admin.set_pressure_override(pressure_pb2.PRESSURE_LEVEL_UNSPECIFIED)
            recovered = wait_until(lambda: asked(stub) is grpc.StatusCode.OK, 5)
    assert refused < 1.0 and recovered < 2.5, (refused, recovered)


def test_a_browser_calls_by_grpc_web():
    with start_extractor(NOBODY) as one, Proxy("envoy", (one.port, one.port)) as proxy:
        time.sleep(1.0)
        message = photo().SerializeToString()
        body = struct.pack(">BI", 0, len(message)) + message
        request = urllib.request.Request(
            f"http://{proxy.address}{EXTRACT}", body, {"Content-Type": "application/grpc-web+proto", "X-Grpc-Web": "1"}
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as answer:
            frames = answer.read()
    (size,) = struct.unpack(">I", frames[1:5])
    answer = extractor_pb2.ExtractResponse.FromString(frames[5 : 5 + size])
    assert answer.document.common.device_model
    assert b"grpc-status:0" in frames[5 + size :]


def test_tokens_are_checked_at_the_edge_and_passed_on(tmp_path):
    realm = Realm(tmp_path)
    tokens = realm.tokens
    tokens = tokens() if callable(tokens) else tokens
    snippet = (FOLDER / "envoy-jwt.yaml").read_text()
    snippet = "\n".join(line for line in snippet.splitlines() if not line.startswith("#"))
    snippet = snippet.replace("ISSUER #", tokens["METAEXTRACT_JWT_ISSUER"] + " #")
    snippet = snippet.replace("[AUDIENCE]", f"[{tokens['METAEXTRACT_JWT_AUDIENCE']}]")
    snippet = snippet.replace("/etc/metaextract/jwks.json", tokens["METAEXTRACT_JWT_KEYS"])
    first, *rest = snippet.splitlines()
    pad = " " * 10
    inserted = "\n".join([f"{pad}- {first}", *(f"{pad}  {line}" for line in rest)])

    def edit(text):
        router = f"{pad}- name: envoy.filters.http.router"
        assert router in text
        return text.replace(router, f"{inserted}\n{router}")

    with start_extractor(NOBODY, **tokens) as one, Proxy("envoy", (one.port, one.port), edit=edit) as proxy:
        time.sleep(1.0)
        with grpc.insecure_channel(proxy.address) as channel:
            stub = extractor_pb2_grpc.ExtractorServiceStub(channel)
            assert asked(stub) is grpc.StatusCode.UNAUTHENTICATED
            assert (
                asked(stub, metadata=[("authorization", "Bearer x.y.z")]) is grpc.StatusCode.UNAUTHENTICATED
            )
            good = realm.token("default", "extract")
            assert asked(stub, metadata=[("authorization", f"Bearer {good}")]) is grpc.StatusCode.OK
            other = realm.token("default", "observe")
            assert (
                asked(stub, metadata=[("authorization", f"Bearer {other}")])
                is grpc.StatusCode.PERMISSION_DENIED
            )


def test_whoever_reports_more_load_gets_less():
    """One of the two has a fourth of the places; with the same work it is more loaded, and Envoy gives it less."""
    ports = {}
    with (
        start_extractor(NOBODY, METAEXTRACT_PARSE_CONCURRENCY="1", METAEXTRACT_ACCESS_LOG_RATIO="1") as small,
        start_extractor(NOBODY, METAEXTRACT_PARSE_CONCURRENCY="8", METAEXTRACT_ACCESS_LOG_RATIO="1") as large,
        Proxy("envoy", (small.port, large.port)) as proxy,
        grpc.insecure_channel(proxy.address) as channel,
    ):
        time.sleep(1.0)
        call = extractor_pb2_grpc.ExtractorServiceStub(channel).Extract
        ends_at = time.monotonic() + 6
        room = threading.Semaphore(AT_ONCE)
        running = []
        while time.monotonic() < ends_at:
            room.acquire()
            running.append(call.future(photo(len(running)), timeout=20))
            running[-1].add_done_callback(lambda _: room.release())
            time.sleep(0.02)
        ends = {each.code() for each in running}
        time.sleep(0.5)
        for name, process in (("small", small), ("large", large)):
            ports[name] = Counter('/Extract"' in line for line in process.log)[True]
    assert ends <= {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}, (
        "on a slow machine one is refused"
    )
    assert ports["small"] + ports["large"] == len(running)
    assert ports["large"] > 1.3 * ports["small"], ports


def test_a_stranger_at_the_edge_is_told_in_grpc():
    with Proxy("envoy", (1, 1)) as proxy, grpc.insecure_channel(proxy.address) as channel:
        assert asked(extractor_pb2_grpc.ExtractorServiceStub(channel)) is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://{proxy.address}/nothing", timeout=5)
