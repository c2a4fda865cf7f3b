"""The client's side of a session: offers a file, sends the ranges that are asked for, takes the document.

`SessionState` speaks the protocol and does no I/O; `run_session` and `run_session_async` move its messages.
"""

from __future__ import annotations

import asyncio
import os
import stat
import threading
import time
import zlib
from collections import deque
from typing import TYPE_CHECKING, BinaryIO, Protocol

import grpc
from blake3 import blake3

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client.errors import MetaExtractError
from metaextract_client.names import sayable
from metaextract_client.session_options import SessionOptions, SessionProgress
from metaextract_client.session_protocol import Event, State, UnexpectedEventError, after

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator

PREFETCH_BYTES = 64 * 1024  # head and tail; many parses then ask for nothing more (measured)
_CHUNK_BYTES = 1024 * 1024  # until the server names one; its own at NORMAL
_LEAST_CHUNK_BYTES = 64 * 1024  # the server's own at CRITICAL; with less credit than this, wait for more
_SETTLE_SECONDS = 2.0  # FAT keeps times in steps of 2 s, others in finer ones
_STAGES = {pb.SESSION_STAGE_QUEUED: "queued", pb.SESSION_STAGE_RECEIVING: "receiving"}


class SourceChangedError(OSError):
    """The file changed, or couldn't be read, while it was being sent."""


class SessionSource(Protocol):
    """What a session sends: a file, or whatever can be read by ranges."""

    name: str

    @property
    def can_seek(self) -> bool:
        """Whether any range can be read; a stream is read from its beginning."""
        ...

    @property
    def size_bytes(self) -> int | None:
        """Its size; None when nobody knows."""
        ...

    @property
    def version(self) -> str:
        """A name of its state, by which it is known again; "" where there is none."""
        ...

    @property
    def state(self) -> tuple[int | str, ...]:
        """What changes when the content does."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes of the state that was offered; raises SourceChangedError, OSError."""
        ...


class SessionFile:
    """An open file as a session sees it; identified by what changes when its content does."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._descriptor = file.fileno()
        self._status = os.fstat(self._descriptor)
        self.name = sayable(name)
        self.can_seek = stat.S_ISREG(self._status.st_mode)

    @property
    def size_bytes(self) -> int | None:
        """The size when it was opened; None when nobody knows."""
        return self._status.st_size if self.can_seek else None

    @property
    def version(self) -> str:
        """A name of the file's state on this machine. It is "" while its times are too fresh to tell states apart."""
        now, status = time.time(), self._status
        if not self.can_seek or now - max(status.st_mtime, status.st_ctime) < _SETTLE_SECONDS:
            return ""
        return blake3(repr(_facts(status)).encode()).hexdigest()

    @property
    def state(self) -> tuple[int | str, ...]:
        """What changes when the content does."""
        return _facts(self._status)

    def read(self, offset: int, length: int) -> bytes:
        """Exactly these bytes, of the state that was offered.

        Raises:
            SourceChangedError: there are none such any more.
        """
        if not self.can_seek:
            return os.read(self._descriptor, length)
        data = os.pread(self._descriptor, length, offset)
        while 0 < len(data) < length and (
            more := os.pread(self._descriptor, length - len(data), offset + len(data))
        ):
            data += more
        if len(data) != length or _facts(os.fstat(self._descriptor)) != _facts(self._status):
            raise SourceChangedError("the file changed while it was being read")
        return data


class SessionState:
    """What is to be sent, and what has come. Not thread-safe; no I/O but reading the file.

    Attributes:
        result: the document and how it was made, once they have come.
        partial: what is known meanwhile.
        upload_id: names the upload, to continue it should it break off.
        sent_bytes: bytes of the file that were sent.
    """

    def __init__(
        self,
        file: SessionSource,
        options: pb.ExtractOptions | None,
        session: SessionOptions | None = None,
    ) -> None:
        """Without `session`: a file that nobody knows, and nobody is told of."""
        session = session or SessionOptions()
        self._session = session
        self._file = file
        self._spans: deque[tuple[int, int, bool]] = deque()
        self._credit = 0
        self._chunk_bytes = _CHUNK_BYTES
        self._is_piping = False
        self._position = 0
        self._has_ended = False
        self._state = State.OFFERING
        self._lock = threading.Lock()
        self._parts = document_pb2.Document()
        self.result: pb.SessionResult | None = None
        self.partial: document_pb2.Document | None = None
        self.upload_id = session.upload_id
        self.sent_bytes = 0
        self._offer = pb.SessionOffer(
            name=file.name,
            size_bytes=file.size_bytes,
            options=options,
            can_seek=file.can_seek,
            digest=session.digest,
            client_id=session.client_id,
            version=file.version if session.client_id else "",
            upload_id=session.upload_id,
        )
        is_known = bool(self._offer.digest or self._offer.version or session.upload_id)
        if file.can_seek and not is_known:
            self._prefetch()

    def first(self) -> pb.ExtractSessionRequest:
        """The offer."""
        self._advance(Event.OFFER)
        return pb.ExtractSessionRequest(offer=self._offer)

    def next(self) -> pb.ExtractSessionRequest | None:
        """The next message to send; None when there is none, for now."""
        try:
            return self._pipe() if self._is_piping else self._ranges()
        except (SourceChangedError, OSError) as error:
            self._spans.clear()
            self._is_piping = False
            self._advance(Event.FAILURE)
            return pb.ExtractSessionRequest(failure=pb.SourceFailure(message=str(error)))

    def hear(self, message: pb.ExtractSessionResponse) -> None:
        """Takes a message of the server; raises MetaExtractError for one that mustn't come now."""
        kind = message.WhichOneof("part")
        if kind is None:
            return  # of a later version of the contract
        self._advance(Event(kind))
        if kind == "ranges":
            self._spans.extend(
                (each.offset_bytes, each.length_bytes, False) for each in message.ranges.ranges
            )
        elif kind == "stream":
            self._credit += message.stream.credit_bytes
            self._is_piping = not self._file.can_seek
            self._spans.extend((each.offset_bytes, each.length_bytes, True) for each in message.stream.ranges)
        elif kind == "ack":
            self._credit += message.ack.credit_bytes
            self._chunk_bytes = message.ack.chunk_bytes or self._chunk_bytes
            self._tell("receiving", 0)
        elif kind == "accepted":
            self._credit += message.accepted.credit_bytes
            self._chunk_bytes = message.accepted.chunk_bytes or self._chunk_bytes
            if message.accepted.upload_id:
                self.upload_id = message.accepted.upload_id
                if self._session.on_upload_id is not None:
                    self._session.on_upload_id(self.upload_id)
        elif kind == "progress":
            self._tell(_STAGES.get(message.progress.stage, "reading"), message.progress.field_count)
        elif kind == "partial":
            self.partial = message.partial
        elif kind == "enough":
            self._spans.clear()
            self._is_piping = False
        elif kind == "document_part":
            _merge(self._parts, message.document_part)
        elif kind == "result":
            _merge(self._parts, message.result.document)
            self.result = pb.SessionResult(document=self._parts, info=message.result.info)

    def _advance(self, event: Event) -> None:
        """Moves on. One thread sends while another hears."""
        with self._lock:
            try:
                self._state = after(self._state, event)
            except UnexpectedEventError as error:
                raise MetaExtractError(str(error), grpc.StatusCode.INTERNAL) from error

    def _tell(self, stage: str, field_count: int) -> None:
        if self._session.on_progress is not None:
            self._session.on_progress(SessionProgress(stage, self.sent_bytes, field_count))

    def _prefetch(self) -> None:
        size = self._offer.size_bytes
        head = min(size, PREFETCH_BYTES)
        spans = [(0, head)] if head else []
        extension = self._file.name.rpartition(".")[2].lower()
        if extension not in self._session.headed_extensions and size > head:
            start = max(head, size - PREFETCH_BYTES)
            spans.append((start, size - start))
        for offset, length in spans:
            self._offer.prefetch.add(offset_bytes=offset, data=self._file.read(offset, length))
            self.sent_bytes += length

    def _ranges(self) -> pb.ExtractSessionRequest | None:
        if not self._spans:
            return None
        # Taken out while it is read: in another thread, ENOUGH may clear them all meanwhile.
        offset, length, needs_credit = self._spans.popleft()
        count = min(length, self._chunk_bytes)
        if needs_credit:
            if _LEAST_CHUNK_BYTES <= self._credit < count:
                count = self._credit
            if self._credit < _charge(count):
                self._spans.appendleft((offset, length, needs_credit))
                return None
            self._credit -= _charge(count)
        if count < length:
            self._spans.appendleft((offset + count, length - count, needs_credit))
        message = self._chunk(offset, self._file.read(offset, count))
        if not self._spans:
            self._advance(Event.COMPLETE)
        return message

    def _pipe(self) -> pb.ExtractSessionRequest | None:
        if self._has_ended or self._credit < self._chunk_bytes:
            return None
        data = self._file.read(self._position, self._chunk_bytes)
        if not data:
            self._has_ended = True
            self._advance(Event.END)
            return pb.ExtractSessionRequest(end=pb.StreamEnd(size_bytes=self._position))
        self._credit -= _charge(len(data))
        self._position += len(data)
        return self._chunk(self._position - len(data), data)

    def _chunk(self, offset: int, data: bytes) -> pb.ExtractSessionRequest:
        self.sent_bytes += len(data)
        self._advance(Event.CHUNK)
        return pb.ExtractSessionRequest(
            chunk=pb.FileChunk(offset_bytes=offset, data=data, crc32=zlib.crc32(data))
        )


def run_session(
    state: SessionState,
    call: Callable[[Iterator[pb.ExtractSessionRequest]], Iterable[pb.ExtractSessionResponse]],
) -> None:
    """Moves messages until the result has come; `call` is the RPC. gRPC sends from a thread of its own."""
    changed = threading.Condition()
    is_over = False

    def requests() -> Iterator[pb.ExtractSessionRequest]:
        yield state.first()
        while True:
            with changed:
                while (message := None if is_over else state.next()) is None:
                    if is_over:
                        return
                    changed.wait()
            yield message

    try:
        for answer in call(requests()):
            with changed:
                state.hear(answer)
                is_over = state.result is not None
                changed.notify()
    except grpc.RpcError:  # proxies may reset a stream that the server has ended before the client
        if state.result is None:
            raise
    finally:
        with changed:
            is_over = True
            changed.notify()


async def run_session_async(
    state: SessionState,
    call: Callable[[AsyncIterator[pb.ExtractSessionRequest]], AsyncIterable[pb.ExtractSessionResponse]],
) -> None:
    """See `run_session`; files are read in a thread."""
    news = asyncio.Event()

    async def requests() -> AsyncIterator[pb.ExtractSessionRequest]:
        yield state.first()
        while state.result is None:
            news.clear()
            message = await asyncio.to_thread(state.next)
            if message is not None:
                yield message
            else:
                await news.wait()

    try:
        async for answer in call(requests()):
            state.hear(answer)
            news.set()
    except grpc.RpcError:  # as there
        if state.result is None:
            raise
    finally:
        news.set()


def _charge(length: int) -> int:
    """What a chunk costs of the credit: at least 4 KiB."""
    return max(4096, length)


def _facts(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _merge(document: document_pb2.Document, part: document_pb2.Document) -> None:
    """Joins a part to those before; a section that was split becomes one again."""
    last = document.sections[-1] if document.sections else None
    sections = list(part.sections)
    if last is not None and sections and sections[0].name == last.name:
        last.fields.extend(sections[0].fields)
        del part.sections[0]
    document.MergeFrom(part)
