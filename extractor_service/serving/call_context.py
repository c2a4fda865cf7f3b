"""The objects that all calls share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.workers.sandbox.probes import NO_SANDBOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.backoff.state import BackoffState
    from extractor_service.extraction.estimates import Planner
    from extractor_service.extraction.pipeline import Pipeline
    from extractor_service.formats.base import Format
    from extractor_service.modules.base import Module
    from extractor_service.settings import Settings
    from extractor_service.sources.spool import SpoolBudget
    from extractor_service.uploads.chunk_store import ChunkStoreClient
    from extractor_service.workers.sandbox.probes import SandboxReport
    from service_runtime.credits import CreditPool
    from service_runtime.lobby import Lobby


class CallContext(NamedTuple):
    """Put together once by `assembly`; each call gets it."""

    settings: Settings
    formats: Sequence[Format]
    modules: dict[str, Module]
    """By name."""
    unavailable: dict[str, str]
    """Modules that can't run here, and why."""
    pipeline: Pipeline
    planner: Planner
    backoff: BackoffState
    chunks: ChunkStoreClient
    spool: SpoolBudget
    credits: CreditPool
    """Of all uploads together."""
    lobby: Lobby
    """Of streams that haven't said yet what they want."""
    sandbox: SandboxReport = NO_SANDBOX
    """What keeps workers in."""
