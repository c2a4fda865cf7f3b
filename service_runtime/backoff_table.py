"""What each class of work may do at each level: the table that the cache broadcasts and extractors obey.

A policy file (TOML) changes rows; what it doesn't name keeps its default:

    ramp_ratio_per_second = 0.2
    phase_spread_seconds = 2.0

    [batch.high]
    concurrency_ratio = 0.25
    chunk_bytes = 262144
    refuse_above_bytes = 104857600
    retry_after_seconds = 4.0
"""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING

from service_runtime.memory.levels import PressureLevel

if TYPE_CHECKING:
    from collections.abc import Mapping

_MIB = 1024 * 1024  # in bytes
_KIB = 1024  # in bytes


class WorkClass(IntEnum):
    """How urgent work is; the numbers are those of the wire enum."""

    INTERACTIVE = 1
    BATCH = 2
    BACKGROUND = 3


class InvalidTableError(ValueError):
    """A policy file can't be used."""


@dataclass(frozen=True)
class Row:
    """One class at one level."""

    concurrency_ratio: float
    """Share of the configured concurrency that it may fill, together with more urgent work, 0 to 1."""
    chunk_bytes: int
    """Best size of an upload's chunk."""
    refuse_above_bytes: int | None
    """Files above this size are refused; None: none is."""
    retry_after_seconds: float
    """Delay that a refused caller is told at least, before jitter."""


Rows = dict[tuple[WorkClass, PressureLevel], Row]


@dataclass(frozen=True)
class BackoffTable:
    """All rows, and how the way back goes."""

    rows: Mapping[tuple[WorkClass, PressureLevel], Row]
    ramp_ratio_per_second: float = 0.2
    """How fast a limit grows back, as a share of the configured concurrency per second."""
    phase_spread_seconds: float = 2.0
    """Instances begin to grow at different moments, spread over so many seconds."""

    def __post_init__(self) -> None:
        """Checks that nothing grows with the pressure.

        Raises:
            InvalidTableError: a value is out of its range, or better at a worse level.
        """
        if not (0.001 <= self.ramp_ratio_per_second <= 10 and 0 <= self.phase_spread_seconds <= 60):
            raise InvalidTableError("ramp_ratio_per_second is 0.001 to 10, phase_spread_seconds 0 to 60")
        for work in WorkClass:
            rows = [self.rows[work, level] for level in PressureLevel]
            for level, row in zip(PressureLevel, rows, strict=True):
                _check(row, f"{work.name.lower()}.{level.name.lower()}")
            ratios = [row.concurrency_ratio for row in rows]
            if ratios != sorted(ratios, reverse=True):
                raise InvalidTableError(
                    f"{work.name.lower()}: concurrency_ratio mustn't rise with the level: {ratios}"
                )

    def row(self, work: WorkClass, level: PressureLevel) -> Row:
        """What `work` may do at `level`."""
        return self.rows[work, level]


def default_table(large_bytes: int = _MIB) -> BackoffTable:
    """The table of the design, with batch and background shed first; `large_bytes` is refused at CRITICAL."""
    ratios = {
        WorkClass.INTERACTIVE: (1.0, 0.75, 0.5, 0.0),
        WorkClass.BATCH: (1.0, 0.75, 0.25, 0.0),
        WorkClass.BACKGROUND: (1.0, 0.5, 0.0, 0.0),
    }
    chunks = (_MIB, _MIB, 256 * _KIB, 64 * _KIB)
    delays = (0.5, 1.0, 2.0, 5.0)
    rows: Rows = {}
    for work in WorkClass:
        for index, level in enumerate(PressureLevel):
            refuse = large_bytes if level is PressureLevel.CRITICAL else None
            rows[work, level] = Row(
                ratios[work][index],
                chunks[index],
                refuse,
                delays[index] * (1 + (work > WorkClass.INTERACTIVE)),
            )
    return BackoffTable(rows)


def make_table(policy_file: str, large_bytes: int = _MIB) -> BackoffTable:
    """The table of the policy file, or the default one when none is named; raises InvalidTableError."""
    return read_table(Path(policy_file), large_bytes) if policy_file else default_table(large_bytes)


def read_table(path: Path, large_bytes: int = _MIB) -> BackoffTable:
    """The default table with the changes of the policy file at `path`.

    Raises:
        InvalidTableError: the file can't be read, or says what can't be.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidTableError(f"{path}: {error}") from error
    table = default_table(large_bytes)
    rows: Rows = dict(table.rows)
    changes: dict[str, float] = {}
    try:
        for name, value in content.items():
            if isinstance(value, dict):
                work = WorkClass[name.upper()]
                for level_name, fields in value.items():
                    level = PressureLevel[level_name.upper()]
                    rows[work, level] = dataclasses.replace(rows[work, level], **fields)
            elif name in {"ramp_ratio_per_second", "phase_spread_seconds"}:
                changes[name] = float(value)
            else:
                raise InvalidTableError(f"{path}: {name!r} is no setting of a policy")
        return dataclasses.replace(table, rows=rows, **changes)
    except InvalidTableError:
        raise
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise InvalidTableError(f"{path}: unknown name or wrong type: {error}") from error


def _check(row: Row, name: str) -> None:
    refuse = row.refuse_above_bytes
    kinds = (
        isinstance(row.concurrency_ratio, int | float)
        and isinstance(row.retry_after_seconds, int | float)
        and isinstance(row.chunk_bytes, int)
        and (refuse is None or isinstance(refuse, int))
    )
    if not (
        kinds
        and 0 <= row.concurrency_ratio <= 1
        and 4 * _KIB <= row.chunk_bytes <= 2 * _MIB
        and (refuse is None or refuse >= 0)
        and 0.01 <= row.retry_after_seconds <= 600
    ):
        raise InvalidTableError(f"{name}: a value is out of its range: {row}")
