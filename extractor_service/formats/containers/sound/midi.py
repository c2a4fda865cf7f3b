"""Standard MIDI files. MIDI Manufacturers Association, RP-001, "Standard MIDI Files 1.0"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers import streams
from extractor_service.formats.reading import charsets
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "midi"
_GROUP = "MIDI"
_MOST_TRACKS = 1000  # the format counts them in 16 bits; orchestras have a hundred
_MOST_BYTES = 4 * 1024 * 1024  # of all events; music of hours takes less than one
_DEFAULT_TEMPO = 500_000  # microseconds a quarter note
_TEXTS = {
    1: "Text",
    2: "Copyright",
    3: "TrackName",
    4: "InstrumentName",
    5: "Lyric",
    6: "Marker",
    7: "CuePoint",
}
_MOST_TEXTS = 500  # of a track: karaoke has a syllable each
# Keys, from seven flats to seven sharps.
_MAJOR = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")
_MINOR = ("Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#", "G#", "D#", "A#")
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}


class _Track:
    """One track's events: texts, tempos, and how long it is in ticks."""

    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self._at = at
        self.ticks = 0
        self.tempos: list[tuple[int, int]] = []
        self.texts: list[tuple[str, str, int, int]] = []
        self.other: list[tuple[str, Value, int]] = []

    def read(self) -> None:
        """All events; raises IndexError where the data ends before them."""
        data, place, status = self._data, 0, 0
        while place < len(data):
            delta, place = self._number(place)
            self.ticks += delta
            if data[place] & 0x80:
                status, place = data[place], place + 1
            if status == 0xFF:
                kind = data[place]
                length, place = self._number(place + 1)
                self._meta(kind, data[place : place + length], place)
                place += length
                if kind == 0x2F:
                    return
            elif status in {0xF0, 0xF7}:
                length, place = self._number(place)
                place += length
            else:
                place += _DATA_BYTES.get(status >> 4, 1)

    def _number(self, place: int) -> tuple[int, int]:
        """Seven bits a byte, up to four."""
        value = 0
        for _ in range(4):
            byte = self._data[place]
            value, place = value << 7 | byte & 0x7F, place + 1
            if not byte & 0x80:
                break
        return value, place

    def _meta(self, kind: int, content: bytes, place: int) -> None:
        at = self._at + place
        if kind in _TEXTS and len(self.texts) < _MOST_TEXTS:
            self.texts.append((_TEXTS[kind], str(charsets.text(content)), at, len(content)))
        elif kind == 0x51 and len(content) == 3:
            self.tempos.append((self.ticks, int.from_bytes(content)))
        elif kind == 0x58 and len(content) >= 2:
            self.other.append(("TimeSignature", f"{content[0]}/{1 << min(content[1], 16)}", at))
        elif kind == 0x59 and len(content) == 2:
            sharps = content[0] - 256 if content[0] > 127 else content[0]
            if -7 <= sharps <= 7:
                key = f"{_MINOR[sharps + 7]} minor" if content[1] else f"{_MAJOR[sharps + 7]} major"
                self.other.append(("KeySignature", key, at))


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Header, texts, tempo, time and key signatures; the duration by walking the tempo map."""
    reader = Reader(source)
    base = 20 if reader.some(0, 4) == b"RIFF" and reader.some(20, 4) == b"MThd" else 0
    if reader.some(base, 4) != b"MThd":
        raise CorruptFileError("no MIDI header")
    form, tracks, division = reader.unpack("HHH", base + 8)
    for name, value, at in (("MIDIFormat", form, 8), ("NumTracks", tracks, 10), ("Division", division, 12)):
        document.add(SECTION, Field(name, value, group=_GROUP, origin=ByteRange(base + at, 2)))
    at, read, longest = base + 8 + reader.u32(base + 4), 0, 0
    tempos: list[tuple[int, int]] = []
    for _ in range(_MOST_TRACKS):
        if at + 8 > reader.length:
            break
        kind, length = reader.exact(at, 4), reader.u32(at + 4)
        if at + 8 + length > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"chunk {kind!r} of {length} bytes is cut", at)
            length = reader.length - at - 8
        if kind == b"MTrk":
            read += length
            if read > _MOST_BYTES:
                document.problem(SECTION, ProblemKind.LIMIT, "tracks beyond 4 MiB aren't read", at)
                break
            track = _Track(reader.exact(at + 8, length), at + 8)
            with Surviving(document, SECTION, "a track", at):
                track.read()
            _put(document, track)
            longest = max(longest, track.ticks)
            tempos += track.tempos
        at += 8 + length
    seconds = _seconds(longest, division, sorted(tempos))
    streams.add(document, [streams.Stream("audio", "midi", duration=seconds)], seconds)


def _put(document: Document, track: _Track) -> None:
    for name, text, at, length in track.texts:
        if text.strip():
            document.add(SECTION, Field(name, text, group=_GROUP, origin=ByteRange(at, length)))
    for name, value, at in track.other:
        document.add(SECTION, Field(name, value, group=_GROUP, origin=ByteRange(at, 2)))


def _seconds(ticks: int, division: int, tempos: list[tuple[int, int]]) -> float | None:
    if division & 0x8000:  # frames a second, and ticks a frame
        frames = 256 - (division >> 8)
        per_second = (30 / 1.001 if frames == 29 else frames) * (division & 0xFF)
        return ticks / per_second if per_second else None
    if not division:
        return None
    total, before, tempo = 0.0, 0, _DEFAULT_TEMPO
    for at, next_tempo in [*tempos, (ticks, 0)]:
        total += (min(at, ticks) - before) * tempo
        before, tempo = min(at, ticks), next_tempo
    return total / division / 1e6
