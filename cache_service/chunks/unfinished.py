"""Bounds the uploads that a tenant has begun and not completed: what is begun costs its sender nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cache_service.chunks.errors import UnfinishedUploadsError
from cache_service.chunks.index import UPLOAD

if TYPE_CHECKING:
    from cache_service.chunks.index import ChunkIndex, Owner

_EMPTY_SECONDS = 5.0  # until the first chunk, which comes with the upload's name
_ABANDONED_SECONDS = 60.0  # a sender that is there sends a chunk, or is ended as silent


def victim(index: ChunkIndex, tenant: str, most: int, now: float) -> Owner | None:
    """The upload that has to go before another may begin: one that has the least to lose, and whose sender may have gone.

    None where there is room.

    Raises:
        UnfinishedUploadsError: all senders seem to be there.
    """
    if index.count(tenant, UPLOAD) < most:
        return None
    oldest = index.oldest_unfinished(tenant)
    patience = _ABANDONED_SECONDS if oldest is not None and oldest.committed else _EMPTY_SECONDS
    if oldest is None or oldest.used_at > now - patience:
        raise UnfinishedUploadsError(f"{most} uploads are on their way already")
    return oldest
