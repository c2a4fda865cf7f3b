"""The door to the cache's chunks: what clients sent is kept there, so that they are never asked for it again.

Everything here is a help, not a need: a cache that fails costs the help, and a session goes on without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from extractor_service.sources.base import SourceError
from metaextract.cache.v1 import chunk_pb2
from metaextract_client.errors import MetaExtractError, NotFoundError, OverloadedError
from service_runtime.errors import ChunkDamagedError, UploadElsewhereError
from service_runtime.memory.levels import PressureLevel
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from extractor_service.sessions.chunks import Chunk
    from extractor_service.sources.distant import Fetch
    from extractor_service.sources.spans import Span
    from extractor_service.sources.sparse import SparseFile
    from metaextract_client.chunks import AsyncChunkClient, ChunkUpload

TENANT_HEADER = "x-metaextract-tenant"
_log = logging.getLogger(__name__)
_PAUSE_SECONDS = 5.0
_PATIENCE_SECONDS = 30.0
_OPEN_SECONDS = 2.5
_RETRY_SECONDS = 0.25
_MAX_BLOCKS_BYTES = 8 * 1024 * 1024
_PIECE_BYTES = 1024 * 1024
_MAX_KEEPING = 8
_FAILURES = (MetaExtractError, ConnectionError, asyncio.InvalidStateError)


class RelayLostError(Exception):
    """The cache has lost the upload, or doesn't come back."""


class Relay:
    """Hands a stream on to the cache; connects again when it breaks, and sends again what wasn't acknowledged."""

    def __init__(self, client: AsyncChunkClient, upload: ChunkUpload) -> None:
        self._client = client
        self._upload = upload
        self._metadata = _metadata()
        self._unacked: deque[tuple[Chunk, Callable[[], None]]] = deque()
        self._sent_to = upload.committed_offset
        self._has_news = asyncio.Event()
        self._is_finishing = False
        self.upload_id = upload.upload_id
        self.begin_at = upload.committed_offset
        upload.on_news = self._hear

    @property
    def committed_offset(self) -> int:
        """Bytes from the beginning that the cache has."""
        return self._upload.committed_offset

    async def put(self, chunk: Chunk, release: Callable[[], None]) -> None:
        """Takes the next chunk, with the client's own checksum; calls `release` when the cache has it. How many wait is
        bounded by who gives credit for them.
        """
        self._unacked.append((chunk, release))
        self._has_news.set()

    async def run(self) -> None:
        """Sends what is put until `finish`.

        Raises:
            RelayLostError: the cache has lost the upload, or doesn't come back.
            ChunkDamagedError: a chunk was damaged on its way here.
        """
        while not self._is_finishing:
            self._has_news.clear()
            await self._persist(self._pump)
            if not self._is_finishing:
                await self._has_news.wait()
        await self._persist(self._pump_and_finish)

    async def finish(self, running: asyncio.Task[None], digest: str) -> str:
        """The digest of all that was put, verified by the cache; `running` is the task of `run`, and raises as that does.

        Raises:
            MetaExtractError: it isn't `digest`, or the cache doesn't answer.
        """
        self._is_finishing = True
        self._has_news.set()
        await running
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                answer = await self._client.complete(self.upload_id, digest, metadata=self._metadata)
            except (NotFoundError, OverloadedError) as error:
                raise RelayLostError(str(error)) from error
            except MetaExtractError as error:
                if error.reason == "DIGEST_MISMATCH" or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                return answer.digest

    async def earlier(self) -> AsyncIterator[bytes]:
        """What was there when this relay began."""
        request = chunk_pb2.ReadBlobRequest(
            upload_id=self.upload_id, ranges=[chunk_pb2.BlobRange(offset_bytes=0, length_bytes=self.begin_at)]
        )
        async for answer in self._client.read_blob(request, timeout=None, metadata=self._metadata):
            if answer.data:
                yield answer.data

    def close(self) -> None:
        """Breaks the stream off; what is committed stays, and can be continued."""
        self._upload.close()

    def _hear(self) -> None:
        """The cache has acknowledged something, or the stream to it has ended."""
        self._trim()
        if self._upload.is_over:
            self._has_news.set()

    def _trim(self) -> None:
        while self._unacked:
            chunk, release = self._unacked[0]
            if chunk.end > self._upload.committed_offset:
                return
            self._unacked.popleft()
            release()

    async def _pump(self) -> None:
        """Sends what this connection hasn't sent yet; raises when the connection has ended."""
        await self._upload.check()
        for chunk, _ in list(self._unacked):
            if chunk.offset >= self._sent_to:
                data = chunk_pb2.ChunkData(offset_bytes=chunk.offset, data=chunk.data, crc32=chunk.crc32)
                await self._upload.send(data, len(chunk.data))
                self._sent_to = chunk.end

    async def _pump_and_finish(self) -> None:
        await self._pump()
        await self._upload.finish()

    async def _persist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Does it; after a break again, once the cache is back."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                await action()
            except (NotFoundError, OverloadedError) as error:
                raise RelayLostError(str(error)) from error
            except _FAILURES as error:
                if isinstance(error, MetaExtractError) and error.reason == ChunkDamagedError.reason:
                    raise ChunkDamagedError(str(error)) from error
                _log.info("the relay broke off", extra={"error": str(error)})
                await self._reconnect(deadline)
                continue
            return

    async def _reconnect(self, deadline: float) -> None:
        while True:
            self._upload.close()
            if time.monotonic() > deadline:
                raise RelayLostError(f"the cache didn't come back within {_PATIENCE_SECONDS:g} s")
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                self._upload = await self._client.upload(
                    chunk_pb2.UploadStart(upload_id=self.upload_id), metadata=self._metadata
                )
            except (NotFoundError, OverloadedError) as error:
                raise RelayLostError(str(error)) from error
            except _FAILURES:
                continue
            self._upload.on_news = self._hear
            self._trim()
            self._sent_to = self._upload.committed_offset
            return


class Retention:
    """What may be kept, and how to get it back."""

    def __init__(
        self, client: AsyncChunkClient, level: Callable[[], PressureLevel], *, is_enabled: bool
    ) -> None:
        self._client = client
        self._level = level
        self._is_enabled = is_enabled
        self._paused_until = 0.0
        self._keeping: set[asyncio.Task[None]] = set()

    @property
    def is_allowed(self) -> bool:
        """Whether bytes may be kept now: by the setting, the pressure, and whether the cache answered lately."""
        return self._may_ask and self._level() < PressureLevel.CRITICAL

    async def relay(self, size_bytes: int | None, upload_id: str) -> Relay | None:
        """A relay for a new upload, or for one that broke off; None when the cache doesn't take it now.

        Raises:
            UploadElsewhereError: an upload that could be continued is at a cache that isn't there.
        """
        if upload_id:
            return await self._continue(upload_id)
        if not self._is_enabled or self._level() >= PressureLevel.CRITICAL:
            return None
        # Even when the cache failed a moment ago: a whole file that isn't kept has to be sent again after the next break.
        deadline = time.monotonic() + _OPEN_SECONDS
        while True:
            try:
                async with asyncio.timeout(_PAUSE_SECONDS):
                    start = chunk_pb2.UploadStart(size_bytes=size_bytes)
                    return Relay(self._client, await self._client.upload(start, metadata=_metadata()))
            except OverloadedError:
                return None
            except (*_FAILURES, TimeoutError) as error:
                if time.monotonic() > deadline:
                    self._pause(error)
                    return None
                await asyncio.sleep(_RETRY_SECONDS)

    async def blob_size(self, digest: str) -> int | None:
        """The size of content that this tenant has stored; None when it isn't there, or the cache can't be asked."""
        request = chunk_pb2.ReadBlobRequest(
            digest=digest, ranges=[chunk_pb2.BlobRange(offset_bytes=0, length_bytes=0)]
        )
        return await self._read(request, None)

    def fetch_from(self, digest: str, file: SparseFile) -> Fetch:
        """Fetches ranges of stored content into `file`."""

        async def fetch(spans: Sequence[Span]) -> None:
            request = chunk_pb2.ReadBlobRequest(digest=digest, ranges=_ranges(spans))
            await self._read(request, file)
            if file.missing(list(spans)):
                raise SourceError("the cache has lost a part of the content")

        return fetch

    async def load_blocks(self, key: str, file: SparseFile) -> None:
        """Puts the blocks that were kept under `key` into `file`, as far as they can be had."""
        if self._may_ask:
            await self._read(chunk_pb2.ReadBlobRequest(sparse_key=key), file)

    def keep_blocks(self, key: str, size_bytes: int, file: SparseFile, known: Sequence[Span]) -> None:
        """Keeps the blocks of `file` under `key`, but those `known` there, in the background."""
        fresh = [span for span in file.present if span not in known]
        total = sum(span.length for span in fresh)
        if (
            not total
            or total > _MAX_BLOCKS_BYTES
            or not self.is_allowed
            or len(self._keeping) >= _MAX_KEEPING
        ):
            return
        blocks = [
            (offset, file.read(offset, min(_PIECE_BYTES, span.end - offset)))
            for span in fresh
            for offset in range(span.offset, span.end, _PIECE_BYTES)
        ]
        task = asyncio.create_task(self._keep(key, size_bytes, blocks, _metadata()))
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def settle(self, seconds: float) -> None:
        """Waits for what is being kept, for so long."""
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=seconds)

    @property
    def _may_ask(self) -> bool:
        return self._is_enabled and time.monotonic() >= self._paused_until

    async def _continue(self, upload_id: str) -> Relay | None:
        try:
            async with asyncio.timeout(_PAUSE_SECONDS):
                upload = await self._client.upload(
                    chunk_pb2.UploadStart(upload_id=upload_id), metadata=_metadata()
                )
        except NotFoundError:
            return await self.relay(None, "") if self._may_ask else None
        except (*_FAILURES, TimeoutError) as error:
            raise UploadElsewhereError(f"the cache that has the upload can't be reached: {error}") from error
        return Relay(self._client, upload)

    async def _keep(
        self, key: str, size_bytes: int, blocks: list[tuple[int, bytes]], metadata: list[tuple[str, str]]
    ) -> None:
        upload = None
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                start = chunk_pb2.UploadStart(sparse_key=key, size_bytes=size_bytes)
                upload = await self._client.upload(start, metadata=metadata)
                for offset, data in blocks:
                    await upload.send(chunk_pb2.ChunkData(offset_bytes=offset, data=data), len(data))
                await upload.finish()
        except (*_FAILURES, TimeoutError) as error:
            self._pause(error)
        finally:
            if upload is not None:
                upload.close()

    async def _read(self, request: chunk_pb2.ReadBlobRequest, file: SparseFile | None) -> int | None:
        """The size, with the ranges put into `file`; None when it isn't there."""
        size = None
        try:
            async with contextlib.aclosing(self._client.read_blob(request, metadata=_metadata())) as answers:
                async for answer in answers:
                    if answer.HasField("size_bytes"):
                        size = answer.size_bytes
                    if answer.data and file is not None:
                        file.write(answer.offset_bytes, answer.data)
        except NotFoundError:
            return None
        except _FAILURES as error:
            self._pause(error)
            return None
        return size

    def _pause(self, error: BaseException) -> None:
        self._paused_until = time.monotonic() + _PAUSE_SECONDS
        _log.info("chunks can't be kept", extra={"error": str(error)})


def _ranges(spans: Sequence[Span]) -> list[chunk_pb2.BlobRange]:
    return [chunk_pb2.BlobRange(offset_bytes=offset, length_bytes=length) for offset, length in spans]


def _metadata() -> list[tuple[str, str]]:
    return [(TENANT_HEADER, current_call.get().tenant)]
