"""Holds a chunk as it is worked on. Its bytes are taken out of the message once, for each access would copy them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from service_runtime.errors import ChunkDamagedError, InvalidRequestError

if TYPE_CHECKING:
    from metaextract.extractor.v1 import extractor_pb2 as pb

# Extractor.proto's promise: below the 4 MiB of a message, twice the best size.
# Extractor.proto's promise; gRPC's own limit comes later, with a poorer error.
MAX_CHUNK_BYTES = 2 * 1024 * 1024


class Chunk(NamedTuple):
    """Consecutive bytes of the file."""

    offset: int
    data: bytes | memoryview
    crc32: int | None = None

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.offset + len(self.data)

    def check(self) -> None:
        """Raises ChunkDamagedError for a wrong checksum. A quarter of a millisecond for 1 MiB: in a thread, if possible."""
        if self.crc32 is not None and zlib.crc32(self.data) != self.crc32:
            raise ChunkDamagedError(f"the chunk at {self.offset} was damaged on its way")


def chunk_of(message: pb.FileChunk) -> Chunk:
    """The chunk; raises InvalidRequestError for one that is empty or too large."""
    data = message.data
    if not 0 < len(data) <= MAX_CHUNK_BYTES:
        raise InvalidRequestError("chunk.data", f"has {len(data)} bytes, 1 to {MAX_CHUNK_BYTES} are allowed")
    return Chunk(message.offset_bytes, data, message.crc32 if message.HasField("crc32") else None)
