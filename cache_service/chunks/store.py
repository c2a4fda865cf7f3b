"""Stores uploads that can be continued, blobs by digest, and sparse blobs by key. One budget is for all of them.

A chunk's name is a hash of tenant and content, so that tenants share nothing, not even the time that a write takes.
What is read is checked against its name. Blocks; meant for threads.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from cache_service.chunks import unfinished
from cache_service.chunks.errors import (
    ChunkStoreFullError,
    ForeignUploadError,
    MissingChunkError,
    StoredQuotaError,
    UnknownUploadError,
    WrongDigestError,
    WrongOffsetError,
)
from cache_service.chunks.index import BLOB, DONE, SPARSE, UPLOAD, Part
from cache_service.chunks.index import LEAST_CHARGE_BYTES as _LEAST_STORED_BYTES
from cache_service.eviction.guarantees import Guarantees
from service_runtime.clock import steady_time
from service_runtime.identity.access_file import no_quota

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cache_service.chunks.index import ChunkIndex, Owner
    from cache_service.chunks.shelf import ChunkShelf
    from service_runtime.identity.access_file import Quota

_PIECE_BYTES = 1024 * 1024  # of a message; half of the 2 MiB that chunk.proto allows
_MAX_HASHERS = 64  # uploads with a running hash, as many as an extractor takes; others are reread
_STRIPES = 64  # locks; more writers than there are threads rarely share one


class Limits:
    """Of `ChunkStore`."""

    short_ratio = 0.8  # of the budget; beyond it,
    hasty_ratio = 0.1  # of the usual time is enough for who wants to go on


class _Hashing(NamedTuple):
    offset: int
    hasher: blake3


class ChunkStore:
    """See the module. `now` is passed in where time counts."""

    def __init__(
        self,
        index: ChunkIndex,
        shelf: ChunkShelf,
        *,
        replica: str,
        max_bytes: int,
        memory_bytes: int,
        max_unfinished: int = 1000,
        quota_of: Callable[[str], Quota] = no_quota,
    ) -> None:
        """`max_unfinished`: uploads on their way of one tenant. `max_bytes` on the shelf, `memory_bytes` of the chunks used last are kept in memory as well.

        `quota_of` tells what a tenant may store, and which share is guaranteed.
        """
        self._quota_of = quota_of
        self._max_unfinished = max_unfinished
        self._guarantees = Guarantees(lambda tenant: quota_of(tenant).guaranteed_ratio)
        self._index = index
        self._shelf = shelf
        self._replica = replica
        self._max_bytes = max_bytes
        self._full_memory_bytes = memory_bytes
        self._memory_bytes = memory_bytes
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._held_bytes = 0
        self._lock = threading.Lock()
        # A chunk is looked up, written and entered under its lock, and deleted under it: what is entered is there.
        self._stripes = [threading.Lock() for _ in range(_STRIPES)]
        self._hashing: OrderedDict[int, _Hashing] = OrderedDict()
        self.stored_bytes = index.stored_bytes()

    def sweep_orphans(self) -> int:
        """The number of chunks removed that no part names: a process died between the two."""
        removed = 0
        for name in self._shelf.names():
            with self._lock_of(name):
                if not self._index.has_chunk(name):
                    self._shelf.delete(name)
                    removed += 1
        return removed

    def resize(self, ratio: float) -> None:
        """Keeps that share of the configured memory; drops the rest at once."""
        with self._lock:
            self._memory_bytes = int(self._full_memory_bytes * ratio)
            self._trim()

    def begin_upload(self, tenant: str, size_bytes: int | None) -> Owner:
        """A new upload.

        Raises:
            ChunkStoreFullError: one of that size would never fit.
            StoredQuotaError: nor into what the tenant may store.
            UnfinishedUploadsError: too many of the tenant's are on their way.
        """
        if size_bytes is not None and size_bytes > self._max_bytes:
            raise ChunkStoreFullError(f"{size_bytes} bytes are more than the chunk store's {self._max_bytes}")
        most = self._quota_of(tenant).stored_bytes
        if most and (size_bytes or 0) > most:
            raise StoredQuotaError(f"{size_bytes} bytes are more than the {most} that may be stored")
        victim = unfinished.victim(self._index, tenant, self._max_unfinished, steady_time())
        if victim is not None:
            self._remove(victim)
        self._make_room(0, tenant)
        name = f"{self._replica}/{secrets.token_hex(16)}"
        return self._index.create(tenant, UPLOAD, name, size_bytes, steady_time())

    def upload(self, tenant: str, upload_id: str) -> Owner:
        """An upload on its way, or one that is a blob by now; raises UnknownUploadError or ForeignUploadError."""
        found = self._index.find(tenant, UPLOAD, upload_id) or self._index.find(tenant, DONE, upload_id)
        if found is None:
            if upload_id.rpartition("/")[0] != self._replica:
                raise ForeignUploadError(f"upload {upload_id!r} belongs to another replica")
            raise UnknownUploadError("there is no such upload")
        return found

    def blob(self, tenant: str, digest: str) -> Owner | None:
        """A complete blob of the tenant."""
        return self._index.find(tenant, BLOB, digest)

    def sparse(
        self, tenant: str, key: str, size_bytes: int | None = None, *, create: bool = False
    ) -> Owner | None:
        """A sparse blob of the tenant, made where `create` says so."""
        if create:
            if self._index.find(tenant, SPARSE, key) is None:
                self._make_room(0, tenant)
            return self._index.create(tenant, SPARSE, key, size_bytes, steady_time())
        return self._index.find(tenant, SPARSE, key)

    def touch(self, owner: Owner) -> None:
        """Notes that it was used."""
        self._index.touch(owner, steady_time())

    def missing(self, tenant: str, chunk_ids: Sequence[bytes]) -> list[bytes]:
        """Those of `chunk_ids` that the tenant would have to send."""
        return [each for each in chunk_ids if not self._index.has_chunk(_name(tenant, each))]

    def append(self, tenant: str, owner: Owner, offset: int, data: bytes) -> int:
        """The committed offset after the next bytes of an upload.

        Raises:
            WrongOffsetError: they aren't the next.
            ChunkStoreFullError: there is no room.
            UnknownUploadError: the upload has been aborted meanwhile.
            OSError: the disk fails.
        """
        state = self._hashing.pop(owner.number, None)
        if state is None or state.offset != offset:
            present = self._index.find(tenant, UPLOAD, owner.name)
            if present is None:
                raise UnknownUploadError("there is no such upload")
            if offset != present.committed:
                raise WrongOffsetError(offset, present.committed)
            state = _Hashing(0, blake3()) if offset == 0 else None
        committed = offset + len(data)
        self._put(tenant, owner, offset, data)
        if state is not None:
            state.hasher.update(data)
            self._hashing[owner.number] = _Hashing(committed, state.hasher)
            with self._lock:
                while len(self._hashing) > _MAX_HASHERS:
                    self._hashing.popitem(last=False)
        return committed

    def append_known(self, tenant: str, owner: Owner, offset: int, chunk_id: bytes) -> int:
        """The committed offset after a chunk that the tenant has already; raises MissingChunkError, or as `append`."""
        data = self._chunk(_name(tenant, chunk_id))
        if data is None:
            raise MissingChunkError("the chunk isn't there")
        return self.append(tenant, owner, offset, data)

    def fill(self, tenant: str, owner: Owner, offset: int, data: bytes) -> None:
        """Adds bytes to a sparse blob, but those that are there already; raises as `append`."""
        end = offset + len(data)
        for part in self._index.parts(owner, offset, end):
            if offset < part.start:
                self._put(tenant, owner, offset, data[: part.start - offset])
            data, offset = (
                data[max(0, part.start + part.length - offset) :],
                max(offset, part.start + part.length),
            )
        if data:
            self._put(tenant, owner, offset, data)

    def complete(self, tenant: str, upload_id: str, digest: str) -> tuple[str, int]:
        """Digest and size of the blob that an upload has become; again the same for one that has.

        Raises:
            UnknownUploadError, ForeignUploadError: see there.
            WrongDigestError: it isn't `digest`, or the announced size isn't reached; the upload stays.
        """
        owner = self.upload(tenant, upload_id)
        if owner.kind == DONE:
            if digest not in {"", owner.digest}:
                raise WrongDigestError(f"the content has the digest {owner.digest}")
            return owner.digest, owner.committed
        if owner.size_bytes not in {None, owner.committed}:
            raise WrongDigestError(f"{owner.committed} bytes of {owner.size_bytes} came")
        state = self._hashing.pop(owner.number, None)
        if state is None or state.offset != owner.committed:
            hasher = blake3()
            for _, data in self.read(owner, 0, owner.committed):
                hasher.update(data)
        else:
            hasher = state.hasher
        found = f"b3:{hasher.hexdigest()}"
        if digest and found != digest:
            raise WrongDigestError(f"the content has the digest {found}")
        dropped = self._index.become_blob(tenant, owner, found, steady_time())
        if dropped is None:
            raise UnknownUploadError("the upload was added to, or ended, while it was being completed")
        self._drop(dropped)
        return found, owner.committed

    def abort(self, tenant: str, upload_id: str) -> None:
        """Forgets an upload; raises as `upload`."""
        self._remove(self.upload(tenant, upload_id))

    def read(self, owner: Owner, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
        """Offsets and bytes of what is there of a range, in order, at most 1 MiB each.

        Raises:
            MissingChunkError: a chunk is lost or damaged.
        """
        for part in self._index.parts(owner, offset, end):
            data = self._chunk(part.chunk)
            if data is None or len(data) != part.length:
                self._index.forget_chunk(part.chunk)
                self._remove(owner)  # it is of no use to anybody, and would be found again and again
                raise MissingChunkError(f"a chunk of {owner.name} at {part.start} is lost")
            first, last = max(0, offset - part.start), min(part.length, end - part.start)
            for start in range(first, last, _PIECE_BYTES):
                yield part.start + start, data[start : min(last, start + _PIECE_BYTES)]

    def expire(self, upload_seconds: float, blob_seconds: float) -> int:
        """The number of owners dropped that nobody has used for so long; uploads sooner, when space is short."""
        count = 0
        if self.stored_bytes > Limits.short_ratio * self._max_bytes:
            upload_seconds *= Limits.hasty_ratio
        for kinds, seconds in (((UPLOAD, DONE), upload_seconds), ((BLOB, SPARSE), blob_seconds)):
            while (owner := self._index.oldest(kinds, steady_time() - seconds)) is not None:
                self._remove(owner)
                count += 1
        self.stored_bytes = self._index.stored_bytes()
        return count

    def clean_up(self, ratio: float) -> None:
        """Drops blobs until all takes at most that share of the budget, last used last. Uploads on their way stay."""
        with contextlib.suppress(ChunkStoreFullError):
            self._make_room(int(self._max_bytes * (1 - ratio)))

    def _put(self, tenant: str, owner: Owner, offset: int, data: bytes) -> None:
        content = blake3(data).digest()
        name = _name(tenant, content)
        self._make_room(len(data), tenant)
        with self._lock_of(name):
            stored = 0
            is_new = not self._index.has_chunk(name)
            if is_new:
                stored = max(_LEAST_STORED_BYTES, self._shelf.put(name, data))
            is_added = self._index.add(owner, Part(offset, len(data), name), stored, steady_time())
            if is_new and not is_added:
                self._shelf.delete(name)
        if not is_added:
            present = self._index.find(tenant, owner.kind, owner.name)
            if present is None or owner.kind != UPLOAD:
                raise UnknownUploadError("the upload has gone")
            raise WrongOffsetError(offset, present.committed)
        self.stored_bytes += stored
        self._hold(name, data)

    def is_erased(self, erasure: str) -> bool:
        """Whether that erasure was carried out here, to its end."""
        return self._index.is_erased(erasure)

    def record_erased(self, erasure: str) -> None:
        """It was, with all that isn't chunks."""
        self._index.record_erased(erasure)

    def erase(self, tenant: str) -> tuple[int, int]:
        """Owners and bytes of a tenant that were removed, of those that were there when it began."""
        count, size_bytes = 0, self._index.tenant_bytes[tenant]
        for owner in self._index.owners_of(tenant):
            self._remove(owner)
            count += 1
        return count, size_bytes

    def _make_room(self, count: int, tenant: str = "") -> None:
        """Drops blobs until `count` more bytes fit: of `tenant`, where its quota is used up, else of all that hold more
        than they are guaranteed.
        """
        held = self._index.tenant_bytes
        most = self._quota_of(tenant).stored_bytes if tenant else 0
        while most and held[tenant] + max(count, _LEAST_STORED_BYTES) > most:
            victim = self._index.oldest_of(tenant, (BLOB, SPARSE, DONE))
            if victim is None:
                raise StoredQuotaError(f"{held[tenant]} of {most} bytes are in use")
            self._remove(victim)
        while self.stored_bytes + count > self._max_bytes:
            victim = (
                self._index.oldest((BLOB, SPARSE), steady_time() + 1, self._may_lose)
                or self._of_the_richest()
                or self._index.oldest((BLOB, SPARSE), steady_time() + 1)
            )
            if victim is None:
                raise ChunkStoreFullError(f"{self.stored_bytes} of {self._max_bytes} bytes are in use")
            self._remove(victim)

    def _of_the_richest(self) -> Owner | None:
        """The oldest of the tenant that is furthest above its guarantee: what is old is all guaranteed to others."""
        held = self._index.tenant_bytes

        def excess(tenant: str) -> float:
            return held[tenant] - self._guarantees.bytes_of(tenant, held, self._max_bytes)

        richest = max(list(held), key=excess, default=None)
        if richest is None or excess(richest) <= 0:
            return None
        return self._index.oldest_of(richest, (BLOB, SPARSE))

    def _may_lose(self, tenant: str) -> bool:
        return not self._guarantees.keeps(tenant, self._index.tenant_bytes, self._max_bytes)

    def _remove(self, owner: Owner) -> None:
        self._hashing.pop(owner.number, None)
        self._drop(self._index.remove(owner))

    def _drop(self, names: Sequence[str]) -> None:
        for name in names:
            with self._lock:
                held = self._held.pop(name, None)
                self._held_bytes -= len(held) if held is not None else 0
            with self._lock_of(name):
                if not self._index.has_chunk(name):
                    self._shelf.delete(name)
        if names:
            self.stored_bytes = self._index.stored_bytes()

    def _lock_of(self, name: str) -> threading.Lock:
        return self._stripes[int(name[:2], 16) % _STRIPES]

    def _chunk(self, name: str) -> bytes | None:
        with self._lock:
            held = self._held.get(name)
            if held is not None:
                self._held.move_to_end(name)
                return held
        data = self._shelf.get(name)
        tenant_hash = name[:32]
        if data is None or name[32:] != blake3(tenant_hash.encode() + blake3(data).digest()).hexdigest()[:32]:
            return None
        self._hold(name, data)
        return data

    def _hold(self, name: str, data: bytes) -> None:
        with self._lock:
            if name not in self._held:
                self._held[name] = data
                self._held_bytes += len(data)
                self._trim()

    def _trim(self) -> None:
        while self._held_bytes > self._memory_bytes:
            _, data = self._held.popitem(last=False)
            self._held_bytes -= len(data)


def _name(tenant: str, content: bytes) -> str:
    """The chunk's name, half of it by tenant and content. All of it is uniform, so that folders fill evenly."""
    tenant_hash = blake3(tenant.encode() + content).hexdigest()[:32]
    return tenant_hash + blake3(tenant_hash.encode() + content).hexdigest()[:32]
