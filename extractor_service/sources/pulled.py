"""Shows a worker a file that is elsewhere. Ranges that aren't at hand are asked for, many at once where possible.

A round trip costs more than a hundred kilobytes, so a miss asks also for what the parser said it will read, and for more
where reads go on where the last one ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.sources.base import PullLimitError, SourceError
from extractor_service.sources.blocks import BLOCK_BYTES
from extractor_service.sources.spans import Span, SpanSet, aligned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from extractor_service.sources.base import ByteSource

_MAX_HINTS = 1024  # one directory may name millions of places; those beyond are asked for when met
_MAX_HINT_BYTES = 256 * 1024  # of one answer: a pull of as much takes 2 to 3 ms (measured)
_NEAR_BYTES = 2 * BLOCK_BYTES  # a reader that skips a block or two still goes forward


class ParkedError(BaseException):
    """The bytes won't come soon; the parse is to be given up and run again when they are there.

    Not an Exception: parsers that survive anything must not survive this.
    """


class ReadAhead:
    """Says how many bytes to ask for behind a miss. More while reads follow the last one, none when they jump."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._window_bytes = 0
        self._expected_at: int | None = None

    def extend(self, span: Span) -> Span:
        """The span to fetch for a miss of `span`."""
        if self._expected_at is not None and 0 <= span.offset - self._expected_at <= _NEAR_BYTES:
            self._window_bytes = min(self._most_bytes, max(BLOCK_BYTES, 2 * self._window_bytes))
        else:
            self._window_bytes = 0
        self._expected_at = span.end + self._window_bytes
        return Span(span.offset, span.length + self._window_bytes)


class PulledSource:
    """Reads what is at hand from `local`; asks for the rest.

    Attributes:
        pulls: times that it asked.
        is_parked: the last question wasn't answered in time; every further read fails as well, whatever a library has
            made of the first failure.
        is_interrupted: a question was given up before its answer.
        is_distant: hints save trips here.
    """

    is_distant = True

    def __init__(
        self,
        local: ByteSource,
        present: SpanSet,
        ask: Callable[[Sequence[Span]], bool],
        *,
        max_pulls: int,
        read_ahead_bytes: int = 0,
        takes_hints: bool = True,
    ) -> None:
        """`ask` returns once the ranges are in `local`; False when that would take too long. It raises SourceError."""
        self._local = local
        self._present = present
        self._ask = ask
        self._max_pulls = max_pulls
        self._read_ahead = ReadAhead(read_ahead_bytes)
        self._hints: list[Span] = []
        self._takes_hints = takes_hints
        self.pulls = 0
        self.is_parked = False
        self.is_interrupted = False

    @property
    def size_bytes(self) -> int:
        """Size of the whole file."""
        return self._local.size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_range`.

        Raises:
            ParkedError: the bytes won't come soon.
            PullLimitError: it was asked too often.
        """
        if offset < 0 or length < 0:
            raise ValueError(f"negative range: {offset}, {length}")
        length = min(length, self.size_bytes - offset)
        if length <= 0:
            return b""
        if self._present.missing(offset, length):
            self._pull(Span(offset, length))
        return self._local.read_range(offset, length)

    def prefetch(self, spans: Iterable[tuple[int, int]]) -> None:
        """Notes what will be read; it is asked for together with the next miss."""
        for offset, length in spans if self._takes_hints else ():
            if 0 <= offset < self.size_bytes and length > 0 and len(self._hints) < _MAX_HINTS:
                self._hints.append(Span(offset, min(length, self.size_bytes - offset)))

    def _pull(self, span: Span) -> None:
        if self.is_parked:
            raise ParkedError
        if self.pulls >= self._max_pulls:
            raise PullLimitError(f"more than {self._max_pulls} round trips: the structures are too scattered")
        wanted = [self._read_ahead.extend(span)]
        budget = _MAX_HINT_BYTES
        for hint in self._hints:
            if hint.length <= budget:
                wanted.append(hint)
                budget -= hint.length
        self._hints.clear()
        missing = [
            gap
            for each in aligned(wanted, BLOCK_BYTES, self.size_bytes)
            for gap in self._present.missing(each.offset, each.length)
        ]
        self.pulls += 1
        self.is_interrupted = True
        has_come = self._ask(missing)
        self.is_interrupted = False
        if not has_come:
            self.is_parked = True
            raise ParkedError
        for each in missing:
            self._present.add(*each)
        if self._present.missing(*span):
            raise SourceError(f"{span.length} bytes at {span.offset} didn't come")
