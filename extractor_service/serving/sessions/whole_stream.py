"""Takes a whole stream in: hashed, and handed to a sink that keeps it, or to none.

Ranges that were pulled before don't come again: they are put into their places.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Protocol

from extractor_service.serving.sessions.link import Stream
from extractor_service.serving.sessions.stream_hasher import StreamHasher
from extractor_service.sources.spans import Span, SpanSet
from extractor_service.uploads.chunk import Chunk
from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.credits import charge
from service_runtime.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from extractor_service.serving.sessions.link import SessionLink
    from extractor_service.sources.sparse import SparseFile
    from service_runtime.credits import StreamCredit

_PIECE_BYTES = 1024 * 1024
_MAX_BUSY = 2
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


class SpoolSink:
    """Keeps the stream in a sparse file."""

    def __init__(self, file: SparseFile, max_bytes: int) -> None:
        self._file = file
        self._max_bytes = max_bytes

    async def put(self, chunk: Chunk, release: Callable[[], None]) -> None:
        """Writes the chunk; raises SpoolFullError, InvalidRequestError when it is too much."""
        if chunk.end > self._max_bytes:
            raise InvalidRequestError("chunk", f"uploads end at {self._max_bytes} bytes")
        await asyncio.to_thread(self._file.write, chunk.offset, chunk.data)
        release()


class Terms:
    """What acks say of the server: its level, the size of chunks, whether windows may grow."""

    def __init__(
        self, level: Callable[[], int], chunk_bytes: Callable[[], int], may_grow: Callable[[], bool]
    ) -> None:
        self.level = level
        self.chunk_bytes = chunk_bytes
        self.may_grow = may_grow


async def take_whole(
    link: SessionLink,
    file: SparseFile,
    size_bytes: int | None,
    credit: StreamCredit,
    sink: Sink,
    algorithms: Iterable[str] | None,
    terms: Terms,
    begin_at: int = 0,
    earlier: AsyncIterator[bytes] | None = None,
) -> tuple[int, dict[str, str]]:
    """Size and digests of the whole file, of which the client sends what comes after `begin_at`; no digests when
    `algorithms` is None.

    `earlier` has the bytes before `begin_at`, for the digests. `size_bytes` is None for a client that can't seek: its
    stream ends when it says so.
    """
    if size_bytes is None:
        spans, has_end = [Span(0, 0)], False
    else:
        spans, has_end = file.present.missing(begin_at, size_bytes - begin_at), True
    stream = Stream(spans, credit, has_end=has_end)
    first_credit = credit.grant(may_grow=terms.may_grow())
    link.begin_stream(stream)
    link.post_progress(pb.SESSION_STAGE_RECEIVING)
    link.post(link.begin_stream_request(spans if has_end else [], first_credit))
    watch = asyncio.create_task(link.watch_stream())
    work = asyncio.create_task(
        _consume(link, stream, file, size_bytes, credit, sink, algorithms, terms, begin_at, earlier)
    )
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
    link: SessionLink,
    stream: Stream,
    file: SparseFile,
    size_bytes: int | None,
    credit: StreamCredit,
    sink: Sink,
    algorithms: Iterable[str] | None,
    terms: Terms,
    begin_at: int,
    earlier: AsyncIterator[bytes] | None,
) -> tuple[int, dict[str, str]]:
    loop = asyncio.get_running_loop()
    # What is at hand when the stream begins won't come; what comes later mustn't be taken for it.
    at_hand = SpanSet() if size_bytes is None else SpanSet(file.present)
    position = begin_at
    with StreamHasher(algorithms or ()) as hasher:
        busy: deque[asyncio.Future[None]] = deque()

        def digest(chunk: Chunk) -> None:
            chunk.check()
            hasher.update(chunk.data)

        async def feed(chunk: Chunk, credited: int) -> None:
            if algorithms is None:
                await sink.put(chunk, lambda: acknowledge(credited))
                return
            while len(busy) >= _MAX_BUSY:
                await busy.popleft()
            hashing = loop.run_in_executor(hasher.thread, digest, chunk)
            busy.append(hashing)
            # As soon as hasher and sink are done with it, whatever is awaited here meanwhile: the sender may have no credit
            # for the chunk that would lead to that.
            await sink.put(chunk, lambda: hashing.add_done_callback(lambda _: acknowledge(credited)))

        def acknowledge(count: int) -> None:
            credit.consume(count)
            granted = credit.grant(may_grow=terms.may_grow())
            if granted:
                link.post(_ack(link, granted, terms, credit.chunk_bytes))

        async def fill(end: int) -> None:
            """Feeds what is at hand up to `end`."""
            nonlocal position
            while position < end:
                length = min(_PIECE_BYTES, end - position)
                data = await asyncio.to_thread(file.read, position, length)
                await feed(Chunk(position, data), 0)
                position += length

        if earlier is not None and algorithms is not None:
            async for data in earlier:
                await loop.run_in_executor(hasher.thread, hasher.update, data)
        async for chunk in stream.chunks():
            if at_hand.missing(position, chunk.offset - position):
                raise RuntimeError("a gap in the stream")
            await fill(chunk.offset)
            await feed(chunk, charge(len(chunk.data)))
            position = chunk.end
        if size_bytes is not None:
            await fill(size_bytes)
        while busy:
            await busy.popleft()
        return position, hasher.digests() if algorithms is not None else {}


def _ack(link: SessionLink, credit_bytes: int, terms: Terms, most_bytes: int) -> pb.ExtractSessionResponse:
    return pb.ExtractSessionResponse(
        ack=pb.SessionAck(
            committed_offset_bytes=link.committed_offset,
            credit_bytes=credit_bytes,
            level=terms.level(),  # type: ignore[arg-type]
            chunk_bytes=min(terms.chunk_bytes(), most_bytes),
        )
    )
