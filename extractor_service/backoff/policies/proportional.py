"""The table of the design: all, three quarters, half, one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.policies.base import pressure_decision

if TYPE_CHECKING:
    from extractor_service.backoff.policies.base import Decision, LatencySample, Pressure


class ProportionalPolicy:
    """Follows the level alone."""

    name = "proportional"

    def decide(self, pressure: Pressure, configured: int) -> Decision:
        """See `BackoffPolicy.decide`."""
        return pressure_decision(pressure, configured)

    def observe(self, sample: LatencySample, configured: int) -> bool:
        """Latencies mean nothing here."""
        del sample, configured
        return False
