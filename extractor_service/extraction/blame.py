"""Who is to blame for a lost worker: the file that it read, or whatever else went on.

A kill says nothing by itself: the kernel's OOM killer aims at whoever is large, an operator at whom he likes. So a file whose worker
was ended from outside is read again by a fresh one while no other works, and counts as a killer only if that one is lost as well
while nothing else was wrong. Time is passed in.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Outcome
from extractor_service.workers.protocol import STARVED_RATIO, Loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.workers.protocol import JobResult

MAX_ATTEMPTS = 3
"""Of one file: two workers may be lost to one storm, a third is asked for nothing that it can't bear."""
_SUSPICIOUS_LOSSES = 9  # in a row: three calls, three attempts each
_MOST_REMEMBERED = 1000  # contents that were there
_UNREST_SECONDS = 10.0  # after a worker was lost for another file's sake, or the kernel killed: storms last


class Scene(NamedTuple):
    """How things stood when a job began."""

    oom_kills: int
    is_pressed: bool


class Witness:
    """Knows what else went on."""

    def __init__(self, count_oom_kills: Callable[[], int], is_pressed: Callable[[], bool]) -> None:
        """`is_pressed`: whether memory is so short that the kernel may be about to kill."""
        self._count_oom_kills = count_oom_kills
        self._is_pressed = is_pressed
        self._losses: list[tuple[float, object]] = []
        self._repeated: OrderedDict[object, int] = OrderedDict()

    def look(self) -> Scene:
        """How things stand."""
        return Scene(self._count_oom_kills(), self._is_pressed())

    def record(self, now: float, result: JobResult, reader: object) -> None:
        """Notes the loss of a worker that read for `reader`."""
        if result.loss is Loss.OUTSIDE:
            self._losses = [each for each in self._losses if each[0] > now - _UNREST_SECONDS]
            self._losses.append((now, reader))
            self._repeated[reader] = self._repeated.get(reader, 0) + 1
            self._repeated.move_to_end(reader)
            while len(self._repeated) > _MOST_REMEMBERED:
                self._repeated.popitem(last=False)

    def clear(self, reader: object) -> None:
        """Forgets the losses of a content that was read."""
        self._repeated.pop(reader, None)

    def is_suspicious(self, reader: object) -> bool:
        """Whether a content has been there so often when a worker was lost that storms don't explain it any more."""
        return self._repeated.get(reader, 0) >= _SUSPICIOUS_LOSSES

    def was_quiet(self, now: float, before: Scene, reader: object) -> bool:
        """Whether nothing but the job of `reader` itself explains a loss now."""
        scene = self.look()
        if scene.oom_kills != before.oom_kills or scene.is_pressed or before.is_pressed:
            return False
        return all(who == reader or at <= now - _UNREST_SECONDS for at, who in self._losses)


def was_starved(result: JobResult, seconds: float) -> bool:
    """Whether a reader that ended itself at its time limit, after `seconds`, had hardly been let run."""
    if result.failure is not None or result.cpu_seconds is None or result.pulls:
        return False
    has_timed_out = any(module.outcome == Outcome.TIMEOUT.value for module in result.modules)
    return has_timed_out and result.cpu_seconds < STARVED_RATIO * seconds


def deserves_retry(result: JobResult) -> bool:
    """Whether a lost worker may have been another's fault. What used up its own limits would do so again."""
    return result.loss is Loss.OUTSIDE or (result.loss is Loss.CRASH and not result.was_fresh)


def is_guilty(result: JobResult, *, was_quiet: bool) -> bool:
    """Whether the file is to blame for the last loss."""
    if result.loss is Loss.OUTSIDE:
        return result.was_alone and was_quiet
    return True
