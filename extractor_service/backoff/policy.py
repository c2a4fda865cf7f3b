"""From a level to what may run: a value, computed by a pure function."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from service_runtime.memory.levels import PressureLevel

_MIB = 1024 * 1024


class Decision(NamedTuple):
    """What is allowed now."""

    concurrency: int
    """Parses at once, at least 1."""
    refuse_above_bytes: int | None
    """Files larger than this are refused; None: none is."""
    retry_after_seconds: float
    """Delay that a refused caller is told, before jitter."""


class BackoffPolicy(Protocol):
    """Decides what a level allows."""

    name: str

    def decide(self, level: PressureLevel, configured_concurrency: int) -> Decision:
        """What `level` allows of the configured concurrency."""
        ...


class ProportionalPolicy:
    """The table of the design: all, three quarters, half, one."""

    name = "proportional"

    def __init__(self, large_bytes: int = _MIB) -> None:
        self._large_bytes = large_bytes

    def decide(self, level: PressureLevel, configured_concurrency: int) -> Decision:
        """See `BackoffPolicy.decide`."""
        if level is PressureLevel.CRITICAL:
            return Decision(1, self._large_bytes, 5.0)
        ratio, retry_after = {
            PressureLevel.NORMAL: (1.0, 0.5),
            PressureLevel.ELEVATED: (0.75, 1.0),
            PressureLevel.HIGH: (0.5, 2.0),
        }[level]
        return Decision(max(1, int(configured_concurrency * ratio)), None, retry_after)


class NoBackoffPolicy:
    """Ignores pressure; for comparison, and for machines that something else protects."""

    name = "none"

    def decide(self, level: PressureLevel, configured_concurrency: int) -> Decision:
        """Everything, always."""
        del level
        return Decision(configured_concurrency, None, 0.5)


POLICIES = ("proportional", "none")


def make_policy(name: str, large_bytes: int) -> BackoffPolicy:
    """The policy called `name`, one of POLICIES."""
    return NoBackoffPolicy() if name == "none" else ProportionalPolicy(large_bytes)
