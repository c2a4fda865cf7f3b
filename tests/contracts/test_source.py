"""One suite for every ByteSource."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.sources.base import SourceError
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource, DescriptorSource
from extractor_service.sources.fileobj import SourceFile

DATA = random.Random(1).randbytes(100_003)


@pytest.fixture(params=["bytes", "descriptor", "blocks", "tiny blocks"])
def source(request, tmp_path):
    if request.param == "bytes":
        yield BytesSource(DATA)
    elif request.param == "descriptor":
        path = tmp_path / "file"
        path.write_bytes(DATA)
        descriptor = os.open(path, os.O_RDONLY)
        yield DescriptorSource(descriptor, len(DATA))
        os.close(descriptor)
    elif request.param == "blocks":
        yield BlockCachedSource(BytesSource(DATA))
    else:
        yield BlockCachedSource(BytesSource(DATA), block_bytes=7, capacity_blocks=4)


def test_ranges_are_exact_and_short_only_at_the_end(source):
    assert source.size_bytes == len(DATA)
    rng = random.Random(2)
    for _ in range(300):
        offset, length = rng.randrange(len(DATA) + 50), rng.randrange(40_000)
        assert source.read_range(offset, length) == DATA[offset : offset + length]
    assert source.read_range(len(DATA), 1) == b""
    assert source.read_range(0, 0) == b""


@pytest.mark.parametrize(("offset", "length"), [(-1, 1), (0, -1)])
def test_negative_ranges_are_errors(source, offset, length):
    with pytest.raises(ValueError, match="negative"):
        source.read_range(offset, length)


def test_as_a_file_it_reads_and_seeks(source):
    file = SourceFile(source)
    assert file.read(10) == DATA[:10] and file.tell() == 10
    assert file.seek(-5, os.SEEK_END) == len(DATA) - 5 and file.read() == DATA[-5:]
    assert file.seek(5) == 5 and file.seek(5, os.SEEK_CUR) == 10
    buffer = bytearray(100)
    assert file.readinto(buffer) == 100 and bytes(buffer) == DATA[10:110]
    assert file.seek(10**9) == 10**9 and file.read(1) == b""
    with pytest.raises(ValueError, match="negative"):
        file.seek(-1)


class Counting:
    """A source that records what it is asked."""

    def __init__(self, data):
        self._data = data
        self.size_bytes = len(data)
        self.asked = []

    def read_range(self, offset, length):
        self.asked.append((offset, length))
        return self._data[offset : offset + length]


def test_blocks_are_read_once_and_neighbours_together():
    beneath = Counting(DATA)
    blocks = BlockCachedSource(beneath, block_bytes=1000, capacity_blocks=50)
    blocks.read_range(1500, 10)
    blocks.read_range(1510, 10)
    blocks.read_range(500, 5000)
    assert beneath.asked == [(1000, 1000), (0, 1000), (2000, 4000)]
    assert (blocks.reads, blocks.bytes_read) == (3, 6000)


def test_the_cache_is_bounded():
    blocks = BlockCachedSource(BytesSource(DATA), block_bytes=100, capacity_blocks=10)
    for offset in range(0, len(DATA), 333):
        blocks.read_range(offset, 450)
        assert len(blocks._blocks) <= 10


@given(
    st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 400)), max_size=50),
    st.integers(1, 70),
    st.integers(2, 9),
)
def test_any_block_size_gives_the_same_bytes(ranges, block_bytes, capacity):
    data = DATA[:1000]
    blocks = BlockCachedSource(BytesSource(data), block_bytes, capacity)
    for offset, length in ranges:
        assert blocks.read_range(offset, length) == data[offset : offset + length]


def test_the_first_failure_is_remembered():
    class Failing(Counting):
        def read_range(self, offset, length):
            raise SourceError("network")

    blocks = BlockCachedSource(Failing(DATA))
    with pytest.raises(SourceError):
        blocks.read_range(0, 1)
    assert isinstance(blocks.error, SourceError)


def test_a_file_that_shrank_is_an_error_not_an_end(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"short")
    descriptor = os.open(path, os.O_RDONLY)
    with pytest.raises(SourceError, match="ended at 5"):
        DescriptorSource(descriptor, 100).read_range(0, 100)
    os.close(descriptor)
