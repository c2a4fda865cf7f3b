"""Joined bytes are those that protobuf itself would write."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extractor_service.formats.identification.identify import by_the_name, identify
from extractor_service.results.encoded_document import encoded
from metaextract.document.v1 import document_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2
from service_runtime.protobuf_bytes import part, varint

JPEG = identify(b"\xff\xd8\xff\xe0" + bytes(20), 1000)
texts = st.text(max_size=300)


def made(name, text):
    return pb.Document(
        file=pb.FileInfo(
            name=name, size_bytes=5, format="jpeg", digests=[pb.Digest(algorithm=1, hex="0f" * 32)]
        ),
        common=pb.Common(title=text, width_pixels=0),
        sections=[pb.Section(name="exif", fields=[pb.Field(name=text, text=text)])] * 3,
        modules=[pb.ModuleReport(name="metadata", elapsed_seconds=0.5)],
        outcome=pb.OUTCOME_PARTIAL,
    )


@given(texts, texts, texts)
def test_a_name_is_joined_as_if_it_had_been_there(first, second, text):
    document = made(first, text)
    ready = encoded(document, JPEG, by_the_name(JPEG, first))
    assert document == made(first, text), "left as it was"
    for name in (first, second, ""):
        assert ready.of(name) == made(name, text).SerializeToString()
    assert ready.outcome == pb.OUTCOME_PARTIAL and ready.reader == "jpeg"


@given(st.integers(0, 2**40))
def test_lengths_are_written_as_protobuf_writes_numbers(number):
    assert b"\x10" + varint(number) == pb.FileInfo(size_bytes=number).SerializeToString() or number == 0


@given(texts)
def test_parts_make_a_message(text):
    document, info = made(text, text), extractor_pb2.ExtractionInfo(content_id=text)
    response = extractor_pb2.ExtractResponse(document=document, info=info)
    assert (
        part(1, document.SerializeToString()) + part(2, info.SerializeToString())
        == response.SerializeToString()
    )
