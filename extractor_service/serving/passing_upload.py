"""An upload that is read while it passes: of a format whose reader goes forward, what it asks for is kept, and nothing else."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from extractor_service.serving.sessions.passing import PassingSink, has_passed
from extractor_service.serving.sessions.stream_hasher import StreamHasher
from extractor_service.sources.content import digest_id
from extractor_service.sources.distant import DistantInput
from extractor_service.sources.sparse import SparseFile
from extractor_service.uploads.chunk import Chunk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.extraction.pipeline import Pipeline
    from extractor_service.formats.identification.types import Identity
    from extractor_service.sources.spool import SpoolBudget

_MAX_HASHING = 2  # chunks that are being hashed while the next one comes: as many as a session's stream has


class PassingUpload:
    """Takes one upload; `take` it once."""

    def __init__(
        self, pipeline: Pipeline, options: ExtractionOptions, directory: Path, budget: SpoolBudget
    ) -> None:
        """Opens the file for what is kept; raises SpoolFullError."""
        self._pipeline = pipeline
        self._options = options
        self._file = SparseFile(directory, budget)

    async def take(
        self, name: str, size_bytes: int, identity: Identity, chunks: AsyncIterator[memoryview]
    ) -> DistantInput:
        """The hashed file, with what its reader will ask for; whoever gets it closes it.

        Raises:
            OverloadedError: there is no place for its reader.
        """
        sink = PassingSink(self._file, size_bytes)
        scouting = asyncio.create_task(self._scout(sink, name, size_bytes, identity))
        try:
            digests = await self._hashed(chunks, sink, scouting)
            sink.end()
            await scouting
        except BaseException:
            self._file.close()
            raise
        finally:
            scouting.cancel()
            await asyncio.gather(scouting, return_exceptions=True)
        content_id = digest_id(digests["blake3"])
        source = DistantInput(name, size_bytes, self._file, has_passed, content_id=content_id)
        source.digests = digests
        return source

    async def _hashed(
        self, chunks: AsyncIterator[memoryview], sink: PassingSink, scouting: asyncio.Task[None]
    ) -> dict[str, str]:
        loop, position = asyncio.get_running_loop(), 0
        hashing: deque[asyncio.Future[None]] = deque()
        with StreamHasher(self._options.digest_algorithms) as hasher:
            async for data in chunks:
                if scouting.done():
                    scouting.result()  # raises: a file that can't be read needn't come to its end
                while len(hashing) >= _MAX_HASHING:
                    await hashing.popleft()
                hashing.append(loop.run_in_executor(hasher.thread, hasher.update, data))
                await sink.put(Chunk(position, data), lambda: None)
                position += len(data)
            while hashing:
                await hashing.popleft()
            return hasher.digests()

    async def _scout(self, sink: PassingSink, name: str, size_bytes: int, identity: Identity) -> None:
        try:
            source = DistantInput(name, size_bytes, self._file, sink.fetch)
            source.is_passing = True
            await self._pipeline.scout(source, self._options, identity)
        finally:
            sink.drop_all()
