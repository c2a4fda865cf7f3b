"""The policies by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cache_service.eviction.gdsf import GdsfPolicy
from cache_service.eviction.lru import LruPolicy
from cache_service.eviction.s3fifo import S3FifoPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from cache_service.eviction.base import EvictionPolicy

POLICIES: dict[str, Callable[[], EvictionPolicy]] = {
    "gdsf": GdsfPolicy,
    "lru": LruPolicy,
    "s3-fifo": S3FifoPolicy,
}
