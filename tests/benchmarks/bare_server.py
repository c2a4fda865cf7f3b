"""The reference: what the library itself costs, with the same loop, options and message types, and no work at all.

Extract and GetResult answer what they are given at the start; ExtractUpload counts bytes. `python -m
tests.benchmarks.bare_server EXTRACT_RESPONSE GET_RESULT_RESPONSE`, both files of encoded messages.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import uvloop
from grpc import aio

from metaextract.cache.v1 import result_pb2, result_pb2_grpc
from metaextract.extractor.v1 import extractor_pb2, extractor_pb2_grpc
from service_runtime.listener import ServerOptions
from service_runtime.memory.release import tune_for_large_messages


class Extractor(extractor_pb2_grpc.ExtractorServiceServicer):
    def __init__(self, answer):
        self._answer = answer

    async def Extract(self, request, context):
        return self._answer

    async def ExtractUpload(self, request_iterator, context):
        total = 0
        async for part in request_iterator:
            total += len(part.data)
        return extractor_pb2.ExtractUploadResponse(info=extractor_pb2.ExtractionInfo(source_bytes_read=total))


class Results(result_pb2_grpc.ResultServiceServicer):
    def __init__(self, answer):
        self._answer = answer

    async def GetResult(self, request, context):
        return self._answer


async def main(extract: Path, get_result: Path) -> None:
    options = ServerOptions("127.0.0.1:0", share_port=False, max_receive_bytes=16 * 2**20)
    server = aio.server(
        options=(
            ("grpc.so_reuseport", 0),
            ("grpc.max_receive_message_length", options.max_receive_bytes),
            ("grpc.max_send_message_length", options.max_send_bytes),
        )
    )
    extractor_pb2_grpc.add_ExtractorServiceServicer_to_server(
        Extractor(extractor_pb2.ExtractResponse.FromString(extract.read_bytes())), server
    )
    result_pb2_grpc.add_ResultServiceServicer_to_server(
        Results(result_pb2.GetResultResponse.FromString(get_result.read_bytes())), server
    )
    port = server.add_insecure_port(options.address)
    await server.start()
    print(json.dumps({"message": "ready", "port": port}), file=sys.stderr, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    tune_for_large_messages()
    uvloop.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
