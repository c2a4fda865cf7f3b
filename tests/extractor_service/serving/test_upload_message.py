"""A chunk is taken out of its message without being decoded, and everything else is decoded."""

import pytest
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from extractor_service.serving.upload_message import upload_part
from metaextract.extractor.v1 import extractor_pb2

Part = extractor_pb2.ExtractUploadRequest


@given(st.binary(max_size=300))
@example(b"")
@example(bytes(127))
@example(bytes(128))
@example(bytes(2**14))
@example(bytes(2**21))
def test_a_chunk_is_its_bytes(data):
    part = upload_part(Part(data=data).SerializeToString())
    assert isinstance(part, memoryview) and part == data


def test_a_header_is_a_message():
    message = Part(header=extractor_pb2.UploadHeader(name="a.fits", size_bytes=2**40))
    assert upload_part(message.SerializeToString()) == message


@given(st.binary(max_size=40).map(lambda rest: bytes((0x12,)) + rest))
def test_what_begins_like_a_chunk_is_what_protobuf_says(raw):
    """Cut lengths, fields behind the chunk, a second chunk that counts instead of the first."""
    try:
        expected = Part.FromString(raw)
    except DecodeError:
        with pytest.raises(DecodeError):
            upload_part(raw)
        return
    part = upload_part(raw)
    if isinstance(part, memoryview):
        assert expected.WhichOneof("part") == "data" and part == expected.data
    else:
        assert part == expected
