"""Stores and tiers for tests, without a service around them."""

from __future__ import annotations

import random

from cache_service.entries.codec import Codec
from cache_service.entries.dictionaries import Dictionaries
from cache_service.entries.entry import Entry
from cache_service.eviction.lru import LruPolicy
from cache_service.invalidation import Invalidation, InvalidationLog, ReadPoint
from cache_service.store import MAX_VALUE_BYTES, ResultStore
from cache_service.tiers.arena import Arena
from cache_service.tiers.memory import MemoryTier


def memory_tier(budget, policy=None, name="memory") -> MemoryTier:
    return MemoryTier(budget, policy or LruPolicy(), Arena(budget.bytes), name=name)


def result_store(tier, log=None, shelves=(), **options) -> ResultStore:
    codec = Codec(MAX_VALUE_BYTES)
    store = ResultStore(tier, log or InvalidationLog(), Dictionaries(codec, shelves), **options)
    store._jitter = random.Random(1)
    return store


def add(log: InvalidationLog, selector) -> ReadPoint:
    """`InvalidationLog.append` without a loop."""
    log.record(Invalidation(log.point.revision + 1, selector))
    return log.point


def read_at(revision: int, **labels) -> Entry:
    """An entry whose reading began at that revision."""
    return Entry(b"", 0.0, 0.0, revision, **labels)
