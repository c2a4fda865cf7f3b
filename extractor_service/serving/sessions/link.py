"""Serves a session's two directions. A reader checks what comes; a writer never lets a slow client pile things up."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from extractor_service.uploads.chunk import chunk_of
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client.session_protocol import Event, State, UnexpectedEventError, after
from service_runtime.credits import charge
from service_runtime.errors import (
    ChunkOffsetError,
    CreditExceededError,
    InvalidRequestError,
    SourceFailedError,
    UploadIncompleteError,
    UploadStalledError,
)
from service_runtime.pace import Pace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from extractor_service.sources.distant import DistantInput
    from extractor_service.sources.spans import Span
    from extractor_service.uploads.chunk import Chunk
    from service_runtime.credits import StreamCredit
    from service_runtime.lobby import Lobby

    Send = Callable[[pb.ExtractSessionResponse], Awaitable[None]]


class Stream:
    """Holds the bytes of a StreamRequest on their way. Spans are expected in order, and chunks wait to be consumed.

    Attributes:
        is_over: all has come.
    """

    def __init__(self, spans: Sequence[Span], credit: StreamCredit, *, has_end: bool = True) -> None:
        """`has_end`: the spans are all; otherwise the stream goes on from the last one's until the client ends it."""
        self.credit = credit
        self._spans = deque(spans)
        self._has_end = has_end
        self._position = spans[0].offset if spans else 0
        self._chunks: deque[Chunk] = deque()
        self._news = asyncio.Event()
        self.is_over = has_end and not spans
        self.size_bytes: int | None = None

    def take(self, chunk: Chunk, committed_offset: int) -> None:
        """Queues a chunk that has come.

        Raises:
            ChunkOffsetError: it isn't the next.
            CreditExceededError: it wasn't allowed yet.
        """
        offset, length = chunk.offset, len(chunk.data)
        if self.is_over or offset != self._position:
            raise ChunkOffsetError(
                f"a chunk at {offset} came, {self._position} is next", committed_offset=str(committed_offset)
            )
        if self._has_end and offset + length > self._spans[0].end:
            raise ChunkOffsetError(f"a chunk reaches to {offset + length}, beyond what was asked for")
        if not self.credit.receive(charge(length)):
            raise CreditExceededError("more bytes came than credit was given for")
        self._position += length
        if self._has_end and self._position == self._spans[0].end:
            self._spans.popleft()
            self.is_over = not self._spans
            self._position = self._spans[0].offset if self._spans else self._position
        self._chunks.append(chunk)
        self._news.set()

    def end(self, size_bytes: int) -> None:
        """The client says that this was all."""
        if self._has_end or size_bytes != self._position:
            raise UploadIncompleteError(f"the stream ended at {self._position}, and says {size_bytes}")
        self.size_bytes = size_bytes
        self.is_over = True
        self._news.set()

    async def chunks(self) -> AsyncIterator[Chunk]:
        """The chunks in order, as they come. Whoever is done with one tells the credit."""
        while True:
            while self._chunks:
                yield self._chunks.popleft()
            if self.is_over:
                return
            self._news.clear()
            await self._news.wait()


class SessionLink:
    """Everything that crosses the wire in one session.

    Attributes:
        moved_bytes: bytes of the file that came.
        round_trips: times that the client was asked and waited for.
    """

    def __init__(
        self,
        incoming: AsyncIterator[pb.ExtractSessionRequest],
        send: Send,
        idle_seconds: float,
        pace: Pace | None = None,
    ) -> None:
        """`idle_seconds`: longest silence of a client that was asked, and longest time that a message may take to leave; `pace`: how
        slow it may be.
        """
        self._pace = pace or Pace(0)
        self._incoming = incoming
        self._send = send
        self._idle_seconds = idle_seconds
        self._outbox: deque[pb.ExtractSessionResponse] = deque()
        self._partial: pb.ExtractSessionResponse | None = None
        self._has_mail = asyncio.Event()
        self._asked: list[Span] = []
        self._abandoned: list[Span] = []
        """Asked for by a reader that has been given up: they may still come."""
        self._answered: asyncio.Future[None] | None = None
        self._source: DistantInput | None = None
        self._stream: Stream | None = None
        self._heard_at = 0.0
        self._has_enough = False
        self._is_closed = False
        self._is_dropping = False
        self._is_finished = False
        self._state = State.OFFERING
        self.committed_offset = 0
        self.moved_bytes = 0
        self.round_trips = 0

    async def offer(self, lobby: Lobby, caller: str) -> pb.SessionOffer:
        """The first message; raises InvalidRequestError when it isn't an offer, RequestStalledError without any."""
        first = await lobby.first(self._incoming, caller, "offer")
        if first is None or first.WhichOneof("part") != "offer":
            raise InvalidRequestError("offer", "must be the first message")
        self._advance(Event.OFFER)
        return first.offer

    def attach(self, source: DistantInput) -> None:
        """Ranges that come are for `source`."""
        self._source = source

    def post(self, message: pb.ExtractSessionResponse) -> None:
        """Sends a message; never waits."""
        self._advance(Event(message.WhichOneof("part")))
        self._outbox.append(message)
        self._has_mail.set()

    def post_partial(self, message: pb.ExtractSessionResponse) -> None:
        """Sends what is known so far, unless something newer comes first."""
        self._partial = message
        self._has_mail.set()

    def post_progress(self, stage: pb.SessionStage.ValueType, field_count: int = 0) -> None:
        """Tells how far the work is."""
        progress = pb.SessionProgress(stage=stage, received_bytes=self.moved_bytes, field_count=field_count)
        self.post(pb.ExtractSessionResponse(progress=progress))

    async def fetch(self, spans: Sequence[Span]) -> None:
        """Returns once the client has sent `spans`.

        Raises:
            SourceError: it said that it can't, or has gone.
            UploadStalledError: it fell silent.
        """
        self._check_open()
        self.round_trips += 1
        self._asked = list(spans)
        self._answered = asyncio.get_running_loop().create_future()
        request = pb.RangeRequest(
            ranges=[pb.ByteSpan(offset_bytes=offset, length_bytes=length) for offset, length in spans]
        )
        self.post(pb.ExtractSessionResponse(ranges=request))
        try:
            await self._unless_silent(self._answered)
        finally:
            if not self._answered.done() or self._answered.cancelled():
                self._abandoned += self._asked
                self._advance(Event.GIVEN_UP)
            self._asked, self._answered = [], None

    @staticmethod
    def begin_stream_request(spans: Sequence[Span], credit_bytes: int) -> pb.ExtractSessionResponse:
        """The message that asks for a stream."""
        return pb.ExtractSessionResponse(
            stream=pb.StreamRequest(
                ranges=[pb.ByteSpan(offset_bytes=offset, length_bytes=length) for offset, length in spans],
                credit_bytes=credit_bytes,
            )
        )

    def begin_stream(self, stream: Stream) -> None:
        """Chunks that come are for `stream`."""
        self._check_open()
        self._stream = stream
        self.round_trips += 1

    def end_stream(self) -> None:
        """Nothing more is expected; what comes of a stream that was given up is dropped: the client can't know yet."""
        self._is_dropping = self._stream is not None and not self._stream.is_over
        if self._is_dropping:
            self._advance(Event.GIVEN_UP)
        self._stream = None

    def enough(self, size_bytes: int) -> None:
        """Tells the client that no more bytes are needed."""
        if not self._has_enough:
            self._has_enough = True
            saved = max(0, size_bytes - self.moved_bytes)
            self.post(
                pb.ExtractSessionResponse(enough=pb.Enough(moved_bytes=self.moved_bytes, saved_bytes=saved))
            )

    async def watch_stream(self) -> None:
        """Raises UploadStalledError when a stream's sender falls silent though it has credit. Ends when cancelled."""
        await self._unless_silent(asyncio.get_running_loop().create_future())

    async def read(self) -> None:
        """Takes messages until the client has closed its side; raises what is wrong with them."""
        async for message in self._incoming:
            kind = message.WhichOneof("part")
            if kind is None:
                continue  # of a later version of the contract
            self._advance(Event(kind))
            if self._has_enough:
                continue
            if kind in {"chunk", "end"}:
                self._heard_at = asyncio.get_running_loop().time()
            if kind == "chunk":
                self._take(chunk_of(message.chunk))
            elif kind == "end":
                if self._stream is None:
                    raise InvalidRequestError("end", "there is no stream to end")
                self._stream.end(message.end.size_bytes)
            elif kind == "failure":
                raise SourceFailedError(f"the client: {message.failure.message[:200]}")
        self._is_closed = True
        is_waiting = self._answered is not None and not self._answered.done()
        if is_waiting or (self._stream is not None and not self._stream.is_over):
            raise UploadIncompleteError(
                "the client closed its side before all had come", committed_offset=str(self.committed_offset)
            )

    async def write(self) -> None:
        """Sends posted messages until `finish`; raises UploadStalledError when the client doesn't read."""
        while True:
            await self._has_mail.wait()
            while (message := self._next()) is not None:
                try:
                    async with asyncio.timeout(self._idle_seconds):
                        await self._send(message)
                except TimeoutError:
                    raise UploadStalledError(
                        f"the client has read nothing for {self._idle_seconds:g} s"
                    ) from None
            if self._is_finished:
                return
            self._has_mail.clear()

    def finish(self) -> None:
        """Lets `write` end once everything is sent."""
        self._is_finished = True
        self._has_mail.set()

    def _next(self) -> pb.ExtractSessionResponse | None:
        if self._outbox:
            return self._outbox.popleft()
        partial, self._partial = self._partial, None
        return partial if self._state is not State.DONE else None  # nothing comes after the result

    def _take(self, chunk: Chunk) -> None:
        self.moved_bytes += len(chunk.data)
        self._pace.received(len(chunk.data))
        if self._is_dropping:
            return
        if self._stream is not None:
            self._stream.take(chunk, self.committed_offset)
            if self._stream.is_over:
                self._advance(Event.COMPLETE)
            return
        chunk.check()
        offset, length = chunk.offset, len(chunk.data)
        if any(span.offset <= offset and offset + length <= span.end for span in self._abandoned):
            return
        if self._source is None or not any(
            span.offset <= offset and offset + length <= span.end for span in self._asked
        ):
            raise ChunkOffsetError(f"{length} bytes at {offset} weren't asked for")
        if not self._source.file.missing([type(self._asked[0])(offset, length)]):
            raise ChunkOffsetError(f"{length} bytes at {offset} came twice")
        self._source.file.write(offset, chunk.data)
        if (
            self._answered is not None
            and not self._answered.done()
            and not self._source.file.missing(self._asked)
        ):
            self._answered.set_result(None)
            self._advance(Event.COMPLETE)

    def _advance(self, event: Event) -> None:
        """Moves on; raises InvalidRequestError when the client said what it mustn't say now."""
        try:
            self._state = after(self._state, event)
        except UnexpectedEventError as error:
            raise InvalidRequestError(event.value, str(error)) from error

    def _check_open(self) -> None:
        if self._is_closed:
            raise UploadIncompleteError("the client closed its side before all had come")

    async def _unless_silent(self, answered: asyncio.Future[None]) -> None:
        """Awaits `answered` while something comes now and then."""
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        while True:
            left = self._heard_at + self._idle_seconds - loop.time()
            stream, began_at = self._stream, loop.time()
            is_our_turn = stream is not None and stream.credit.in_flight_bytes > 0
            if is_our_turn:  # what has come isn't done with
                left, self._heard_at = self._idle_seconds, began_at
            if left <= 0:
                raise UploadStalledError(f"nothing came for {self._idle_seconds:g} s")
            done, _ = await asyncio.wait({answered}, timeout=min(left, 1.0))
            if not is_our_turn:
                self._pace.waited(loop.time() - began_at)
                if self._pace.is_too_slow and not done:
                    raise UploadStalledError("the bytes come too slowly for a place to be held for them")
            if done:
                answered.result()
                return
