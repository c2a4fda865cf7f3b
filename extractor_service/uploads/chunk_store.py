"""Opens the cache's chunks to sessions. What clients sent is kept there, so that they are never asked for it again.

Everything here is a help, not a need: a cache that fails costs the help, and a session goes on without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from typing import TYPE_CHECKING, Any

from extractor_service.sources.base import SourceError
from extractor_service.uploads.relay import FAILURES, RETRY_SECONDS, Relay, is_quota
from metaextract.cache.v1 import chunk_pb2
from metaextract_client.errors import NotFoundError, OverloadedError
from service_runtime.errors import UploadElsewhereError
from service_runtime.memory.levels import PressureLevel
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from extractor_service.sources.distant import Fetch
    from extractor_service.sources.spans import Span
    from extractor_service.sources.sparse import SparseFile
    from metaextract_client.chunks import AsyncChunkClient

_log = logging.getLogger(__name__)


class Limits:
    """Of `ChunkStoreClient`."""

    pause_seconds = 5.0  # keeping is no duty: after a failure uploads go without, and opening ends so late
    patience_seconds = 30.0  # of one background copy: 64 MiB at 2 MiB/s; nobody waits for it
    ask_seconds = (
        1.0  # for what is there: a cache that fell silent must not stand before reading the file itself
    )
    open_seconds = 2.5  # a new upload waits so long for a restarting cache, then goes on without it
    lost_seconds = 15.0  # for a cache that keeps losing relays; new uploads go without meanwhile
    # Copied into memory until they are sent; a sparse file with more isn't kept.
    max_blocks_bytes = 8 * 1024 * 1024
    piece_bytes = 1024 * 1024  # the best chunk size by extractor.proto, half of the largest chunk
    max_keeping = 8  # of 8 MiB each: at most 64 MiB wait for a slow cache; others aren't kept
    # Read from disk and sent a second time; larger files cost more than they save.
    max_background_bytes = 64 * 1024 * 1024


class ChunkStoreClient:
    """What may be kept, and how to get it back."""

    def __init__(
        self,
        client: AsyncChunkClient,
        level: Callable[[], PressureLevel],
        *,
        tenant_header: str,
        is_enabled: bool,
    ) -> None:
        """`tenant_header` is the metadata by which the cache expects to be told whose chunks are meant."""
        self._client = client
        self._tenant_header = tenant_header
        self._level = level
        self._is_enabled = is_enabled
        self._paused_until = 0.0
        self._lost_until = 0.0
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
        is_lost = time.monotonic() < self._lost_until
        if not self._is_enabled or is_lost or self._level() >= PressureLevel.CRITICAL:
            return None
        # Even when the cache failed a moment ago: a whole file that isn't kept has to be sent again after the next break.
        deadline = time.monotonic() + Limits.open_seconds
        while True:
            try:
                async with asyncio.timeout(Limits.pause_seconds):
                    start = chunk_pb2.UploadStart(size_bytes=size_bytes)
                    upload = await self._client.upload(start, metadata=self._metadata())
                    return Relay(self._client, upload, self._metadata())
            except OverloadedError:
                return None
            except (*FAILURES, TimeoutError) as error:
                if time.monotonic() > deadline:
                    self._pause(error)
                    return None
                await asyncio.sleep(RETRY_SECONDS)

    def report_lost(self) -> None:
        """A relay was lost for good: the next uploads do without, or they would be lost as well."""
        self._lost_until = time.monotonic() + Limits.lost_seconds

    async def blob_size(self, digest: str) -> int | None:
        """The size of content that this tenant has stored; None when it isn't there, or the cache can't be asked."""
        request = chunk_pb2.ReadBlobRequest(
            digest=digest, ranges=[chunk_pb2.BlobRange(offset_bytes=0, length_bytes=0)]
        )
        return await self._ask(request, None)

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
            await self._ask(chunk_pb2.ReadBlobRequest(sparse_key=key), file)

    def keep_blocks(self, key: str, size_bytes: int, file: SparseFile, known: Sequence[Span]) -> None:
        """Keeps the blocks of `file` under `key`, but those `known` there, in the background."""
        fresh = [span for span in file.present if span not in known]
        total = sum(span.length for span in fresh)
        if (
            not total
            or total > Limits.max_blocks_bytes
            or not self.is_allowed
            or len(self._keeping) >= Limits.max_keeping
        ):
            return
        blocks = [
            (offset, file.read(offset, min(Limits.piece_bytes, span.end - offset)))
            for span in fresh
            for offset in range(span.offset, span.end, Limits.piece_bytes)
        ]
        self._keep_in_background(self._keep(key, size_bytes, blocks, self._metadata()))

    @staticmethod
    def may_be_kept_whole(size_bytes: int) -> bool:
        """Whether content of that size is small enough for `keep_whole`."""
        return 0 < size_bytes <= Limits.max_background_bytes

    def keep_whole(self, descriptor: int, size_bytes: int, digest: str) -> None:
        """Keeps content that was received whole, in the background. It is here already, so that nobody waits for it.

        One is kept at a time, and only while nothing is short. The descriptor stays the caller's.
        """
        is_idle = not self._keeping and self.is_allowed and self._level() is PressureLevel.NORMAL
        if is_idle and self.may_be_kept_whole(size_bytes):
            self._keep_in_background(self._copy(os.dup(descriptor), size_bytes, digest, self._metadata()))

    async def settle(self, seconds: float) -> None:
        """Waits for what is being kept, for so long."""
        if self._keeping:
            await asyncio.wait(self._keeping, timeout=seconds)

    @property
    def is_answering(self) -> bool:
        """Whether the cache hasn't failed a moment ago."""
        return time.monotonic() >= self._paused_until

    @property
    def _may_ask(self) -> bool:
        return self._is_enabled and self.is_answering

    async def _continue(self, upload_id: str) -> Relay | None:
        try:
            async with asyncio.timeout(Limits.pause_seconds):
                upload = await self._client.upload(
                    chunk_pb2.UploadStart(upload_id=upload_id), metadata=self._metadata()
                )
        except NotFoundError:
            return await self.relay(None, "") if self._may_ask else None
        except (*FAILURES, TimeoutError) as error:
            raise UploadElsewhereError(f"the cache that has the upload can't be reached: {error}") from error
        return Relay(self._client, upload, self._metadata())

    def _keep_in_background(self, keeping: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(keeping)
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _copy(
        self, descriptor: int, size_bytes: int, digest: str, metadata: list[tuple[str, str]]
    ) -> None:
        upload = None
        try:
            async with asyncio.timeout(Limits.patience_seconds):
                upload = await self._client.upload(
                    chunk_pb2.UploadStart(size_bytes=size_bytes), metadata=metadata
                )
                for offset in range(0, size_bytes, Limits.piece_bytes):
                    data = await asyncio.to_thread(os.pread, descriptor, Limits.piece_bytes, offset)
                    await upload.send(chunk_pb2.ChunkData(offset_bytes=offset, data=data), len(data))
                await upload.finish()
                await self._client.complete(upload.upload_id, digest, metadata=metadata)
        except (*FAILURES, TimeoutError) as error:
            self._pause(error)
        finally:
            os.close(descriptor)
            if upload is not None:
                upload.close()

    async def _keep(
        self, key: str, size_bytes: int, blocks: list[tuple[int, bytes]], metadata: list[tuple[str, str]]
    ) -> None:
        upload = None
        try:
            async with asyncio.timeout(Limits.patience_seconds):
                start = chunk_pb2.UploadStart(sparse_key=key, size_bytes=size_bytes)
                upload = await self._client.upload(start, metadata=metadata)
                for offset, data in blocks:
                    await upload.send(chunk_pb2.ChunkData(offset_bytes=offset, data=data), len(data))
                await upload.finish()
        except (*FAILURES, TimeoutError) as error:
            self._pause(error)
        finally:
            if upload is not None:
                upload.close()

    async def _ask(self, request: chunk_pb2.ReadBlobRequest, file: SparseFile | None) -> int | None:
        """See `_read`; a cache that takes long hasn't got it."""
        try:
            async with asyncio.timeout(Limits.ask_seconds):
                return await self._read(request, file)
        except TimeoutError as error:
            self._pause(error)
            return None

    async def _read(self, request: chunk_pb2.ReadBlobRequest, file: SparseFile | None) -> int | None:
        """The size, with the ranges put into `file`; None when it isn't there."""
        size = None
        try:
            async with contextlib.aclosing(
                self._client.read_blob(request, metadata=self._metadata())
            ) as answers:
                async for answer in answers:
                    if answer.HasField("size_bytes"):
                        size = answer.size_bytes
                    if answer.data and file is not None:
                        file.write(answer.offset_bytes, answer.data)
        except NotFoundError:
            return None
        except FAILURES as error:
            self._pause(error)
            return None
        return size

    def _metadata(self) -> list[tuple[str, str]]:
        return [(self._tenant_header, current_call.get().tenant)] if self._tenant_header else []

    def _pause(self, error: BaseException) -> None:
        if is_quota(error):  # one tenant's affair
            return
        self._paused_until = time.monotonic() + Limits.pause_seconds
        _log.info("chunks can't be kept", extra={"error": str(error)})


def _ranges(spans: Sequence[Span]) -> list[chunk_pb2.BlobRange]:
    return [chunk_pb2.BlobRange(offset_bytes=offset, length_bytes=length) for offset, length in spans]
