"""Takes one stream of chunks in: checked and stored in a thread, in order, within a small credit."""

from __future__ import annotations

import asyncio
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from service_runtime.credits import StreamCredit, charge

if TYPE_CHECKING:
    from cache_service.chunks.index import Owner
    from cache_service.chunks.store import ChunkStore
    from service_runtime.credits import CreditPool

MAX_CHUNK_BYTES = 2 * 1024 * 1024  # chunk.proto; twice the usual 1 MiB, for each costs its size in memory


class DamagedChunkError(Exception):
    """A chunk's checksum is wrong."""


class TooMuchError(Exception):
    """A sender doesn't wait for credit."""


class Receiver:
    """One upload, or one sparse blob. `with` it: its thread ends."""

    def __init__(self, store: ChunkStore, tenant: str, owner: Owner, pool: CreditPool) -> None:
        self._store = store
        self._tenant = tenant
        self._owner = owner
        self._is_sparse = owner.kind == "sparse"
        # One thread a stream keeps its chunks in order; the hashes and the disk don't hold the interpreter.
        self._thread = ThreadPoolExecutor(1, "chunks")
        self.credit = StreamCredit(pool, MAX_CHUNK_BYTES)
        self.committed = owner.committed
        self.pending = 0
        """Chunks that are being stored."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self.credit.__exit__()

    def take(self, offset: int, data: bytes, crc32: int | None, chunk_id: bytes) -> asyncio.Future[int]:
        """Begins to store a chunk; the future has the number of its bytes.

        Raises:
            TooMuchError: it wasn't allowed yet.
        """
        if not self.credit.receive(charge(len(data))):
            raise TooMuchError("more bytes came than credit was given for")
        self.pending += 1
        storing = asyncio.get_running_loop().run_in_executor(
            self._thread, self._store_one, offset, data, crc32, chunk_id
        )
        storing.add_done_callback(self._record_done)
        return storing

    def _record_done(self, _: asyncio.Future[int]) -> None:
        self.pending -= 1

    def _store_one(self, offset: int, data: bytes, crc32: int | None, chunk_id: bytes) -> int:
        if crc32 is not None and zlib.crc32(data) != crc32:
            raise DamagedChunkError(f"the chunk at {offset} was damaged on its way")
        if self._is_sparse:
            self._store.fill(self._tenant, self._owner, offset, data)
        elif chunk_id:
            self.committed = self._store.append_known(self._tenant, self._owner, offset, chunk_id)
        else:
            self.committed = self._store.append(self._tenant, self._owner, offset, data)
        return charge(len(data))
