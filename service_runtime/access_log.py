"""One line for each call, or for a share of them; those that failed are always told.

The lines are like those of the other log, but made and written by themselves, some at a time: by `logging` one per call cost a tenth of
a small call (measured).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from typing import TYPE_CHECKING

from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from typing import TextIO

_FINE = frozenset({"OK", "CANCELLED"})
_FLUSH_SECONDS = 0.2  # how late a line is seen
_MOST_LINES = 256  # 64 KB; they are written at once then


class AccessLog:
    """Tells `ratio` of the calls, as `style` says: json or console."""

    def __init__(self, ratio: float, style: str = "json", stream: TextIO | None = None) -> None:
        self._ratio = ratio
        self._is_json = style == "json"
        self._stream = stream or sys.stderr
        self._lines: list[str] = []
        self._second, self._clock = 0, ""
        self._words: dict[str, str] = {}

    def record(self, method: str, code: str, seconds: float) -> None:
        """A call has ended; to be called in its own context."""
        if self._ratio < 1 and code in _FINE and random.random() >= self._ratio:
            return
        call = current_call.get()
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        clock = f"{self._clock}.{int(now % 1 * 1000):03d}Z"
        who, tenant, request_id = (
            self._quoted(call.caller),
            self._quoted(call.tenant),
            json.dumps(call.request_id),
        )
        if self._is_json:
            line = (
                f'{{"time": "{clock}", "level": "info", "logger": "metaextract.access", "message": "call", "request_id": {request_id},'
                f' "method": "{method}", "code": "{code}", "duration_ms": {seconds * 1000:.2f}, "caller": {who}, "tenant": {tenant}}}\n'
            )
        else:
            line = f"{clock} {code:<10} {seconds * 1000:8.2f} ms  {method} {who} {tenant} {request_id}\n"
        self._lines.append(line)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)
        elif len(self._lines) >= _MOST_LINES:
            self.flush()

    def flush(self) -> None:
        """Writes what hasn't been written."""
        lines, self._lines = self._lines, []
        if lines:
            with contextlib.suppress(OSError, ValueError):  # a log that can't be written fails no call
                self._stream.write("".join(lines))
                self._stream.flush()

    def _quoted(self, word: str) -> str:
        """The word as JSON; callers come again and again."""
        found = self._words.get(word)
        if found is None:
            if len(self._words) > _MOST_LINES:
                self._words.clear()
            found = self._words[word] = json.dumps(word)
        return found
