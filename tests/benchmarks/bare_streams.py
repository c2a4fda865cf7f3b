"""References for uploads: the library alone, with our messages, chunks, loop and client, and no work.

`python -m tests.benchmarks.bare_streams MODE [ARGUMENT]`: `sink` counts a session's bytes; `relay ADDRESS` hands them on as
chunks; `store FOLDER` writes chunks into a file.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

import grpc
import uvloop
from grpc import aio

from metaextract.cache.v1 import chunk_pb2, chunk_pb2_grpc
from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from service_runtime.memory.release import tune_for_large_messages
from tests.support.processes import ServiceProcess

_LIMITS = [("grpc.max_receive_message_length", 16 * 2**20), ("grpc.max_send_message_length", 16 * 2**20)]
Answer = extractor_pb2.ExtractSessionResponse
_ALL = 1 << 40
_TLS = os.environ.get("BARE_TLS", "")


class BareStreams(ServiceProcess):
    """`tls`: a folder with ca.pem, server.pem and server.key, for both of its hops."""

    def __init__(self, *arguments: str, tls: str = "") -> None:
        self._arguments = list(arguments)
        super().__init__("tests.benchmarks.bare_streams", BARE_TLS=tls)

    def _command(self, module: str) -> list[str]:
        return [sys.executable, "-m", module, *self._arguments]


def _pem(name: str) -> bytes:
    return (Path(_TLS) / name).read_bytes()


def stream_request(offer):
    """Asks for all of the file at once, without limit."""
    span = extractor_pb2.ByteSpan(offset_bytes=0, length_bytes=offer.size_bytes)
    return Answer(stream=extractor_pb2.StreamRequest(ranges=[span], credit_bytes=_ALL))


class Sink(extractor_pb2_grpc.ExtractorServiceServicer):
    async def ExtractSession(self, request_iterator, context):
        total, size = 0, 0
        async for message in request_iterator:
            if message.HasField("offer"):
                size = message.offer.size_bytes
                yield stream_request(message.offer)
                continue
            total += len(message.chunk.data)
            if total >= size:
                break
        info = extractor_pb2.ExtractionInfo(moved_bytes=total)
        yield Answer(enough=extractor_pb2.Enough())
        yield Answer(result=extractor_pb2.SessionResult(info=info))


class Relay(extractor_pb2_grpc.ExtractorServiceServicer):
    def __init__(self, target: str) -> None:
        channel = (
            aio.secure_channel(target, grpc.ssl_channel_credentials(_pem("ca.pem")), options=_LIMITS)
            if _TLS
            else aio.insecure_channel(target, options=_LIMITS)
        )
        self._stub = chunk_pb2_grpc.ChunkServiceStub(channel)

    async def ExtractSession(self, request_iterator, context):
        iterator = aiter(request_iterator)
        offer = (await anext(iterator)).offer
        yield stream_request(offer)

        async def chunks():
            total = 0
            yield chunk_pb2.UploadChunksRequest(start=chunk_pb2.UploadStart(size_bytes=offer.size_bytes))
            async for message in iterator:
                chunk = message.chunk
                total += len(chunk.data)
                yield chunk_pb2.UploadChunksRequest(
                    chunk=chunk_pb2.ChunkData(
                        offset_bytes=chunk.offset_bytes, data=chunk.data, crc32=chunk.crc32
                    )
                )
                if total >= offer.size_bytes:
                    return

        committed = 0
        async for answer in self._stub.UploadChunks(chunks()):
            committed = answer.committed_offset_bytes
        info = extractor_pb2.ExtractionInfo(moved_bytes=committed)
        yield Answer(enough=extractor_pb2.Enough())
        yield Answer(result=extractor_pb2.SessionResult(info=info))


class Store(chunk_pb2_grpc.ChunkServiceServicer):
    def __init__(self, folder: str) -> None:
        self._folder = folder

    async def UploadChunks(self, request_iterator, context):
        loop = asyncio.get_running_loop()
        total = 0
        with tempfile.TemporaryFile(dir=self._folder) as file:
            async for message in request_iterator:
                if message.HasField("chunk"):
                    data = message.chunk.data
                    await loop.run_in_executor(None, os.write, file.fileno(), data)
                    total += len(data)
                    yield chunk_pb2.UploadChunksResponse(committed_offset_bytes=total, credit_bytes=len(data))


async def main(mode: str, argument: str = "") -> None:
    server = aio.server(options=[("grpc.so_reuseport", 0), *_LIMITS])
    if mode == "store":
        chunk_pb2_grpc.add_ChunkServiceServicer_to_server(Store(argument), server)
    else:
        servicer = Sink() if mode == "sink" else Relay(argument)
        extractor_pb2_grpc.add_ExtractorServiceServicer_to_server(servicer, server)
    if _TLS:
        credentials = grpc.ssl_server_credentials([(_pem("server.key"), _pem("server.pem"))])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"message": "ready", "port": port}), file=sys.stderr, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    tune_for_large_messages()
    uvloop.run(main(*sys.argv[1:]))
