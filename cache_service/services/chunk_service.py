"""The ChunkService servicer: decode, delegate to the chunk store, encode."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from cache_service.chunks.chunk_stream import MAX_CHUNK_BYTES, DamagedChunkError, Receiver, TooMuchError
from cache_service.chunks.errors import (
    ChunkStoreFullError,
    ForeignUploadError,
    MissingChunkError,
    StoredQuotaError,
    UnfinishedUploadsError,
    UnknownUploadError,
    WrongDigestError,
    WrongOffsetError,
)
from cache_service.services import wire_pressure
from metaextract.cache.v1 import chunk_pb2 as pb
from metaextract.cache.v1 import chunk_pb2_grpc
from service_runtime.credits import CreditPool
from service_runtime.errors import (
    ChunkDamagedError,
    ChunkOffsetError,
    CreditExceededError,
    DigestMismatchError,
    DigestUnknownError,
    InvalidRequestError,
    OverloadedError,
    QuotaExceededError,
    UploadElsewhereError,
    UploadStalledError,
    UploadUnknownError,
)
from service_runtime.memory.levels import PressureLevel
from service_runtime.pace import Pace
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from grpc import aio

    from cache_service.chunks.index import Owner
    from cache_service.chunks.store import ChunkStore

    Context = aio.ServicerContext[Any, Any]


class Limits:
    """Of `ChunkServicer`."""

    max_ids = 10_000  # chunk.proto; 320 KB of ids, and one look-up each in a thread
    max_ranges = 10_000  # each costs a look-up of its parts; a reader of more asks again
    max_key_chars = 512  # as each part of a result's key; it is stored with the blob
    id_bytes = 32  # a whole BLAKE3 digest
    least_bytes_per_second = 16.0  # an extractor passes on what its client sends, which it judges itself
    full_seconds = 10.0  # told to who is refused; pressure and a full disk don't pass in a moment


class ChunkServicer(chunk_pb2_grpc.ChunkServiceServicer):
    """Bytes in flight; see protos/metaextract/cache/v1/chunk.proto."""

    def __init__(
        self,
        store: ChunkStore,
        level: Callable[[], PressureLevel],
        *,
        idle_seconds: float,
        upload_seconds: float,
        credit_bytes: int,
    ) -> None:
        """`credit_bytes`: what all streams together may have on their way beyond a chunk each."""
        self._pool = CreditPool(credit_bytes)
        self._store = store
        self._level = level
        self._idle_seconds = idle_seconds
        self._upload_seconds = upload_seconds

    async def FindMissingChunks(
        self, request: pb.FindMissingChunksRequest, context: Context
    ) -> pb.FindMissingChunksResponse:
        """Which chunks the tenant would have to send."""
        del context
        if len(request.chunk_ids) > Limits.max_ids or any(
            len(each) != Limits.id_bytes for each in request.chunk_ids
        ):
            raise InvalidRequestError(
                "chunk_ids", f"at most {Limits.max_ids} of {Limits.id_bytes} bytes are expected"
            )
        missing = await asyncio.to_thread(self._store.missing, _tenant(), list(request.chunk_ids))
        return pb.FindMissingChunksResponse(missing_chunk_ids=missing)

    async def GetUpload(self, request: pb.GetUploadRequest, context: Context) -> pb.GetUploadResponse:
        """Where an upload is."""
        del context
        with _translated():
            owner = self._store.upload(_tenant(), request.upload_id)
        return pb.GetUploadResponse(
            committed_offset_bytes=owner.committed,
            size_bytes=owner.size_bytes,
            expires_in_seconds=self._upload_seconds,
        )

    async def UploadChunks(
        self, request_iterator: AsyncIterator[pb.UploadChunksRequest], context: Context
    ) -> AsyncIterator[pb.UploadChunksResponse]:
        """Takes chunks; acknowledges what is stored."""
        del context
        with _translated():
            start = await self._next(request_iterator)
            if start is None or start.WhichOneof("part") != "start":
                raise InvalidRequestError("start", "must be the first message")
            owner = await asyncio.to_thread(self._begin, start.start)
            with Receiver(self._store, _tenant(), owner, self._pool) as receiver:
                yield self._ack(receiver, receiver.credit.grant(may_grow=self._may_grow()), owner.name)
                async for freed in self._take_all(request_iterator, receiver):
                    receiver.credit.consume(freed)
                    yield self._ack(receiver, receiver.credit.grant(may_grow=self._may_grow()))

    async def CompleteUpload(
        self, request: pb.CompleteUploadRequest, context: Context
    ) -> pb.CompleteUploadResponse:
        """Makes a blob of an upload."""
        del context
        with _translated():
            digest, size = await asyncio.to_thread(
                self._store.complete, _tenant(), request.upload_id, request.digest
            )
        return pb.CompleteUploadResponse(digest=digest, size_bytes=size)

    async def AbortUpload(self, request: pb.AbortUploadRequest, context: Context) -> pb.AbortUploadResponse:
        """Forgets an upload."""
        del context
        with _translated():
            await asyncio.to_thread(self._store.abort, _tenant(), request.upload_id)
        return pb.AbortUploadResponse()

    async def ReadBlob(
        self, request: pb.ReadBlobRequest, context: Context
    ) -> AsyncIterator[pb.ReadBlobResponse]:
        """Size, then ranges."""
        del context
        if len(request.ranges) > Limits.max_ranges:
            raise InvalidRequestError("ranges", f"at most {Limits.max_ranges} are expected")
        with _translated():
            owner = await asyncio.to_thread(self._find, request)
            size = owner.committed if owner.size_bytes is None else owner.size_bytes
            yield pb.ReadBlobResponse(size_bytes=size)
            ranges = [(each.offset_bytes, each.length_bytes) for each in request.ranges] or [(0, size)]
            for offset, length in ranges:
                pieces = self._store.read(owner, offset, min(size, offset + length))
                while (piece := await asyncio.to_thread(_next_piece, pieces)) is not None:
                    yield pb.ReadBlobResponse(offset_bytes=piece[0], data=piece[1])

    def _begin(self, start: pb.UploadStart) -> Owner:
        tenant = _tenant()
        size = start.size_bytes if start.HasField("size_bytes") else None
        if start.sparse_key:
            if len(start.sparse_key) > Limits.max_key_chars:
                raise InvalidRequestError("start.sparse_key", f"at most {Limits.max_key_chars} characters")
            found = self._store.sparse(tenant, start.sparse_key, size, create=True)
            assert found is not None  # noqa: S101 - for the type checker: it was just made
            return found
        if start.upload_id:
            return self._store.upload(tenant, start.upload_id)
        if self._level() >= PressureLevel.CRITICAL:
            raise OverloadedError("under pressure, no new uploads are taken", Limits.full_seconds)
        return self._store.begin_upload(tenant, size)

    def _find(self, request: pb.ReadBlobRequest) -> Owner:
        kind, tenant = request.WhichOneof("blob"), _tenant()
        if kind is None:
            raise InvalidRequestError("blob", "digest, upload_id or sparse_key is required")
        digest = request.digest
        if kind == "upload_id":
            upload = self._store.upload(tenant, request.upload_id)
            if not upload.digest:
                return upload
            kind, digest = "digest", upload.digest  # it is a blob by now
        found = (
            self._store.blob(tenant, digest)
            if kind == "digest"
            else self._store.sparse(tenant, request.sparse_key)
        )
        if found is None:
            raise DigestUnknownError("no such content is stored")
        self._store.touch(found)
        return found

    async def _next(self, requests: AsyncIterator[pb.UploadChunksRequest]) -> pb.UploadChunksRequest | None:
        try:
            async with asyncio.timeout(self._idle_seconds):
                return await anext(requests, None)
        except TimeoutError:
            raise UploadStalledError(f"nothing came for {self._idle_seconds:g} s") from None

    async def _take_all(
        self, requests: AsyncIterator[pb.UploadChunksRequest], receiver: Receiver
    ) -> AsyncIterator[int]:
        """The bytes that are stored, as they are; the next chunks are received meanwhile."""
        stored: asyncio.Queue[asyncio.Future[int]] = asyncio.Queue()
        reading = asyncio.create_task(self._read_all(requests, receiver, stored))
        getting: asyncio.Task[asyncio.Future[int]] | None = None
        try:
            while not reading.done() or receiver.pending or not stored.empty():
                getting = asyncio.create_task(stored.get())
                await asyncio.wait(
                    {getting} if reading.done() else {getting, reading}, return_when=asyncio.FIRST_COMPLETED
                )
                if reading.done():
                    reading.result()  # raises
                freed = getting.result().result() if getting.done() else 0
                getting.cancel()
                while not stored.empty():
                    freed += stored.get_nowait().result()
                if freed:
                    yield freed
        finally:
            for task in (reading, getting):
                if task is not None:
                    task.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read_all(
        self,
        requests: AsyncIterator[pb.UploadChunksRequest],
        receiver: Receiver,
        stored: asyncio.Queue[asyncio.Future[int]],
    ) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._idle_seconds) as silence:
                pace, listening_at = Pace(Limits.least_bytes_per_second), loop.time()
                async for message in requests:
                    pace.waited(loop.time() - listening_at)
                    pace.received(len(message.chunk.data) or Limits.id_bytes)
                    if pace.is_too_slow:
                        raise UploadStalledError(
                            "the chunks come too slowly for a stream to be held for them"
                        )
                    _take(receiver, message).add_done_callback(stored.put_nowait)
                    listening_at = loop.time()
                    silence.reschedule(listening_at + self._idle_seconds)
        except TimeoutError:
            raise UploadStalledError(f"nothing came for {self._idle_seconds:g} s") from None

    def _may_grow(self) -> bool:
        return self._level() < PressureLevel.HIGH

    def _ack(self, receiver: Receiver, credit: int, upload_id: str = "") -> pb.UploadChunksResponse:
        return pb.UploadChunksResponse(
            upload_id=upload_id,
            committed_offset_bytes=receiver.committed,
            credit_bytes=credit,
            level=wire_pressure.level_to_wire(self._level()),
        )


def _take(receiver: Receiver, message: pb.UploadChunksRequest) -> asyncio.Future[int]:
    if message.WhichOneof("part") != "chunk":
        raise InvalidRequestError("start", "must come once")
    chunk = message.chunk
    data = chunk.data
    if len(data) > MAX_CHUNK_BYTES or bool(data) == bool(chunk.chunk_id):
        raise InvalidRequestError(
            "chunk.data", f"1 to {MAX_CHUNK_BYTES} bytes, or a chunk_id instead, are expected"
        )
    return receiver.take(
        chunk.offset_bytes, data, chunk.crc32 if chunk.HasField("crc32") else None, chunk.chunk_id
    )


def _next_piece(pieces: Iterator[tuple[int, bytes]]) -> tuple[int, bytes] | None:
    return next(pieces, None)


def _tenant() -> str:
    return current_call.get().tenant


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """The store's errors as those that callers see."""
    try:
        yield
    except UnknownUploadError as error:
        raise UploadUnknownError(str(error)) from error
    except ForeignUploadError as error:
        raise UploadElsewhereError(str(error)) from error
    except WrongOffsetError as error:
        raise ChunkOffsetError(str(error), committed_offset=str(error.committed)) from error
    except WrongDigestError as error:
        raise DigestMismatchError(str(error)) from error
    except DamagedChunkError as error:
        raise ChunkDamagedError(str(error)) from error
    except TooMuchError as error:
        raise CreditExceededError(str(error)) from error
    except MissingChunkError as error:
        raise DigestUnknownError(str(error)) from error
    except UnfinishedUploadsError:
        raise QuotaExceededError(f"tenant:{_tenant()}", "uploads on their way", Limits.full_seconds) from None
    except StoredQuotaError:
        raise QuotaExceededError(f"tenant:{_tenant()}", "stored bytes", Limits.full_seconds) from None
    except (ChunkStoreFullError, OSError) as error:
        raise OverloadedError(f"the chunk store: {error}", Limits.full_seconds) from error
