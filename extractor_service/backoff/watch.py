"""The two loops that keep the view up to date: the cache's broadcast, and our own memory."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from extractor_service.retry import RetryDelay
from metaextract_client.errors import MetaExtractError
from service_runtime.memory.levels import PressureLevel

if TYPE_CHECKING:
    from extractor_service.backoff.state import BackoffState
    from metaextract_client.cache import AsyncCacheClient
    from service_runtime.memory.classifier import Classifier
    from service_runtime.memory.sampler import Sampler

_log = logging.getLogger(__name__)


async def watch_cache(cache: AsyncCacheClient, state: BackoffState, subscriber: str) -> None:
    """Follows WatchPressure until cancelled; reconnects with growing, jittered delays."""
    delay = RetryDelay()
    known: PressureLevel | None = None
    while True:
        try:
            async for event in cache.watch_pressure(subscriber):
                level = PressureLevel(event.state.level)
                state.view.hear(time.monotonic(), level, event.state.valid_for_seconds)
                state.limiter.wake()
                if level != known:
                    _log.info("cache pressure", extra={"pressure_level": level.name})
                    known = level
                delay.reset()
        except (MetaExtractError, ValueError) as error:
            if known is not None:
                _log.warning("pressure watch lost", extra={"error": str(error)})
                known = None
        await delay.wait()


async def watch_own_memory(
    sampler: Sampler, classifier: Classifier, state: BackoffState, sample_seconds: float
) -> None:
    """Samples this process's container until cancelled; a step that fails is logged and tried again."""
    while True:
        try:
            sample = sampler.sample()
            level = classifier.update(time.monotonic(), sample.ratio, failed=sample.failed)
            if level != state.view.local_level:
                _log.info("own pressure", extra={"pressure_level": level.name})
                state.view.local_level = level
            state.limiter.wake()
        except Exception:  # noqa: BLE001 - whatever it is, the loop must go on
            _log.exception("sampling failed")
        await asyncio.sleep(sample_seconds)
