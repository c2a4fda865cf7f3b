"""A block cache over any source: few large reads instead of many small ones, bounded, and counted."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from extractor_service.breath import EVERY, breathe
from extractor_service.sources.base import is_distant, will_read

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extractor_service.sources.base import ByteSource

BLOCK_BYTES: Final = 16 * 1024  # moved the least of 16, 64, 256 KiB, at some more trips (measured)
_DEFAULT_CAPACITY: Final = 256  # blocks, 4 MiB


class BlockCachedSource:
    """Reads aligned blocks of 16 KiB and keeps the most recently used ones.

    Attributes:
        bytes_read: bytes fetched from the source beneath, blocks counted whole.
        reads: fetches made from it; neighbouring missing blocks are one fetch.
        hits: ranges answered.
        error: the first failure of the source beneath. Libraries turn I/O errors into "corrupt file"; who asks
            here afterwards knows better.
    """

    def __init__(
        self, source: ByteSource, block_bytes: int = BLOCK_BYTES, capacity_blocks: int = _DEFAULT_CAPACITY
    ) -> None:
        self._source = source
        self._size_bytes = source.size_bytes
        self.is_distant = is_distant(source)
        self._block_bytes = block_bytes
        self._capacity = capacity_blocks
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self.bytes_read = 0
        self.reads = 0
        self.hits = 0
        self.error: Exception | None = None

    @property
    def size_bytes(self) -> int:
        """Size of the whole file."""
        return self._size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_range`. Ranges larger than half the cache pass through uncached."""
        if offset < 0 or length < 0:
            raise ValueError(f"negative range: {offset}, {length}")
        length = min(length, self._size_bytes - offset)
        if length <= 0:
            return b""
        if self.hits % EVERY == 0:
            breathe()
        self.hits += 1
        size = self._block_bytes
        first, last = offset // size, (offset + length - 1) // size
        if first == last:
            start = offset - first * size
            return self._block(first)[start : start + length]
        if last - first >= self._capacity // 2:
            return self._fetch(offset, length)
        self._fill(first, last)
        joined = b"".join(self._block(number) for number in range(first, last + 1))
        start = offset - first * size
        return joined[start : start + length]

    def prefetch(self, spans: Iterable[tuple[int, int]]) -> None:
        """Passes a parser's hint on to the source beneath."""
        will_read(self._source, spans)

    def _block(self, number: int) -> bytes:
        block = self._blocks.get(number)
        if block is None:
            block = self._fetch(number * self._block_bytes, self._block_bytes)
            self._blocks[number] = block
            if len(self._blocks) > self._capacity:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(number)
        return block

    def _fill(self, first: int, last: int) -> None:
        size = self._block_bytes
        number = first
        while number <= last:
            if number in self._blocks:
                self._blocks.move_to_end(number)
                number += 1
                continue
            end = number
            while end < last and end + 1 not in self._blocks:
                end += 1
            data = self._fetch(number * size, (end - number + 1) * size)
            for index in range(number, end + 1):
                start = (index - number) * size
                self._blocks[index] = data[start : start + size]
            number = end + 1
        while len(self._blocks) > self._capacity:
            self._blocks.popitem(last=False)

    def _fetch(self, offset: int, length: int) -> bytes:
        try:
            data = self._source.read_range(offset, length)
        except Exception as error:
            self.error = self.error or error
            raise
        self.reads += 1
        self.bytes_read += len(data)
        return data
