"""Where the samples of a track are, and how long they last. ISO/IEC 14496-12: 8.6.1.2 (stts), 8.7.3 (stsz), 8.7.4 (stsc), 8.7.5 (stco, co64)."""

from __future__ import annotations

from itertools import accumulate, chain, islice, repeat
from typing import TYPE_CHECKING

from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.formats.reading.boxes import Box

_MOST = 1000  # samples whose places are told, all at once: of a list of chapters, which are a hundred


class Samples:
    """The tables of one track, as far as they have been met; nothing is read before it is asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.tables: dict[bytes, Box] = {}
        """The boxes stts, stsz, stsc, and stco or co64, by their kind."""

    def first_bytes(self, count: int) -> bytes:
        """Of the first sample; b"" where it has no place."""
        place = self.first()
        return Reader(self._reader.source).some(place[0], min(count, place[1])) if place is not None else b""

    def first(self) -> tuple[int, int] | None:
        """Place and length of the first sample; None for a track without one."""
        try:
            return self._only_of_chunk(0) if self._counts() > (0, 0) else None
        except TruncatedError:
            return None

    def last(self) -> tuple[int, int] | None:
        """The same of the last one, where each chunk has one sample; None elsewhere."""
        samples, chunks = self._counts()
        return self._only_of_chunk(chunks - 1) if samples == chunks and samples > 1 else None

    def spans(self) -> list[tuple[int, int]]:
        """Place and length of all samples, up to a thousand: they lie one behind the other in chunks."""
        reader, runs_of = self._reader, self.tables.get(b"stsc")
        samples, chunks = (min(each, _MOST) for each in self._counts())
        if runs_of is None or not samples:
            return []
        sizes = [self._size(index) for index in range(samples)]
        runs = min(reader.u32(runs_of.offset + 4), _MOST)
        rows = reader.unpack("III" * runs, runs_of.offset + 8)
        samples_of = dict(zip(rows[::3], rows[1::3], strict=True))
        found: list[tuple[int, int]] = []
        in_chunk = 1
        for chunk in range(chunks):
            in_chunk = samples_of.get(chunk + 1, in_chunk)
            at = self._place(chunk)
            for length in sizes[len(found) : len(found) + in_chunk]:
                found.append((at, length))
                at += length
        return found

    def starts(self) -> list[int]:
        """Ticks at which samples begin, by runs of equal durations; as many as `spans` has, and the end."""
        times = self.tables.get(b"stts")
        if times is None:
            return []
        runs = min(self._reader.u32(times.offset + 4), _MOST)
        pairs = self._reader.unpack("II" * runs, times.offset + 8)
        lengths = chain.from_iterable(
            repeat(ticks, min(count, _MOST)) for count, ticks in zip(pairs[::2], pairs[1::2], strict=True)
        )
        return list(accumulate(islice(lengths, _MOST), initial=0))

    def _counts(self) -> tuple[int, int]:
        """How many samples, and how many chunks."""
        sizes, places = self.tables.get(b"stsz"), self._places()
        if sizes is None or places is None:
            return 0, 0
        return self._reader.u32(sizes.offset + 8), self._reader.u32(places.offset + 4)

    def _places(self) -> Box | None:
        return self.tables.get(b"stco") or self.tables.get(b"co64")

    def _only_of_chunk(self, chunk: int) -> tuple[int, int] | None:
        return self._place(chunk), self._size(chunk)

    def _size(self, index: int) -> int:
        at = self.tables[b"stsz"].offset
        return self._reader.u32(at + 4) or self._reader.u32(at + 12 + 4 * index)

    def _place(self, chunk: int) -> int:
        places = self._places()
        if places is None:
            return 0
        if places.kind == b"co64":
            return self._reader.u64(places.offset + 8 + 8 * chunk)
        return self._reader.u32(places.offset + 8 + 4 * chunk)
