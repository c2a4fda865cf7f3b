"""Chapters of films: the samples of a text track that another one refers to. QTFF, "Chapter lists"; ISO/IEC 14496-12, 8.6.1.2, 8.7."""

from __future__ import annotations

from itertools import accumulate, chain, islice, repeat
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.containers.streams import Chapter
from extractor_service.formats.reading.reader import Reader
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from extractor_service.formats.containers.isobmff.boxes import Box

_MOST = 1000  # chapters; an audio book has a hundred
_MOST_TITLE_BYTES = 2048  # a title is a line


class Tables(NamedTuple):
    """Where a track's samples are, how long they last: its boxes stsz, stco or co64, stsc and stts."""

    sizes: Box
    places: Box
    runs: Box
    times: Box


def of_track(reader: Reader, tables: Tables, scale: int) -> list[Chapter]:
    """Beginning in seconds and title of every sample; raises TruncatedError."""
    spans = _spans(reader, tables)
    will_read(reader.source, spans)
    whole, found = Reader(reader.source), []
    for (offset, size), ticks in zip(spans, _starts(reader, tables.times), strict=False):
        data = whole.some(offset, min(size, _MOST_TITLE_BYTES))
        found.append(Chapter(ticks / scale, _title(data[2 : 2 + int.from_bytes(data[:2])])))
    return found


def _title(data: bytes) -> str:
    if data[:2] in {b"\xfe\xff", b"\xff\xfe"}:
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace")


def _starts(reader: Reader, times: Box) -> list[int]:
    """Ticks at which samples begin, by runs of equal durations."""
    runs = min(reader.u32(times.offset + 4), _MOST)
    pairs = reader.unpack("II" * runs, times.offset + 8)
    lengths = chain.from_iterable(
        repeat(ticks, min(count, _MOST)) for count, ticks in zip(pairs[::2], pairs[1::2], strict=True)
    )
    return list(accumulate(islice(lengths, _MOST), initial=0))


def _spans(reader: Reader, tables: Tables) -> list[tuple[int, int]]:
    """Place and length of each sample: they lie one behind the other in chunks."""
    size, count = reader.unpack("II", tables.sizes.offset + 4)
    count = min(count, _MOST)
    sizes = [size] * count if size else [*reader.unpack("I" * count, tables.sizes.offset + 12)]
    chunks = min(reader.u32(tables.places.offset + 4), _MOST)
    form = "Q" if tables.places.kind == b"co64" else "I"
    places = reader.unpack(form * chunks, tables.places.offset + 8)
    runs = min(reader.u32(tables.runs.offset + 4), _MOST)
    rows = reader.unpack("III" * runs, tables.runs.offset + 8)
    samples_of = dict(zip(rows[::3], rows[1::3], strict=True))
    found: list[tuple[int, int]] = []
    in_chunk = 1
    for number, place in enumerate(places, 1):
        in_chunk = samples_of.get(number, in_chunk)
        at = place
        for length in sizes[len(found) : len(found) + in_chunk]:
            found.append((at, length))
            at += length
    return found
