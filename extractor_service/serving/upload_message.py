"""Messages of an upload as they are taken in: the bytes of a chunk stay where they lie."""

from __future__ import annotations

from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.protobuf_bytes import LENGTH_DELIMITED, read_varint

_DATA = pb.ExtractUploadRequest.DATA_FIELD_NUMBER << 3 | LENGTH_DELIMITED


def upload_part(raw: bytes) -> pb.ExtractUploadRequest | memoryview:
    """The message; of one that is a chunk and nothing else the chunk. Protobuf would copy each megabyte twice.

    Raises:
        DecodeError: the bytes are no message.
    """
    if raw and raw[0] == _DATA:
        length, start = read_varint(raw, 1)
        if start and start + length == len(raw):
            return memoryview(raw)[start:]
    return pb.ExtractUploadRequest.FromString(raw)
