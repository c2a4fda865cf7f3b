"""What an extraction is expected to take, by format: a table at first, then what extractions here have taken.

Plans are compared with reality after each extraction; the errors are part of the answer.
"""

from __future__ import annotations

import logging
import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.depth import Depth
from extractor_service.formats.base import RANGE_READER
from extractor_service.modules.base import NUMBERS, PIXELS, PROGRAM, READER, TEXT

if TYPE_CHECKING:
    from extractor_service.formats.base import Format

_log = logging.getLogger(__name__)
UPLOAD_BYTES = 8 * 1024 * 1024
"""An upload being received: chunks waiting to be hashed and written, and what gRPC holds of the next ones. 16 at once
took 5.5 MiB each."""
SESSION_BYTES = 192 * 1024
"""A session that waits for a client: messages on their way, and what gRPC holds of the next ones."""
_MIB = 1024 * 1024
_KINDS_BYTES = {
    PIXELS: 96 * _MIB,  # a photograph of 24 megapixels, decoded at a fraction of its size, and the library
    TEXT: 48 * _MIB,  # a document's words, and what packs them
    NUMBERS: 96 * _MIB,  # arrays in pieces of 32 MiB
    PROGRAM: 128 * _MIB,  # Perl with ExifTool's tables, and a copy of the file
}
_SMOOTHING = 0.1  # the last ten or so extractions make an average
_MEMORY_DECAY = 0.99  # a peak is half forgotten after 70 smaller ones: slowly, since too little kills
_KEPT_ERRORS = 101  # odd, so that the median is a measured one; about a hundred recent ones


class Limits:
    """Of `Planner`."""

    least_samples = 5  # fewer extractions of a format are chance: the table counts
    memory_margin_ratio = 1.25  # the next file may need somewhat more than the worst one lately
    table_seconds = 0.01  # a guess for unknown formats; photographs take a few ms (measured)
    table_read_bytes = 128 * 1024  # a guess: head and tail of 64 KiB each
    full_memory_bytes = 192 * 1024 * 1024  # a document of 16 MiB in Python's objects
    full_memory_ratio = 16  # and no more than that of a small file
    least_seconds = 1e-4  # a plan of nearly nothing would make the ratio endless


class Plan(NamedTuple):
    """Expected needs of one parse."""

    memory_bytes: int
    """What a worker adds to its start, and a message's copy."""
    read_bytes: int
    seconds: float
    sample_count: int
    """Measured extractions of the format behind it; 0: it is the table's."""


class PlanErrors(NamedTuple):
    """Medians of actual / planned; 0 without any."""

    seconds_ratio: float
    bytes_ratio: float


@dataclass
class _Known:
    seconds: float = 0.0
    read_bytes: float = 0.0
    memory_bytes: float = 0.0
    count: int = 0
    seconds_ratios: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT_ERRORS))
    bytes_ratios: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT_ERRORS))


class Planner:
    """Plans by format, and learns. Pure but for a log line; lives on the event loop."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def plan(
        self,
        file_format: Format | None,
        size_bytes: int,
        inline_bytes: int = 0,
        depth: Depth = Depth.STANDARD,
        kind: str = READER,
    ) -> Plan:
        """The plan for a file of that format and size in a worker of that kind. Its memory includes a copy of what came inside a message.

        The message itself is counted while it is here (`Limiter.message`).
        """
        need = file_format.memory if file_format is not None else RANGE_READER
        table_bytes = need.bytes_for(size_bytes) + inline_bytes
        table_bytes += _KINDS_BYTES.get(kind, 0)
        if depth is Depth.FULL:
            table_bytes += min(Limits.full_memory_bytes, Limits.full_memory_ratio * size_bytes)
        format_name = file_format.name if file_format is not None else ""
        known = self._known.get(_key(format_name, depth, kind))
        if known is None or known.count < Limits.least_samples:
            read = Limits.table_read_bytes
            if depth is Depth.FAST and file_format is not None and file_format.is_headed:
                read //= 2
            return Plan(table_bytes, min(size_bytes, read), Limits.table_seconds, 0)
        # Small files say little about what a large one needs: a measured worker raises the table, never lowers it.
        measured = int(known.memory_bytes * Limits.memory_margin_ratio) + inline_bytes
        return Plan(
            max(table_bytes, measured), min(size_bytes, int(known.read_bytes)), known.seconds, known.count
        )

    def observe(
        self,
        format_name: str,
        plan: Plan,
        seconds: float,
        read_bytes: int,
        memory_bytes: int,
        depth: Depth = Depth.STANDARD,
        kind: str = READER,
    ) -> None:
        """An extraction of the format has ended."""
        known = self._known.setdefault(_key(format_name, depth, kind), _Known())
        known.seconds_ratios.append(seconds / max(plan.seconds, Limits.least_seconds))
        known.bytes_ratios.append(read_bytes / max(plan.read_bytes, 1))
        weight = max(_SMOOTHING, 1 / (known.count + 1))
        known.seconds += (seconds - known.seconds) * weight
        known.read_bytes += (read_bytes - known.read_bytes) * weight
        known.memory_bytes = max(memory_bytes, known.memory_bytes * _MEMORY_DECAY)
        known.count += 1
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug(
                "plan and reality",
                extra={
                    "format": format_name,
                    "planned_seconds": plan.seconds,
                    "seconds": seconds,
                    "planned_bytes": plan.read_bytes,
                    "bytes": read_bytes,
                    "planned_memory_bytes": plan.memory_bytes,
                    "memory_bytes": memory_bytes,
                },
            )

    def errors(self, format_name: str, depth: Depth = Depth.STANDARD) -> PlanErrors:
        """How far plans of the format were from reality."""
        known = self._known.get(_key(format_name, depth))
        if known is None or not known.count:
            return PlanErrors(0.0, 0.0)
        return PlanErrors(statistics.median(known.seconds_ratios), statistics.median(known.bytes_ratios))


def _key(format_name: str, depth: Depth, kind: str = READER) -> str:
    name = format_name if kind == READER else f"{kind}/{format_name}"
    return name if depth is Depth.STANDARD else f"{name}@{depth.name}"
