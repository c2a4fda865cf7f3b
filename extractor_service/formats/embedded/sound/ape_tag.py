"""APE tags, versions 1 and 2. wiki.hydrogenaud.io, "APEv2 specification", "APE tag item", "APE tags header"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.reading import charsets, fields, names
from extractor_service.formats.reading.conversions import duration_text
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "ape"
_MAGIC = b"APETAGEX"
_FOOTER_BYTES = 32  # of a header or footer (APE tags header)
_MOST_ITEMS = 5000  # of a tag: the longest known has 100
_MOST_KEY_BYTES, _MOST_TEXT_BYTES, _PICTURE_HEAD_BYTES = 256, 1024 * 1024, 512


def _ticks(value: Value) -> Value:
    """Tenths of microseconds as seconds."""
    return int(value) * 1e-7 if isinstance(value, str) and value.lstrip("-").isdigit() else value


_ITEMS = Table(
    "sound/APE::Main", SECTION, "APE",
    {"Duration": Conversion(_ticks, lambda value: duration_text(value) if isinstance(value, float) else "", "s")},
)  # fmt: skip


def leading(source: ByteSource, document: Document, at: int) -> int:
    """Bytes of the tag that begins at `at`, where it has a header; adds what it says."""
    head = source.read_range(at, _FOOTER_BYTES)
    if head[:8] != _MAGIC or len(head) < _FOOTER_BYTES:
        return 0
    size = int.from_bytes(head[12:16], "little")
    _items(source, document, at + _FOOTER_BYTES, size - _FOOTER_BYTES, int.from_bytes(head[16:20], "little"))
    return _FOOTER_BYTES + size


def trailing(source: ByteSource, document: Document, end: int) -> int:
    """Where the sound ends that is followed by a tag up to `end`; adds what it says."""
    if end < _FOOTER_BYTES:
        return end
    footer = source.read_range(end - _FOOTER_BYTES, _FOOTER_BYTES)
    if footer[:8] != _MAGIC:
        return end
    size, count, flags = (int.from_bytes(footer[at : at + 4], "little") for at in (12, 16, 20))
    start = end - size
    if start < 0 or size < _FOOTER_BYTES:
        document.problem(SECTION, ProblemKind.DAMAGED, f"a tag of {size} bytes before {end}", end)
        return end - _FOOTER_BYTES
    _items(source, document, start, size - _FOOTER_BYTES, count)
    return start - (_FOOTER_BYTES if flags & 0x80000000 and start >= _FOOTER_BYTES else 0)


def _items(source: ByteSource, document: Document, at: int, length: int, count: int) -> None:
    reader, place = Reader(source, big_endian=False, base=at, length=length), 0
    with Surviving(document, SECTION, "the APE tag", at):
        for _ in range(min(count, _MOST_ITEMS)):
            if place + 9 > reader.length:
                document.problem(SECTION, ProblemKind.DAMAGED, f"fewer items than {count}", at + place)
                break
            size, flags = reader.unpack("II", place)
            key = reader.some(place + 8, _MOST_KEY_BYTES).split(b"\0", 1)[0]
            start = place + 8 + len(key) + 1
            _item(reader, document, key.decode("latin-1"), start, size, flags)
            place = start + size


def _item(reader: Reader, document: Document, key: str, at: int, size: int, flags: int) -> None:
    is_binary = flags >> 1 & 3 == 1
    if is_binary:
        place, name = at, names.lowered(key)
        if key.lower().startswith("cover art"):  # a file's name stands before the picture
            described, found, _ = reader.some(at, min(size, _PICTURE_HEAD_BYTES)).partition(b"\0")
            if found and described.isascii():
                if described:
                    origin = ByteRange(reader.base + at, len(described))
                    _ITEMS.put(
                        document,
                        f"{key} Desc",
                        described.decode("ascii"),
                        origin,
                        name=lambda: names.lowered(f"{key} Desc"),
                    )
                place += len(described) + 1
        length = size - (place - at)
        reader.exact(at + size, 0)
        fields.add_binary(document, SECTION, "APE", name, length, ByteRange(reader.base + place, length))
        return
    if size > _MOST_TEXT_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"{key} of {size} bytes isn't read", reader.base + at)
        return
    parts = reader.exact(at, size).rstrip(b"\0").split(b"\0")
    texts: list[Value] = [charsets.text(part) for part in parts]
    value: Value = texts if len(texts) > 1 else texts[0]
    known = next((each for each in _ITEMS.tags if str(each).lower() == key.lower()), key)
    _ITEMS.put(document, known, value, ByteRange(reader.base + at, size), name=lambda: names.lowered(key))
