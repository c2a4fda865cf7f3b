"""Where the memory tier puts records: small ones in an arena, large ones in pages of their own."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Protocol

from cache_service.entries import record
from cache_service.tiers.arena import ArenaFullError

if TYPE_CHECKING:
    from cache_service.tiers.arena import Move


class Storage(Protocol):
    """Records by location."""

    @property
    def held_bytes(self) -> int:
        """Memory taken."""
        ...

    def append(self, data: bytes) -> int:
        """The location of an encoded record; ArenaFullError when there is no place."""
        ...

    def read(self, location: int) -> record.Record:
        """The record there."""
        ...

    def key_text(self, location: int) -> bytes:
        """The key of the record there, as text."""
        ...

    def size(self, location: int) -> int:
        """Bytes of the record there."""
        ...

    def free(self, location: int) -> None:
        """Gives the record up."""
        ...

    def needs_compaction(self) -> bool:
        """Whether `compact` would give memory back."""
        ...

    def compact(self, steps: int, move: Move) -> None:
        """A bounded piece of that work; see `Arena.compact`."""
        ...

    def close(self) -> None:
        """Gives everything back."""
        ...


class MappedStorage:
    """Large records, each in pages of its own, which go back to the system when it is freed: there is nothing to compact.

    Not as `bytes`: an allocator that gives large blocks back at once does so with each message as well, which made the chunks of
    an upload cost 1.6 times as much CPU (`make bench ONLY=upload_vs_sink`).
    """

    def __init__(self) -> None:
        self._records: dict[int, tuple[mmap.mmap, int]] = {}
        self._next = 0
        self.held_bytes = 0

    def append(self, data: bytes) -> int:
        """The location; ArenaFullError when the system has no room for another mapping."""
        try:
            pages = mmap.mmap(-1, len(data))
        except OSError as error:
            raise ArenaFullError from error
        pages.write(data)
        self._next += 1
        self._records[self._next] = pages, len(data)
        self.held_bytes += len(data)
        return self._next

    def read(self, location: int) -> record.Record:
        """See `Storage.read`."""
        with memoryview(self._records[location][0]) as view:
            return record.decode(view)

    def key_text(self, location: int) -> bytes:
        """See `Storage.key_text`."""
        with memoryview(self._records[location][0]) as view:
            return record.key_text(view, 0)

    def size(self, location: int) -> int:
        """See `Storage.size`."""
        return self._records[location][1]

    def free(self, location: int) -> None:
        """See `Storage.free`."""
        pages, length = self._records.pop(location)
        pages.close()
        self.held_bytes -= length

    def needs_compaction(self) -> bool:
        """Never."""
        return False

    def compact(self, steps: int, move: Move) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Gives everything back."""
        for pages, _ in self._records.values():
            pages.close()
        self._records.clear()
        self.held_bytes = 0
