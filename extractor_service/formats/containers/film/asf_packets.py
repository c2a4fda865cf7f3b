"""When the first pictures of an ASF film are shown: its headers needn't say how many there are a second.

Microsoft, "Advanced Systems Format (ASF) Specification", revision 01.20.05, section 5.2 (data packets).
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.formats.reading.reader import Reader

_MOST_PACKETS, _MOST_BYTES = 64, 128 * 1024
_ENOUGH_PICTURES = 16
_LEAST_PICTURES = 4  # of fewer, milliseconds say too little
_MOST_JITTER_MS = 2  # between pictures of a constant rate, by rounding
_WIDTHS = (0, 1, 2, 4)  # bytes of a number, by its two bits
_USUAL_RATES = (24000 / 1001, 24, 25, 30000 / 1001, 30, 50, 60000 / 1001, 60)
_ROUNDING = 0.01  # times are whole milliseconds


def frame_rate(
    reader: Reader, at: int, packet_bytes: int, stream: int, nominal: float | None
) -> float | None:
    """Pictures a second of the stream by the first packets' times: the header's `nominal` one where these agree, or a usual one.

    `at` is where the first packet begins, `packet_bytes` the size of each. `nominal` where too few pictures are found, or no rate.
    """
    times: set[int] = set()
    for number in range(min(_MOST_PACKETS, _MOST_BYTES // max(1, packet_bytes))):
        try:
            times.update(_times(reader, at + number * packet_bytes, stream))
        except TruncatedError:
            break
        if len(times) >= _ENOUGH_PICTURES:
            break
    ordered = sorted(times)
    gaps = [later - earlier for earlier, later in itertools.pairwise(ordered)]
    if len(times) < _LEAST_PICTURES or max(gaps) > min(gaps) + _MOST_JITTER_MS:
        return nominal
    rate = (len(times) - 1) * 1000 / (max(times) - min(times))
    near = [each for each in (nominal or 0.0, *_USUAL_RATES) if abs(each - rate) <= _ROUNDING * rate]
    return min(near, key=lambda each: (each != nominal, abs(each - rate))) if near else rate


class _Cursor:
    """A place that moves on with each number read."""

    def __init__(self, reader: Reader, at: int) -> None:
        self._reader, self.at = reader, at

    def number(self, kind: int) -> int:
        """The number whose width two bits tell; 0 where there is none."""
        width = _WIDTHS[kind & 3]
        if not width:
            return 0
        at = self.at
        self.at = at + width
        return int.from_bytes(self._reader.exact(at, width), "little")


def _times(reader: Reader, at: int, stream: int) -> Iterator[int]:
    """The times, in ms, of the stream's pictures that begin in one packet."""
    cursor = _Cursor(reader, at)
    first = reader.u8(at)
    if first & 0x80:
        cursor.at += 1 + (first & 0x0F)
    lengths, properties = cursor.number(1), cursor.number(1)
    cursor.number(lengths >> 5)
    cursor.number(lengths >> 1)
    cursor.number(lengths >> 3)
    cursor.at += 6  # send time and duration
    payloads = cursor.number(1) if lengths & 1 else 1
    for _ in range(payloads & 0x3F):
        number = cursor.number(1)
        cursor.number(properties >> 4)
        offset = cursor.number(properties >> 2)
        copied = cursor.number(properties)
        if copied == 1:  # several whole pictures; `offset` is the first one's time
            shown, starts = offset, True
            cursor.at += 1
        else:
            shown, starts = (reader.u32(cursor.at + 4) if copied >= 8 else 0), offset == 0 and copied >= 8
            cursor.at += copied
        if starts and number & 0x7F == stream:
            yield shown
        if lengths & 1:
            length = cursor.number(payloads >> 6)
            cursor.at += length
