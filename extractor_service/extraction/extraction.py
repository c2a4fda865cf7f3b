"""An extraction: its stages, what came of it, and what the cache had to do with it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from extractor_service.formats.identification.types import Identity
    from extractor_service.results.client import Lookup
    from extractor_service.workers.protocol import JobResult
    from metaextract.cache.v1 import result_pb2
    from metaextract.document.v1 import document_pb2


class CacheVerdict(Enum):
    """What the cache did; the numbers are those of the wire enum."""

    HIT = 1  # CACHE_STATUS_HIT: every module's result came from it
    PARTIAL = 2  # CACHE_STATUS_PARTIAL: some results did
    MISS = 3  # CACHE_STATUS_MISS: none did
    UNAVAILABLE = 4  # CACHE_STATUS_UNAVAILABLE: it couldn't be asked
    BYPASSED = 5  # CACHE_STATUS_BYPASSED: not wanted, or no safe name for the content


class Extraction(NamedTuple):
    """A document, and how it was made."""

    document: document_pb2.Document
    cache_verdict: CacheVerdict
    source_bytes_read: int
    source_reads: int
    identity: Identity
    """By the bytes alone, whatever the file's name."""


class Recalled(NamedTuple):
    """What was remembered."""

    value: bytes | None
    read_point: result_pb2.InvalidationPoint | None


class AtHand(NamedTuple):
    """A document that needed nobody."""

    document: bytes
    """Encoded."""
    outcome: int


class Stages(NamedTuple):
    """The steps of an extraction, each a span where there are traces."""

    identify: Callable[..., Awaitable[Identity]]
    look_up: Callable[..., Awaitable[tuple[Lookup | None, CacheVerdict]]]
    parse: Callable[..., Awaitable[JobResult]]
    store: Callable[..., Awaitable[bool]]
    assemble: Callable[..., document_pb2.Document]
