"""Keeps of a stream that can't go back only what a reader asks for, while the bytes pass."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from extractor_service.sources.base import SourceError
from service_runtime.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extractor_service.sources.spans import Span
    from extractor_service.sources.sparse import SparseFile
    from extractor_service.uploads.chunk import Chunk


class PassingSink:
    """A sink whose stream stands still while nobody has said what of it is wanted, so that no byte passes unseen.

    Three ends of that: `keep_all` (what reads it goes back), `drop_all` (nothing more is wanted), `end` (the stream is over).
    """

    def __init__(self, file: SparseFile, max_bytes: int) -> None:
        """`max_bytes`: of a stream that is kept whole."""
        self._file = file
        self._max_bytes = max_bytes
        self._position = 0
        self._wanted: list[Span] = []
        self._decided = asyncio.Event()
        self._answered = asyncio.Event()
        self._keeps_all = self._drops_all = self._is_over = False
        self.has_dropped = False
        """Whether bytes have passed that nobody wanted."""

    async def put(self, chunk: Chunk, release: Callable[[], None]) -> None:
        """Takes the next chunk; raises SpoolFullError, InvalidRequestError when a whole file is too much."""
        at = self._position = chunk.offset
        while at < chunk.end and not self._drops_all:
            if self._keeps_all:
                if chunk.end > self._max_bytes:
                    raise InvalidRequestError("chunk", f"uploads end at {self._max_bytes} bytes")
                await self._keep(chunk, at, chunk.end)
                break
            if not self._wanted:
                self._decided.clear()
                await self._decided.wait()
                continue
            first = self._wanted[0]
            begin, end = max(at, first.offset), min(chunk.end, first.end)
            self.has_dropped = self.has_dropped or begin > at
            if begin < end:
                await self._keep(chunk, begin, end)
            at = self._position = min(max(end, begin), chunk.end)
            if end == first.end:
                self._wanted.pop(0)
                if not self._wanted:
                    self._answered.set()
        self._position = chunk.end
        self.has_dropped = self.has_dropped or self._drops_all
        release()

    async def _keep(self, chunk: Chunk, begin: int, end: int) -> None:
        data = chunk.data[begin - chunk.offset : end - chunk.offset]
        await asyncio.to_thread(self._file.write, begin, data)

    async def fetch(self, spans: Sequence[Span]) -> None:
        """Returns once `spans`, which lie ahead, have passed and are kept.

        Raises:
            SourceError: one has passed already, or the stream ended before.
        """
        if any(each.offset < self._position for each in spans):
            raise SourceError("the stream has passed what is asked for")
        self._answered.clear()
        self._wanted = sorted(spans)
        self._decided.set()
        if not self._is_over:
            await self._answered.wait()
        if self._file.missing(list(spans)):
            raise SourceError("the stream ended before what is asked for")

    def keep_all(self) -> None:
        """From now on everything is kept."""
        self._keeps_all = True
        self._decided.set()

    def drop_all(self) -> None:
        """Nothing more is wanted."""
        self._drops_all = not self._keeps_all
        self._decided.set()

    def end(self) -> None:
        """The stream is over: who waits for more is told."""
        self._is_over = True
        self._answered.set()


async def has_passed(spans: Sequence[Span]) -> None:
    """Fetches nothing: raises SourceError, for the stream is over."""
    raise SourceError(f"the stream has passed what is asked for, at {spans[0].offset}")
