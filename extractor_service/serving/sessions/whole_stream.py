"""Takes a whole stream in: hashed, and handed to a sink that keeps it, or to none."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

from extractor_service.serving.sessions.link import Stream
from extractor_service.serving.sessions.stream_hasher import StreamHasher
from extractor_service.sources.spans import Span, SpanSet
from extractor_service.uploads.chunk import Chunk
from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.credits import charge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from extractor_service.serving.sessions.link import SessionLink
    from extractor_service.sources.sparse import SparseFile
    from service_runtime.credits import StreamCredit

_PIECE_BYTES = 1024 * 1024  # of what is at hand, like a client's chunks
_PROGRESS_SECONDS = 0.5  # between two words on how far a stream is: for people who wait
_MAX_HASHING = 2
"""Chunks that are being hashed while the next one is handed on."""


class Sink(Protocol):
    """Keeps a stream."""

    async def put(self, chunk: Chunk, release: Callable[[], None]) -> None:
        """Takes the next chunk; calls `release` when it may be forgotten, which may be later."""
        ...


class NoSink:
    """Keeps nothing."""

    async def put(self, chunk: Chunk, release: Callable[[], None]) -> None:
        """Nothing to do."""
        del chunk
        release()


class Terms:
    """What acks say of the server: its level, the size of chunks, whether windows may grow."""

    def __init__(
        self, level: Callable[[], int], chunk_bytes: Callable[[], int], may_grow: Callable[[], bool]
    ) -> None:
        self.level = level
        self.chunk_bytes = chunk_bytes
        self.may_grow = may_grow


class WholeStream:
    """Takes one stream, whose bytes come in order. They are hashed in a thread, go to the sink, and earn new credit.

    What was pulled before by ranges doesn't come again: it is put into its place.
    """

    def __init__(
        self,
        link: SessionLink,
        file: SparseFile,
        credit: StreamCredit,
        sink: Sink,
        terms: Terms,
        algorithms: Iterable[str] | None,
    ) -> None:
        """`file` has what came by ranges; without `algorithms` (None) nothing is hashed."""
        self._link = link
        self._file = file
        self._credit = credit
        self._sink = sink
        self._terms = terms
        self._algorithms = algorithms
        self._position = 0
        self._hashing: deque[asyncio.Future[None]] = deque()
        self._told_at = time.monotonic()

    async def take(
        self, size_bytes: int | None, begin_at: int = 0, earlier: AsyncIterator[bytes] | None = None
    ) -> tuple[int, dict[str, str]]:
        """Size and digests of the whole file, of which the client sends what comes after `begin_at`.

        `earlier` has the bytes before `begin_at`, for the digests. `size_bytes` is None for a client that can't seek: its
        stream ends when it says so.
        """
        link, has_end = self._link, size_bytes is not None
        spans = [Span(0, 0)]
        if size_bytes is not None:
            spans = self._file.present.missing(begin_at, size_bytes - begin_at)
        stream = Stream(spans, self._credit, has_end=has_end)
        first_credit = self._credit.grant(may_grow=self._terms.may_grow())
        link.begin_stream(stream)
        link.post_progress(pb.SESSION_STAGE_RECEIVING)
        link.post(link.begin_stream_request(spans if has_end else [], first_credit))
        watch = asyncio.create_task(link.watch_stream())
        self._position = begin_at
        work = asyncio.create_task(self._consume(stream, size_bytes, earlier))
        try:
            await asyncio.wait({watch, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                watch.result()  # raises
            return work.result()
        finally:
            link.end_stream()
            for task in (watch, work):
                task.cancel()
            await asyncio.gather(watch, work, return_exceptions=True)

    async def _consume(
        self, stream: Stream, size_bytes: int | None, earlier: AsyncIterator[bytes] | None
    ) -> tuple[int, dict[str, str]]:
        # What is at hand when the stream begins won't come; what comes later mustn't be taken for it.
        at_hand = SpanSet() if size_bytes is None else SpanSet(self._file.present)
        with StreamHasher(self._algorithms or ()) as hasher:
            if earlier is not None and self._algorithms is not None:
                loop = asyncio.get_running_loop()
                async for data in earlier:
                    await loop.run_in_executor(hasher.thread, hasher.update, data)
            async for chunk in stream.chunks():
                if at_hand.missing(self._position, chunk.offset - self._position):
                    raise RuntimeError("a gap in the stream")
                await self._fill(chunk.offset, hasher)
                await self._feed(chunk, charge(len(chunk.data)), hasher)
                self._position = chunk.end
                self._tell_progress()
            if size_bytes is not None:
                await self._fill(size_bytes, hasher)
            while self._hashing:
                await self._hashing.popleft()
            return self._position, hasher.digests() if self._algorithms is not None else {}

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if now - self._told_at >= _PROGRESS_SECONDS:
            self._told_at = now
            self._link.post_progress(pb.SESSION_STAGE_RECEIVING)

    async def _fill(self, end: int, hasher: StreamHasher) -> None:
        """Feeds what is at hand up to `end`."""
        while self._position < end:
            length = min(_PIECE_BYTES, end - self._position)
            data = await asyncio.to_thread(self._file.read, self._position, length)
            await self._feed(Chunk(self._position, data), 0, hasher)
            self._position += length

    async def _feed(self, chunk: Chunk, credited: int, hasher: StreamHasher) -> None:
        if self._algorithms is None:
            await self._sink.put(chunk, lambda: self._acknowledge(credited))
            return
        while len(self._hashing) >= _MAX_HASHING:
            await self._hashing.popleft()

        def digest() -> None:
            chunk.check()
            hasher.update(chunk.data)

        hashing = asyncio.get_running_loop().run_in_executor(hasher.thread, digest)
        self._hashing.append(hashing)
        # As soon as hasher and sink are done with it, whatever is awaited here meanwhile: the sender may have no credit
        # for the chunk that would lead to that.
        await self._sink.put(chunk, lambda: hashing.add_done_callback(lambda _: self._acknowledge(credited)))

    def _acknowledge(self, count: int) -> None:
        self._credit.consume(count)
        granted = self._credit.grant(may_grow=self._terms.may_grow())
        if granted:
            self._link.post(_ack(self._link, granted, self._terms, self._credit.chunk_bytes))


def _ack(link: SessionLink, credit_bytes: int, terms: Terms, most_bytes: int) -> pb.ExtractSessionResponse:
    return pb.ExtractSessionResponse(
        ack=pb.SessionAck(
            committed_offset_bytes=link.committed_offset,
            credit_bytes=credit_bytes,
            level=terms.level(),  # type: ignore[arg-type]
            chunk_bytes=min(terms.chunk_bytes(), most_bytes),
        )
    )
