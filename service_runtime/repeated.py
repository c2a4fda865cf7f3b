"""Errors that repeat: in full the first time, counted afterwards, so that nobody can fill a disk with them."""

from __future__ import annotations

import time
import traceback
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

_QUIET_SECONDS = 60.0  # for one place in the code; afterwards it is told again, with the count
_MAX_PLACES = 256  # the one unheard of for longest is told in full again


class RepeatedErrors:
    """Logs exceptions, each place they come from at most once a minute."""

    def __init__(
        self, log: logging.Logger, message: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._message = message
        self._clock = clock
        self._places: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def log(self, error: BaseException) -> None:
        """Logs it, or counts it."""
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{type(error).__name__} {frames[-1].filename}:{frames[-1].lineno}" if frames else repr(error)
        now = self._clock()
        told_at, count = self._places.get(place, (None, 0))
        if told_at is not None and now - told_at < _QUIET_SECONDS:
            self._places[place] = (told_at, count + 1)
            return
        self._places[place] = (now, 0)
        self._places.move_to_end(place)
        while len(self._places) > _MAX_PLACES:
            self._places.popitem(last=False)
        extra = {"repeated": count} if count else {}
        self._log.error(self._message, exc_info=error, extra=extra)
