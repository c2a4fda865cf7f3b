"""What a refused request leaves behind: nothing, also without a collection of circles."""

from __future__ import annotations

import gc
import weakref

import grpc
import pytest
from grpc import aio

from service_runtime.errors import OverloadedError
from service_runtime.interceptors import InterceptingServer

METHOD = "/test.Service/Call"


class Request:
    """A message whose life can be watched."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw


@pytest.mark.parametrize("error", [OverloadedError("full", 0.1), RuntimeError("a defect")])
@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_refused_request_is_freed_at_once(error, is_stream, caplog):
    seen: list[weakref.ref[Request]] = []

    def decode(raw: bytes) -> Request:
        request = Request(raw)
        seen.append(weakref.ref(request))
        return request

    async def unary(request, context):
        held = request
        raise type(error)(*error.args, *([0.1] if isinstance(error, OverloadedError) else []))
        return held

    async def stream(request, context):
        await unary(request, context)
        yield b""

    make = grpc.unary_stream_rpc_method_handler if is_stream else grpc.unary_unary_rpc_method_handler
    handler = make(stream if is_stream else unary, request_deserializer=decode)
    server = aio.server()
    InterceptingServer(server).add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("test.Service", {"Call": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    gc.collect()
    gc.disable()
    try:
        async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            for _ in range(5):
                with pytest.raises(aio.AioRpcError):
                    if is_stream:
                        async for _answer in channel.unary_stream(METHOD)(b"x"):
                            pass
                    else:
                        await channel.unary_unary(METHOD)(b"x")
        await server.stop(None)
        alive = sum(each() is not None for each in seen)
    finally:
        gc.enable()
    assert len(seen) == 5 and alive <= 1, "the last may still be on its way out"
    assert sum("unexpected error" in each.message for each in caplog.records) <= 1, (
        "and defects are told once"
    )


async def test_bytes_that_are_no_message_are_the_callers_fault(caplog):
    """On a stream, too, where gRPC itself would have answered UNKNOWN and logged a traceback."""
    from metaextract.extractor.v1 import extractor_pb2 as pb

    async def upload(incoming, context):
        async for _ in incoming:
            pass
        return pb.ExtractUploadResponse()

    handler = grpc.stream_unary_rpc_method_handler(
        upload,
        request_deserializer=pb.ExtractUploadRequest.FromString,
        response_serializer=pb.ExtractUploadResponse.SerializeToString,
    )
    server = aio.server()
    InterceptingServer(server).add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler("test.Service", {"Call": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(aio.AioRpcError) as refusal:
            await channel.stream_unary(METHOD)(iter([b"\xff\xff"]))
    await server.stop(None)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT and caplog.records == []
