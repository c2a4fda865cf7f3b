"""Ignores pressure; for comparison, and for machines that something else protects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.policies.base import Decision, Term
from service_runtime.backoff_table import WorkClass
from service_runtime.memory.levels import PressureLevel

if TYPE_CHECKING:
    from extractor_service.backoff.policies.base import LatencySample, Pressure


class NoBackoffPolicy:
    """Everything, always: no queue is bounded, nothing is refused, no bytes are reserved."""

    name = "none"

    def decide(self, pressure: Pressure, configured: int) -> Decision:
        """See `BackoffPolicy.decide`."""
        return Decision(
            (Term("configured", configured),),
            dict.fromkeys(WorkClass, configured),
            {work: pressure.table.row(work, PressureLevel.NORMAL) for work in WorkClass},
            sheds=False,
        )

    def observe(self, sample: LatencySample, configured: int) -> bool:
        """Latencies mean nothing here."""
        del sample, configured
        return False
