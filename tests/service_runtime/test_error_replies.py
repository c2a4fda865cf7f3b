"""What bad requests get, from both services: a typed status that fits into a header, and next to nothing in the log."""

from __future__ import annotations

import time

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from metaextract.cache.v1 import chunk_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from service_runtime.identity.roles import ROLES
from tests.samples import PHOTOS
from tests.support.processes import start_cache, start_extractor

pytestmark = pytest.mark.servers
Code = grpc.StatusCode
_MAX_LOG_BYTES = 300  # for one bad request; repeated ones may cost nothing more
_MAX_MESSAGE_CHARS = 300
_MAX_TRAILER_BYTES = 4096  # of the 8 KiB that a header list may have by default
STREAMS = {"ExtractUpload", "ExtractSession", "ExtractBatch", "UploadChunks", "ServerReflectionInfo"}
LONG = "m" * 2**20
ODD = "a\0b\r\nc\u202egpj.exe"


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    folder = tmp_path_factory.mktemp("errors")
    (folder / "root").mkdir()
    with (
        start_cache(folder / "cache") as cache,
        start_extractor(
            cache.address,
            METAEXTRACT_FILE_ROOTS=str(folder / "root"),
            METAEXTRACT_REMOTE_PREFIXES="https://data.example.org/public/",
        ) as extractor,
    ):
        yield {"extractor": extractor, "cache": cache}


@pytest.fixture(scope="module")
def stub(services):
    with grpc.insecure_channel(services["extractor"].address) as channel:
        yield extractor_pb2_grpc.ExtractorServiceStub(channel)


def logged(services) -> int:
    return sum(len(line) for each in services.values() for line in each.log)


def checked(services, call, *, repeats: int = 3) -> grpc.Call:
    """The refusal that `call` ends with; what it and its repetitions cost in log and header is within bounds."""
    before = logged(services)
    for _ in range(repeats):
        with pytest.raises(grpc.RpcError) as refusal:
            call()
    time.sleep(0.05)
    error = refusal.value
    assert len(error.details()) <= _MAX_MESSAGE_CHARS
    assert sum(len(key) + len(value) for key, value in error.trailing_metadata()) <= _MAX_TRAILER_BYTES
    assert logged(services) - before <= _MAX_LOG_BYTES
    assert not any('"level": "error"' in line for each in services.values() for line in each.log)
    return error


def reason(error) -> str:
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason
    return ""


@pytest.mark.parametrize("method", [each for each in ROLES if "grpc.reflection" not in each])
def test_bytes_that_are_no_message(services, method):
    service = services["extractor" if "extractor" in method or "orca" in method else "cache"]
    with grpc.insecure_channel(service.address) as channel:
        if method.rpartition("/")[2] in STREAMS:

            def call():
                return list(channel.stream_stream(method)(iter([b"\xff\xff"]), timeout=10))
        else:

            def call():
                return list(channel.unary_stream(method)(b"\xff\xff", timeout=10))

        error = checked(services, call)
    assert error.code() is Code.INVALID_ARGUMENT and "aren't a message" in error.details()


def test_a_name_of_a_megabyte_isnt_echoed(services, stub):
    request = pb.ExtractRequest(inline=pb.InlineSource(data=b"x"), options=pb.ExtractOptions(modules=[LONG]))
    error = checked(services, lambda: stub.Extract(request))
    assert error.code() is Code.INVALID_ARGUMENT and reason(error) == "INVALID_FIELD"


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("https://data.example.org/public/%252e%252e/secret", Code.PERMISSION_DENIED),
        ("https://data.example.org/public/%25252e%25252e/secret", Code.PERMISSION_DENIED),
        ("https://data.example.org/public/" + "%" + "25" * 3000 + "2e", Code.PERMISSION_DENIED),
        ("https://elsewhere.example.org/" + LONG, Code.PERMISSION_DENIED),
        ("file:///" + LONG, Code.PERMISSION_DENIED),
        ("file:///etc/%2e%2e/passwd", Code.INVALID_ARGUMENT),
        ("file:///etc/\0passwd", Code.INVALID_ARGUMENT),
        (LONG, Code.INVALID_ARGUMENT),
        ("\u202ehttps://a", Code.PERMISSION_DENIED),
    ],
)
def test_hostile_uris(services, stub, uri, code):
    error = checked(services, lambda: stub.Extract(pb.ExtractRequest(uri=uri)))
    assert error.code() is code, error.details()


def test_hostile_names_are_shown_without_harm(services, stub):
    photo = PHOTOS[0].read_bytes()
    before = logged(services)
    for name in (
        ODD,
        "/etc/" + ODD,
        "n" * 4_000_000 + ".jpg",
        "..",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ):
        found = stub.Extract(
            pb.ExtractRequest(inline=pb.InlineSource(data=photo[:100_000], name=name))
        ).document.file.name
        assert len(found) <= 255 and (found.isprintable() or "\ufffd" in found)
        assert not set(found) & set("\0\r\n\u202e")
    assert stub.Extract(
        pb.ExtractRequest(inline=pb.InlineSource(data=photo, name="n" * 4000 + ".jpg"))
    ).document.file.name.endswith(".jpg")
    assert logged(services) == before


def test_too_large_messages(services, stub):
    request = pb.ExtractRequest(inline=pb.InlineSource(data=bytes(4 * 2**20 + 1)))
    error = checked(services, lambda: stub.Extract(request))
    assert error.code() is Code.INVALID_ARGUMENT and "use ExtractSession" in error.details()
    request = pb.ExtractRequest(inline=pb.InlineSource(data=bytes(30 * 2**20)))  # where there is memory
    error = checked(services, lambda: stub.Extract(request))
    assert error.code() is Code.INVALID_ARGUMENT and "use ExtractSession" in error.details()
    request = pb.ExtractRequest(inline=pb.InlineSource(data=bytes(33 * 2**20)))
    assert checked(services, lambda: stub.Extract(request)).code() is Code.RESOURCE_EXHAUSTED


def test_streams_that_begin_wrongly(services, stub):
    for call in (
        lambda: stub.ExtractUpload(iter([pb.ExtractUploadRequest(data=b"x")])),
        lambda: list(stub.ExtractSession(iter([pb.ExtractSessionRequest(failure=pb.SourceFailure(message=LONG))]))),
        lambda: list(stub.ExtractBatch(iter([pb.ExtractBatchRequest()]))),
        lambda: stub.ExtractUpload(iter([])),
        lambda: list(stub.ExtractSession(iter([pb.ExtractSessionRequest(offer=pb.SessionOffer(version=LONG, size_bytes=1, can_seek=True))]))),
    ):  # fmt: skip
        assert checked(services, call).code() is Code.INVALID_ARGUMENT


def test_unknown_methods_and_ids(services):
    with grpc.insecure_channel(services["cache"].address) as channel:
        call = channel.unary_unary("/metaextract.cache.v1.ChunkService/Nothing")
        assert checked(services, lambda: call(b"")).code() is Code.UNIMPLEMENTED
        call = channel.unary_unary(
            "/metaextract.cache.v1.ChunkService/GetUpload",
            request_serializer=chunk_pb2.GetUploadRequest.SerializeToString,
        )
        for upload_id in (LONG, ODD, "", "x/y"):
            error = checked(
                services, lambda upload_id=upload_id: call(chunk_pb2.GetUploadRequest(upload_id=upload_id))
            )
            assert error.code() in {Code.NOT_FOUND, Code.UNAVAILABLE}


def test_healthy_work_logs_nothing(services, stub):
    before = logged(services)
    for path in PHOTOS:
        data = path.read_bytes()
        stub.Extract(pb.ExtractRequest(inline=pb.InlineSource(data=data, name=path.name)))
        parts = [
            pb.ExtractUploadRequest(header=pb.UploadHeader(name=path.name)),
            pb.ExtractUploadRequest(data=data[:1000]),
        ]
        stub.ExtractUpload(iter(parts))
        offer = pb.ExtractSessionRequest(
            offer=pb.SessionOffer(name=path.name, size_bytes=len(data), can_seek=True)
        )
        call = stub.ExtractSession(iter([offer]))
        call.cancel()
    time.sleep(0.5)
    assert logged(services) == before
