"""The interface of policies: pressure and latencies in, what may run out. Pure; time is passed in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from service_runtime.backoff_table import WorkClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service_runtime.backoff_table import BackoffTable, Row
    from service_runtime.memory.levels import PressureLevel


LEAST_BYTES_RATIO = 0.1  # at CRITICAL the rows say 0, but the one parse still allowed needs its bytes


class Pressure(NamedTuple):
    """What a policy goes by."""

    cache: PressureLevel
    """The cache's level, as it is to be taken now."""
    local: PressureLevel
    """The level of this process's own container."""
    table: BackoffTable

    @property
    def level(self) -> PressureLevel:
        """The worse of both."""
        return max(self.cache, self.local)


class LatencySample(NamedTuple):
    """One parse that has ended."""

    kind: str
    """Of which format: what latencies are compared within."""
    seconds: float
    in_flight: int
    """Parses that ran when it began."""
    failed: bool
    """It ended by a time limit, a memory limit or a crash."""


class Term(NamedTuple):
    """One term of the concurrency limit."""

    name: str
    limit: int


class Decision(NamedTuple):
    """What is allowed now."""

    terms: tuple[Term, ...]
    """The smallest is the limit."""
    limits: Mapping[WorkClass, int]
    """Parses at once that each class may fill, together with more urgent work."""
    rows: Mapping[WorkClass, Row]
    sheds: bool = True
    """Whether queues and waits are bounded, bytes are reserved, and large files may be refused."""

    @property
    def concurrency(self) -> int:
        """Parses at once, at least 1."""
        return self.limits[WorkClass.INTERACTIVE]

    def bytes_ratio(self, work: WorkClass) -> float:
        """Share of the byte budget that a class may reserve, together with more urgent work."""
        return max(LEAST_BYTES_RATIO, self.rows[work].concurrency_ratio)


class BackoffPolicy(Protocol):
    """Decides what pressure and latencies allow."""

    name: str

    def decide(self, pressure: Pressure, configured: int) -> Decision:
        """What is allowed of the configured concurrency."""
        ...

    def observe(self, sample: LatencySample, configured: int) -> bool:
        """Learns from a parse that has ended; whether another decision follows from it."""
        ...


def pressure_decision(pressure: Pressure, configured: int, *others: Term) -> Decision:
    """What the table allows at the pressure's level, and what `others` leave of it."""
    table, level = pressure.table, pressure.level
    interactive = WorkClass.INTERACTIVE
    terms = (
        Term("configured", configured),
        Term("cache_pressure", share(table.row(interactive, pressure.cache), configured, floor=1)),
        Term("local_memory", share(table.row(interactive, pressure.local), configured, floor=1)),
        *others,
    )
    limit = min(term.limit for term in terms)
    limits = {
        work: min(limit, share(table.row(work, level), configured, floor=int(work is interactive)))
        for work in WorkClass
    }
    return Decision(terms, limits, {work: table.row(work, level) for work in WorkClass})


def share(row: Row, configured: int, *, floor: int) -> int:
    """The row's share of the configured concurrency, at least `floor`; what isn't nothing is one at least."""
    return max(floor, int(configured * row.concurrency_ratio), int(row.concurrency_ratio > 0))
