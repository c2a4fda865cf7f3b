"""Fragments of films: how long they are all together. ISO/IEC 14496-12, 8.8 (moof, traf, tfhd, trun, tfdt), 8.16.3 (sidx)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers.isobmff import boxes
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from extractor_service.formats.containers.isobmff.boxes import Box
    from extractor_service.formats.reading.reader import Reader

_MOST_SAMPLES = 100_000  # of one run
_TAIL_BYTES = 256 * 1024  # in which the last fragment of every track begins, or the index by which to find it
_TFHD_BASE, _TFHD_DESCRIPTION, _TFHD_DURATION = 1, 2, 8
_TRUN_OFFSET, _TRUN_FLAGS = 1, 4
_TRUN_FIELDS = ((0x100, "duration"), (0x200, "size"), (0x400, "flags"), (0x800, "time"))


class Runs:
    """Where each track begins and ends, in its own ticks, by the fragments that were read."""

    def __init__(self, defaults: dict[int, int]) -> None:
        self._defaults = defaults
        self.ends: dict[int, int] = {}
        self.samples: dict[int, int] = {}
        self._starts: dict[int, int] = {}

    def fragment(self, reader: Reader, box: Box) -> None:
        """Takes one moof in."""
        for traf in boxes.walk(reader, box.offset, box.offset + box.length):
            if traf.kind == b"traf":
                self._track(reader, traf)

    def ticks(self, track: int) -> int:
        """From the first sample to the last."""
        return self.ends.get(track, 0) - self._starts.get(track, 0)

    def _track(self, reader: Reader, box: Box) -> None:
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
        first = start if start is not None else self.ends.get(track, 0)
        self._starts[track] = min(self._starts.get(track, first), first)
        self.ends[track] = max(self.ends.get(track, 0), first + total)
        self.samples[track] = self.samples.get(track, 0) + samples


def _run(reader: Reader, box: Box, default: int) -> tuple[int, int]:
    """Ticks and samples of one run."""
    flags, count = reader.u32(box.offset) & 0xFFFFFF, min(reader.u32(box.offset + 4), _MOST_SAMPLES)
    if not flags & 0x100:
        return count * default, count
    width = 4 * sum(bool(flags & bit) for bit, _ in _TRUN_FIELDS)
    place = box.offset + 8 + (4 if flags & _TRUN_OFFSET else 0) + (4 if flags & _TRUN_FLAGS else 0)
    data = reader.exact(place, count * width)
    return sum(int.from_bytes(data[at : at + 4]) for at in range(0, len(data), width)), count


def index_ticks(reader: Reader, box: Box) -> tuple[int, int, int]:
    """Track, ticks and ticks a second of all segments of an index (sidx)."""
    version = reader.u8(box.offset)
    track, scale = reader.unpack("II", box.offset + 4)
    place = box.offset + 12 + (16 if version else 8) + 2
    count = reader.u16(place)
    data = reader.exact(place + 2, count * 12)
    return track, sum(int.from_bytes(data[at + 4 : at + 8]) for at in range(0, len(data), 12)), scale


def last(reader: Reader, start: int, runs: Runs) -> None:
    """Reads the fragments in the file's tail, by its index of random access points or by looking for one.

    Hours of fragments are thousands of boxes, each behind its own samples: walking them all would take as many round trips.
    """
    size = min(_TAIL_BYTES, reader.length - start)
    tail_at = reader.length - size
    data = reader.some(tail_at, size)
    place = data.find(b"moof")
    while place >= 4:
        length = int.from_bytes(data[place - 4 : place])
        at = tail_at + place - 4
        if 16 <= length <= reader.length - at and data[place + 8 : place + 12] == b"mfhd":
            try:
                runs.fragment(reader, boxes.Box(b"moof", at + 8, length - 8))
            except TruncatedError:
                return
        place = data.find(b"moof", place + 4)
