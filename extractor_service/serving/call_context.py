"""What sessions, and whatever else answers calls, are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from extractor_service.backoff.state import BackoffState
    from extractor_service.extraction.pipeline import Pipeline
    from extractor_service.modules.base import Module
    from extractor_service.settings import Settings
    from extractor_service.sources.spool import SpoolBudget
    from extractor_service.uploads.chunk_store import Retention
    from service_runtime.credits import CreditPool


class Parts(NamedTuple):
    """The objects that all calls share."""

    pipeline: Pipeline
    backoff: BackoffState
    retention: Retention
    pool: CreditPool
    budget: SpoolBudget
    settings: Settings
    modules: dict[str, Module]
