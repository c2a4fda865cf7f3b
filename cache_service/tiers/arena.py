"""Where the memory tier keeps records: one reserved mapping, filled segment by segment, compacted in small steps.

Why not Python objects: after a random half of many small ones is freed, nearly every page still holds a survivor, and
no allocator returns it (1,086 MB stayed 513 at an ideal of 300 after `malloc_trim`, which also stalls the loop for
145 ms). Moving the survivors together returns all, and `madvise` of a segment
stalls nobody.
"""

from __future__ import annotations

import mmap
import sys
from array import array
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cache_service.entries import record

if TYPE_CHECKING:
    from collections.abc import Callable

    # Told the key of a record, where it is, and how to copy it: whether it lives there, and has been copied.
    Move = Callable[[bytes, int, Callable[[], int]], bool]

_OFFSET_BITS = 20  # 1 MiB: less than a tenth is unused at a segment's end (MAX_RECORD_BYTES)
SEGMENT_BYTES = 1 << _OFFSET_BITS  # so that a location, segment and offset, is a place in the mapping
MAX_RECORD_BYTES = 96 * 1024
"""Larger ones would leave too much of a segment's end unused; they go to the heap tier."""
# Address space without a claim on memory; Python names it from 3.13 on.
_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000 if sys.platform == "linux" else 0)
_SLACK_RATIO = 1.15  # 15 % of memory idle; less would copy records all the time
_SLACK_SEGMENTS = 4  # spare MiB, so that a small arena isn't compacted for its last segment


class _Compaction(NamedTuple):
    segment: int
    offset: int


class ArenaFullError(Exception):
    """Every segment is in use; compaction or eviction must come first."""


class Arena:
    """Records by location. A location holds until the record is freed, or `move` has told its new one.

    Attributes:
        live_bytes: of records that haven't been freed.
        held_bytes: of segments that take memory.
    """

    def __init__(self, capacity_bytes: int) -> None:
        """Reserves address space, not memory, for `capacity_bytes` of records and what compaction needs beside them."""
        self._segments = int(capacity_bytes * _SLACK_RATIO) // SEGMENT_BYTES + _SLACK_SEGMENTS + 2
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
        self._memory = mmap.mmap(-1, self._segments * SEGMENT_BYTES, flags=flags)
        self._view = memoryview(self._memory)
        self._live = array("L", [0]) * self._segments
        self._written = array("L", [0]) * self._segments
        self._free = array("L", range(self._segments - 1, -1, -1))  # no list: its integers would pin pages
        self._head = self._free.pop()
        self._compaction: _Compaction | None = None
        self.live_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Memory of the segments in use."""
        return (self._segments - len(self._free)) * SEGMENT_BYTES

    def append(self, data: bytes | memoryview) -> int:
        """The location of `data`, an encoded record of at most MAX_RECORD_BYTES.

        Raises:
            ArenaFullError: no segment is free.
        """
        size = len(memoryview(data))
        if self._written[self._head] + size > SEGMENT_BYTES:
            self._next_head()
        head = self._head
        offset = self._written[head]
        location = head << _OFFSET_BITS | offset
        self._view[location : location + size] = data
        self._written[head] = offset + size
        self._live[head] += size
        self.live_bytes += size
        return location

    def key_text(self, location: int) -> bytes:
        """The key of the record there, as text."""
        return record.key_text(self._view, location)

    def size(self, location: int) -> int:
        """Bytes of the record there."""
        size: int = record.SIZE.unpack_from(self._view, location)[0]
        return size

    def read(self, location: int) -> record.Record:
        """The record there."""
        return record.decode(self._view, location)

    def free(self, location: int) -> None:
        """Gives the record up; a segment without any gives its memory back at once.

        What was in it is overwritten: an erased tenant's records mustn't lie about until their segment is used again.
        """
        size = self.size(location)
        body = location + record.SIZE.size  # compaction steps over it by its size
        self._view[body : location + size] = bytes(size - record.SIZE.size)
        segment = location >> _OFFSET_BITS
        self._live[segment] -= size
        self.live_bytes -= size
        if self._live[segment] == 0 and segment != self._head:
            self._release(segment)

    def needs_compaction(self) -> bool:
        """Whether much more memory is held than the records need."""
        return self.held_bytes > self.live_bytes * _SLACK_RATIO + _SLACK_SEGMENTS * SEGMENT_BYTES

    def compact(self, steps: int, move: Move) -> None:
        """Looks at up to `steps` records of the emptiest segment, and moves those that live."""
        if self._compaction is None:
            used = [
                segment
                for segment in range(self._segments)
                if self._written[segment] and segment != self._head and self._live[segment]
            ]
            if not used:
                return
            self._compaction = _Compaction(min(used, key=self._live.__getitem__), 0)
        segment, offset = self._compaction
        for _ in range(steps):
            if offset >= self._written[segment] or self._compaction is None:
                break
            location = segment << _OFFSET_BITS | offset
            size = self.size(location)
            offset += size
            self._compaction = _Compaction(segment, offset)
            data = self._view[location : location + size]
            if move(record.key_text(data, 0), location, partial(self.append, data)):
                self.free(location)
        if self._compaction is not None and offset >= self._written[segment]:
            self._compaction = None

    def close(self) -> None:
        """Gives everything back."""
        self._view.release()
        self._memory.close()

    def _next_head(self) -> None:
        if not self._free:
            raise ArenaFullError
        full, self._head = self._head, self._free.pop()
        if self._live[full] == 0:
            self._release(full)

    def _release(self, segment: int) -> None:
        self._memory.madvise(mmap.MADV_DONTNEED, segment * SEGMENT_BYTES, SEGMENT_BYTES)
        self._written[segment] = 0
        self._free.append(segment)
        if self._compaction is not None and self._compaction.segment == segment:
            self._compaction = None
