"""What a request asks for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from extractor_service.depth import Depth
from service_runtime.backoff_table import WorkClass


class CacheUse(Enum):
    """How a request wants the cache."""

    USE = 1  # asked first, filled after; CacheMode's number in extractor.proto
    REFRESH = 2  # computed anew and stored; CacheMode's number
    BYPASS = 3  # neither asked nor filled; CacheMode's number


@dataclass(frozen=True)
class ExtractionOptions:
    """What a request asks for, validated."""

    modules: tuple[str, ...]
    digest_algorithms: tuple[str, ...] = ()
    cache_use: CacheUse = CacheUse.USE
    parse_seconds: float = 30.0
    work: WorkClass = WorkClass.INTERACTIVE
    depth: Depth = Depth.STANDARD
