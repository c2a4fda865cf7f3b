"""What policies that go by latencies share: how long parses usually take, and a limit beside the table's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.policies.base import Term, pressure_decision

if TYPE_CHECKING:
    from extractor_service.backoff.policies.base import Decision, Pressure

_WARM_UP = 10  # samples averaged plainly first, as in Gradient2Limit's long average
_WINDOW = 600  # samples; Gradient2Limit's longWindow: a burst hardly moves what is usual
_MAX_KINDS = 256  # more than there are formats; the one not seen for longest is forgotten


class UsualLatencies:
    """A long exponential average for each kind, after a plain one of the first ten."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[int, float]] = {}

    def record(self, kind: str, seconds: float) -> float:
        """The usual seconds of `kind`, this one included."""
        count, usual = self._kinds.pop(kind, (0, 0.0))
        count += 1
        factor = 1 / count if count <= _WARM_UP else 2 / (_WINDOW + 1)
        usual += (seconds - usual) * factor
        self._kinds[kind] = (count, usual)
        if len(self._kinds) > _MAX_KINDS:
            del self._kinds[next(iter(self._kinds))]
        return usual

    def forget_slowly(self, kind: str, ratio: float) -> None:
        """Takes the usual seconds of `kind` down, where they were learnt under load."""
        count, usual = self._kinds[kind]
        self._kinds[kind] = (count, usual * ratio)


class AdaptiveLimit:
    """A limit that begins at what is configured and stays between it and 1; the table's cap counts as well."""

    def __init__(self) -> None:
        self._limit: float | None = None
        self._usual = UsualLatencies()

    def decide(self, pressure: Pressure, configured: int) -> Decision:
        """See `BackoffPolicy.decide`."""
        return pressure_decision(pressure, configured, Term("latency", int(self._present(configured))))

    def _present(self, configured: int) -> float:
        return float(configured) if self._limit is None else min(self._limit, float(configured))

    def _set(self, limit: float, configured: int) -> bool:
        """Whether it allows another number than before."""
        before = int(self._present(configured))
        self._limit = min(max(1.0, limit), float(configured))
        return int(self._limit) != before
