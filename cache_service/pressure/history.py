"""Keeps the last 15 minutes, one point a second. It has averages like load averages, the trend, and level changes."""

from __future__ import annotations

import json
import logging
import os
import statistics
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from cache_service.pressure.state import PressureChange
from service_runtime.memory.levels import PressureLevel

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)
SPAN_SECONDS = 900.0  # pressure.proto: averages of 1, 5 and 15 minutes, as of a load average
_TREND_SECONDS = 300.0  # rides out single bursts; the slope of 2 s is told beside it
_POINT_SECONDS = 1.0  # 900 points in all; samples come ten times as often
_MAX_CHANGES = 256  # pressure.proto; with a hold of 30 s about 60 are possible in the span
_FORMAT = 1  # raise it when the file changes: one of another format is ignored


class Point(NamedTuple):
    """The worst of about a second."""

    at: float
    level: PressureLevel
    score_ratio: float


class PressureHistory:
    """Rings of points and changes; times are wall clock, so that a restart can go on."""

    def __init__(self) -> None:
        self._points: deque[Point] = deque(maxlen=int(SPAN_SECONDS / _POINT_SECONDS))
        self.changes: deque[PressureChange] = deque(maxlen=_MAX_CHANGES)

    def record(self, at: float, level: PressureLevel, score_ratio: float) -> None:
        """Adds a sample; those of one second become one point, and the worst counts."""
        last = self._points[-1] if self._points else None
        if last is not None and last.at <= at < last.at + _POINT_SECONDS:
            self._points[-1] = Point(last.at, max(last.level, level), max(last.score_ratio, score_ratio))
        else:
            self._points.append(Point(at, level, score_ratio))

    def points(self, now: float, since_seconds: float = SPAN_SECONDS, most: int = 0) -> list[Point]:
        """The points of the last `since_seconds`, oldest first; neighbours joined so that at most `most` are left."""
        found = [point for point in self._points if now - since_seconds <= point.at <= now]
        if most <= 0 or len(found) <= most:
            return found
        size = -(-len(found) // most)
        groups = [found[start : start + size] for start in range(0, len(found), size)]
        return [
            Point(
                group[0].at,
                max(point.level for point in group),
                max(point.score_ratio for point in group),
            )
            for group in groups
        ]

    def average(self, now: float, seconds: float) -> float:
        """Mean score of the last `seconds`, or of what there is; 0 without any."""
        scores = [point.score_ratio for point in self.points(now, seconds)]
        return sum(scores) / len(scores) if scores else 0.0

    def trend_per_minute(self, now: float) -> float:
        """Slope of the score over the last five minutes, by least squares, per minute; 0 before three points."""
        points = self.points(now, _TREND_SECONDS)
        if len(points) < 3:
            return 0.0
        times = [point.at - points[0].at for point in points]
        if times[-1] <= 0:
            return 0.0
        return 60 * statistics.linear_regression(times, [point.score_ratio for point in points]).slope

    def since(self, revision: int) -> tuple[list[PressureChange], bool]:
        """The changes of this process after `revision`, and whether there may be older ones that are gone."""
        own = [change for change in self.changes if change.revision > 0]
        missed = [change for change in own if change.revision > revision]
        return missed, len(self.changes) == _MAX_CHANGES and missed == own

    def save(self, path: Path) -> None:
        """Writes it, whole or not at all; meant for a thread. What fails is logged: nothing depends on it."""
        text = json.dumps({"format": _FORMAT, "points": list(self._points), "changes": list(self.changes)})
        temporary = path.with_suffix(".new")
        try:
            temporary.write_text(text, encoding="utf-8")
            os.replace(temporary, path)  # noqa: PTH105 - says what it does
        except OSError as error:
            _log.warning("the pressure history couldn't be saved", extra={"error": str(error)})

    def load(self, path: Path, now: float) -> None:
        """Takes over what a former process saved, as far as it is of the last 15 minutes. Damage is as nothing."""
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            if saved["format"] != _FORMAT:
                return
            points = [
                Point(float(at), PressureLevel(level), float(score)) for at, level, score in saved["points"]
            ]
            # Revision 0: they belong to another epoch, and nobody can resume from them.
            changes = [
                PressureChange(
                    0, float(at), PressureLevel(before), PressureLevel(after), str(cause), float(score)
                )
                for _, at, before, after, cause, score in saved["changes"]
            ]
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError) as error:
            _log.warning("the saved pressure history is unreadable", extra={"error": repr(error)})
            return
        self._points.extend(point for point in points if now - SPAN_SECONDS <= point.at <= now)
        self.changes.extend(each for each in changes if now - SPAN_SECONDS <= each.changed_at <= now)
