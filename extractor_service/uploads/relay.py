"""Hands a stream of chunks on to the cache, whatever breaks in between."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from metaextract.cache.v1 import chunk_pb2
from metaextract_client.errors import MetaExtractError, NotFoundError, OverloadedError
from service_runtime.errors import ChunkDamagedError, QuotaExceededError
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from extractor_service.uploads.chunk import Chunk
    from metaextract_client.chunks import AsyncChunkClient, ChunkUpload

_log = logging.getLogger(__name__)
_PATIENCE_SECONDS = 30.0  # for a cache that restarts; without progress for so long the relay is lost
_REREAD_BYTES_PER_SECOND = 50_000_000  # a slow disk's guess: how fast a restarted cache hashes what it has
RETRY_SECONDS = 0.25  # a restarted cache is found soon, and asked four times a second at most
FAILURES = (MetaExtractError, ConnectionError, asyncio.InvalidStateError)
"""What a cache that is down or restarting does to a call."""


class RelayLostError(Exception):
    """The cache has lost the upload, or doesn't come back."""


class Relay:
    """Hands a stream on to the cache; connects again when it breaks, and sends again what wasn't acknowledged."""

    def __init__(
        self, client: AsyncChunkClient, upload: ChunkUpload, metadata: list[tuple[str, str]]
    ) -> None:
        """`metadata` goes with every call."""
        self._client = client
        self._upload = upload
        self._metadata = metadata
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
        """The digest of all that was put, verified by the cache. Raises as `running` does, the task of `run`.

        Raises:
            MetaExtractError: it isn't `digest`, or the cache doesn't answer.
        """
        self._is_finishing = True
        self._has_news.set()
        await running
        # A cache that was restarted reads all of it again, which the call may not live to see; asking again finds it done.
        deadline = time.monotonic() + _PATIENCE_SECONDS + self.committed_offset / _REREAD_BYTES_PER_SECOND
        while True:
            try:
                answer = await self._client.complete(self.upload_id, digest, metadata=self._metadata)
            except (NotFoundError, OverloadedError) as error:
                raise _ended(error) from error
            except MetaExtractError as error:
                if error.reason == "DIGEST_MISMATCH" or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
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
                data = bytes(chunk.data)  # of bytes no copy
                message = chunk_pb2.ChunkData(offset_bytes=chunk.offset, data=data, crc32=chunk.crc32)
                await self._upload.send(message, len(data))
                self._sent_to = chunk.end

    async def _pump_and_finish(self) -> None:
        await self._pump()
        await self._upload.finish()

    async def _persist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Does it; after a break again, once the cache is back."""
        progress, deadline = -1, 0.0
        while True:
            try:
                await action()
            except (NotFoundError, OverloadedError) as error:
                raise _ended(error) from error
            except FAILURES as error:
                if isinstance(error, MetaExtractError) and error.reason == ChunkDamagedError.reason:
                    raise ChunkDamagedError(str(error)) from error
                _log.info("the relay broke off", extra={"error": str(error)})
                if (
                    self.committed_offset > progress
                ):  # patience is for breaks without any progress between them
                    progress, deadline = self.committed_offset, time.monotonic() + _PATIENCE_SECONDS
                await self._reconnect(deadline)
                continue
            return

    async def _reconnect(self, deadline: float) -> None:
        while True:
            self._upload.close()
            if time.monotonic() > deadline:
                raise RelayLostError(f"the cache didn't come back within {_PATIENCE_SECONDS:g} s")
            await asyncio.sleep(RETRY_SECONDS)
            try:
                self._upload = await self._client.upload(
                    chunk_pb2.UploadStart(upload_id=self.upload_id), metadata=self._metadata
                )
            except (NotFoundError, OverloadedError) as error:
                raise _ended(error) from error
            except FAILURES:
                continue
            self._upload.on_news = self._hear
            self._trim()
            self._sent_to = self._upload.committed_offset
            return


def is_quota(error: BaseException) -> bool:
    """Whether the cache keeps no more of this tenant: no reason to leave it alone."""
    return isinstance(error, OverloadedError) and error.reason == QuotaExceededError.reason


def _ended(error: NotFoundError | OverloadedError) -> Exception:
    if isinstance(error, OverloadedError) and is_quota(error):
        tenant = current_call.get().tenant
        return QuotaExceededError(f"tenant:{tenant}", "stored bytes", error.retry_after_seconds)
    return RelayLostError(str(error))
