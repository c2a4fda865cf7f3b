"""Fragments of films: how long they are all together. ISO/IEC 14496-12, 8.8 (moof, traf, tfhd, trun, tfdt), 8.16.3 (sidx)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.reading import boxes
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from extractor_service.formats.reading.boxes import Box
    from extractor_service.formats.reading.reader import Reader

_MOST_SAMPLES = 100_000  # of one run
_WINDOWS_BYTES = (
    128 * 1024,
    1024 * 1024,
    4 * 1024 * 1024,
)  # in which the last fragment of every track begins
_MOST_INDEX_BYTES = 2 * 1024 * 1024  # of random access points: thirty thousand of each of three tracks
_MOST_LAST = 16  # fragments behind the last random access point
_TFHD_BASE, _TFHD_DESCRIPTION, _TFHD_DURATION = 1, 2, 8
_TRUN_OFFSET, _TRUN_FLAGS = 1, 4
_TRUN_FIELDS = ((0x100, "duration"), (0x200, "size"), (0x400, "flags"), (0x800, "time"))


class Runs:
    """Where each track begins and ends, in its own ticks, by the fragments that were read."""

    def __init__(self, defaults: dict[int, int]) -> None:
        self._defaults = defaults
        self.ends: dict[int, int] = {}
        self.samples: dict[int, int] = {}
        """Of the fragments from the beginning, those looked for at the end left out."""
        self.spans: dict[int, int] = {}
        """How many ticks these samples last."""
        self._starts: dict[int, int] = {}

    def fragment(self, reader: Reader, box: Box, *, is_last: bool = False) -> bool:
        """Takes one moof in; whether it told when it begins, without which one at the end (`is_last`) says nothing."""
        told = False
        for traf in boxes.walk(reader, box.offset, box.offset + box.length):
            if traf.kind == b"traf":
                told = self._track(reader, traf, is_last=is_last) or told
        return told

    def ticks(self, track: int) -> int:
        """From the first sample to the last."""
        return self.ends.get(track, 0) - self._starts.get(track, 0)

    def _track(self, reader: Reader, box: Box, *, is_last: bool) -> bool:
        track, start, default = 0, None, 0
        total = samples = 0
        for inner in boxes.walk(reader, box.offset, box.offset + box.length):
            if inner.kind == b"tfhd":
                flags, track = reader.u32(inner.offset) & 0xFFFFFF, reader.u32(inner.offset + 4)
                place = (
                    inner.offset
                    + 8
                    + (8 if flags & _TFHD_BASE else 0)
                    + (4 if flags & _TFHD_DESCRIPTION else 0)
                )
                default = reader.u32(place) if flags & _TFHD_DURATION else self._defaults.get(track, 0)
            elif inner.kind == b"tfdt":
                is_long = reader.u8(inner.offset) == 1
                start = reader.u64(inner.offset + 4) if is_long else reader.u32(inner.offset + 4)
            elif inner.kind == b"trun":
                ticks, count = _run(reader, inner, default)
                total, samples = total + ticks, samples + count
        if is_last and start is None:
            return False
        first = start if start is not None else self.ends.get(track, 0)
        self._starts[track] = min(self._starts.get(track, first), first)
        self.ends[track] = max(self.ends.get(track, 0), first + total)
        if not is_last:
            self.samples[track] = self.samples.get(track, 0) + samples
            self.spans[track] = self.spans.get(track, 0) + total
        return start is not None


def _run(reader: Reader, box: Box, default: int) -> tuple[int, int]:
    """Ticks and samples of one run."""
    flags, count = reader.u32(box.offset) & 0xFFFFFF, min(reader.u32(box.offset + 4), _MOST_SAMPLES)
    if not flags & 0x100:
        return count * default, count
    width = 4 * sum(bool(flags & bit) for bit, _ in _TRUN_FIELDS)
    place = box.offset + 8 + (4 if flags & _TRUN_OFFSET else 0) + (4 if flags & _TRUN_FLAGS else 0)
    data = reader.exact(place, count * width)
    return sum(int.from_bytes(data[at : at + 4]) for at in range(0, len(data), width)), count


def index_ticks(reader: Reader, box: Box) -> tuple[int, int]:
    """Ticks of all segments of an index (sidx), and ticks a second."""
    version = reader.u8(box.offset)
    scale = reader.u32(box.offset + 8)
    place = box.offset + 12 + (16 if version else 8) + 2
    count = reader.u16(place)
    data = reader.exact(place + 2, count * 12)
    return sum(int.from_bytes(data[at + 4 : at + 8]) for at in range(0, len(data), 12)), scale


def last(reader: Reader, start: int, runs: Runs) -> bool:
    """Reads the last fragments, by the index of random access points (mfra) or by looking for them; whether any was found.

    Hours of fragments are thousands of boxes, each behind its own samples: walking them all would take as many round trips.
    """
    try:
        place = _last_indexed(reader)
        if place is not None and place >= start:
            return _from(reader, place, runs)
    except TruncatedError:
        pass  # an index of another file, or of nothing: they are looked for
    for window in _WINDOWS_BYTES:
        size = min(window, reader.length - start)
        if _looked_for(reader, reader.length - size, runs):
            return True
        if size < window:
            break
    return False


def _from(reader: Reader, place: int, runs: Runs) -> bool:
    """Reads the fragments from `place` on; whether these are the last ones."""
    found = 0
    for box in boxes.walk(reader, place, reader.length):
        found += box.kind == b"moof" and runs.fragment(reader, box, is_last=True)
        if found > _MOST_LAST:
            return False
    return found > 0


def _last_indexed(reader: Reader) -> int | None:
    """Where the fragment of the last random access point begins (8.8.10, 8.8.11); None without an index."""
    tail = reader.some(reader.length - 16, 16) if reader.length > 16 else b""
    size = int.from_bytes(tail[12:16])
    if tail[4:8] != b"mfro" or not 24 <= size <= min(reader.length, _MOST_INDEX_BYTES):
        return None
    places = []
    start = reader.length - size
    for box in boxes.walk(reader, start + 8, start + size):
        if box.kind == b"tfra":
            version, lengths, count = (
                reader.u8(box.offset),
                reader.u32(box.offset + 8),
                reader.u32(box.offset + 12),
            )
            width = 8 if version else 4
            entry = 2 * width + 3 + (lengths >> 4 & 3) + (lengths >> 2 & 3) + (lengths & 3)
            if count and 16 + count * entry <= box.length:
                at = box.offset + 16 + (count - 1) * entry + width
                places.append(reader.u64(at) if version else reader.u32(at))
    return max(places, default=None)


def _looked_for(reader: Reader, tail_at: int, runs: Runs) -> bool:
    data = reader.some(tail_at, reader.length - tail_at)
    place, found = data.find(b"moof"), False
    while place >= 4:
        length = int.from_bytes(data[place - 4 : place])
        at = tail_at + place - 4
        if 16 <= length <= reader.length - at and data[place + 8 : place + 12] == b"mfhd":
            try:
                found = runs.fragment(reader, boxes.Box(b"moof", at + 8, length - 8), is_last=True) or found
            except TruncatedError:
                break
        place = data.find(b"moof", place + 4)
    return found
