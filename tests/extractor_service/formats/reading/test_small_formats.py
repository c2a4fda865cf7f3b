"""Thrift, protobuf, flatbuffers, snappy, LZ4, and numbers that are dates: what footers are written in."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.formats.containers.hdf5.mending import lookup3
from extractor_service.formats.reading import epochs, unpack
from extractor_service.formats.reading import protobuf_wire as wire
from extractor_service.formats.reading.damage import NONSENSE
from extractor_service.formats.reading.flatbuffer import Table
from extractor_service.formats.reading.thrift import Compact
from metaextract.extractor.v1 import extractor_pb2
from tests.support.protobuf import varint

DAMAGE = (*NONSENSE, IndexError)


@given(
    st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=40), st.booleans()), max_size=14)
)
def test_a_struct_comes_back(values):
    data = b""
    for value in values:
        if isinstance(value, bool):
            data += bytes((0x10 | (1 if value else 2),))
        elif isinstance(value, int):
            data += b"\x16" + varint((value << 1 ^ value >> 63) & (2**64 - 1))
        else:
            data += b"\x18" + varint(len(value)) + value
    assert Compact(data + b"\0").struct() == dict(enumerate(values, 1))


@given(st.integers(0, 2**32 - 1), st.text(max_size=30), st.lists(st.integers(0, 3), max_size=5))
def test_a_message_comes_back(number, text, numbers):
    message = extractor_pb2.PlanExtractionResponse(
        format=text, moved_bytes=number, modules=["a", "b"], seconds=1.5
    )
    options = extractor_pb2.ExtractOptions(digests=numbers)
    told = wire.fields(message.SerializeToString())
    assert wire.text(told, 1) == text and wire.number(told, 4) == number and told[3] == [b"a", b"b"]
    assert wire.double(wire.number(told, 6)) == 1.5
    assert wire.packed(wire.fields(options.SerializeToString()).get(2, [])) == numbers


@given(st.binary(max_size=200))
def test_chance_ends_in_an_error_that_is_expected(data):
    for read in (
        lambda: Compact(data).struct(), lambda: wire.fields(data), lambda: unpack.snappy(data, 1000), lambda: unpack.lz4_block(data, 1000),
        lambda: list(Table.root(data).tables(1)), lambda: Table.root(data).text(0),
    ):  # fmt: skip
        with contextlib.suppress(*DAMAGE):
            read()


def test_blocks_are_unpacked():
    # A literal of four, then a copy from four before that is longer than that; both formats' own documents.
    assert unpack.snappy(b"\x0c\x0cabcd\x11\x04", 100) == b"abcdabcdabcd"
    assert unpack.lz4_block(b"\x44abcd\x04\x00\x10e", 100) == b"abcdabcdabcde"
    with pytest.raises(ValueError, match="bytes"):
        unpack.snappy(b"\xff\xff\x7f", 100)
    with pytest.raises((ValueError, IndexError)):
        unpack.lz4_block(b"\x04\x09\x00", 100)


def test_jenkins_hash():
    # burtleburtle.net/bob/c/lookup3.c, driver5: hashlittle("", 0) and of the four score.
    assert lookup3(b"") == 0xDEADBEEF
    assert lookup3(b"Four score and seven years ago") == 0x17770551


@pytest.mark.parametrize(
    ("told", "right"),
    [
        (epochs.day_of(-1), "1969-12-31"),
        (epochs.day_of(10**9), None),
        (epochs.instant_of(1_500, 1000, is_utc=True), "1970-01-01T00:00:01.5Z"),
        (epochs.instant_of(-1, 1_000_000_000, is_utc=False), "1969-12-31T23:59:59.999999999"),
        (epochs.instant_of(2**63 - 1, 1000, is_utc=True), None),
        (epochs.time_of(3_661_000_001, 1_000_000), "01:01:01.000001"),
        (epochs.time_of(-1, 1000), None),
        (epochs.decimal_of(-125, 2), "-1.25"),
        (epochs.decimal_of(5, 3), "0.005"),
        (epochs.decimal_of(7, 0), "7"),
    ],
)
def test_numbers_as_dates(told, right):
    assert told == right
