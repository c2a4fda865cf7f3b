"""Vorbis comments and FLAC pictures. xiph.org, "Ogg Vorbis I format specification: comment field"; RFC 9639, 8.6 and 8.8."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.reading import charsets, fields, names
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Field
    from extractor_service.formats.reading.reader import Reader

SECTION = "vorbis"
_MOST_COMMENTS = 20_000  # of a header: bounds one of empty comments
_MOST_TEXT_BYTES = 1024 * 1024  # longer ones but pictures are passed over, with a Problem
_PICTURE_KEY_BYTES = 64  # of a comment, to tell a picture before it is read
_PICTURE_HEAD_BYTES = 4096  # of a picture in base64: its kind, MIME type, description, size
_COMMENTS = Table("sound/Vorbis::Comments", SECTION, "Vorbis")
_PEOPLE = frozenset({"ARTIST", "PERFORMER", "CONTACT"})
_PICTURES = {"METADATA_BLOCK_PICTURE", "COVERART"}
_PICTURE = Table("sound/FLAC::Picture", "flac", "FLAC", unit="int32u", big_endian=True)
_PICTURE_NUMBERS = (
    "PictureWidth",
    "PictureHeight",
    "PictureBitsPerPixel",
    "PictureIndexedColors",
    "PictureLength",
)


def parse(reader: Reader, document: Document, at: int, length: int, *, is_in_place: bool = True) -> None:
    """Adds the comments of a header that begins at `at`; the reader counts little-endian.

    Raises:
        TruncatedError: it ends before it should.
    """
    end = at + length
    size = reader.u32(at)
    vendor = reader.exact(at + 4, _within(at + 4, size, end))
    _COMMENTS.put(
        document, "vendor", charsets.text(vendor), _origin(reader, at + 4, size, is_in_place=is_in_place)
    )
    at += 4 + size
    count = reader.u32(at) if at + 4 <= end else 0
    at += 4
    people: dict[str, Field] = {}
    for _ in range(min(count, _MOST_COMMENTS)):
        size = reader.u32(at)
        _comment(reader, document, at + 4, _within(at + 4, size, end), people, is_in_place=is_in_place)
        at += 4 + size


def picture(data: bytes, document: Document, at: int | None, length: int) -> None:
    """A FLAC picture of `length` bytes that begins with `data`; `at` is its place in the file, None where it has none."""
    kind, size = int.from_bytes(data[:4]), int.from_bytes(data[4:8])
    mime = data[8 : 8 + size]
    place = 8 + size
    described_size = int.from_bytes(data[place : place + 4])
    described = data[place + 4 : place + 4 + described_size]
    place += 4 + described_size
    if place + 20 > len(data):
        document.problem("flac", ProblemKind.DAMAGED, "a picture without a head", at)
        return
    origin = None if at is None else ByteRange(at, place + 20)
    _PICTURE.put(document, 0, kind, origin)
    _PICTURE.put(document, 1, mime.decode("latin-1"), origin)
    _PICTURE.put(document, 2, described.decode("utf-8", "replace"), origin)
    numbers = [int.from_bytes(data[place + 4 * each : place + 4 * each + 4]) for each in range(5)]
    for key, value in enumerate(numbers, 3):
        _PICTURE.put(document, key, value, origin)
    place += 20
    size = min(numbers[4], length - place)
    fields.add_binary(
        document, "flac", "FLAC", "Picture", size, None if at is None else ByteRange(at + place, size)
    )


def _comment(
    reader: Reader, document: Document, at: int, size: int, people: dict[str, Field], *, is_in_place: bool
) -> None:
    head = reader.some(at, min(size, _PICTURE_KEY_BYTES))
    key = head.partition(b"=")[0].decode("latin-1").upper()
    origin = _origin(reader, at, size, is_in_place=is_in_place)
    if key in _PICTURES and b"=" in head:
        _cover(reader, document, key, at + len(key) + 1, size - len(key) - 1, origin)
        return
    if size > _MOST_TEXT_BYTES:
        document.problem(
            SECTION, ProblemKind.LIMIT, f"{key[:40]} of {size} bytes isn't read", reader.base + at
        )
        return
    key_bytes, found, content = reader.exact(at, size).partition(b"=")
    if not found:
        document.problem(SECTION, ProblemKind.DAMAGED, "a comment without a name", reader.base + at)
        return
    key, text = key_bytes.decode("utf-8", "replace").upper(), charsets.text(content)
    if key in people:  # one more of those that a work has several of
        field = people[key]
        if not isinstance(field.value, list):
            field.value = [field.value]
        document.append(field.value, str(text))
        return
    _COMMENTS.put(document, key, text, origin, name=lambda: names.lowered(key))
    if key in _PEOPLE:
        people[key] = document.sections[SECTION][-1]


def _cover(
    reader: Reader, document: Document, key: str, at: int, size: int, origin: ByteRange | None
) -> None:
    """A picture in base64: what its first bytes say, and how long it is."""
    text = reader.exact(at, min(size, _PICTURE_HEAD_BYTES // 3 * 4))
    padding = reader.exact(at + size - 2, 2).count(b"=") if size > 2 else 0
    length = size * 3 // 4 - padding
    if key == "COVERART":
        fields.add_binary(document, SECTION, "Vorbis", "CoverArt", length, origin)
        return
    try:
        data = base64.b64decode(text[: len(text) // 4 * 4])
    except binascii.Error as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{key}: {error}", reader.base + at)
        return
    picture(data, document, None, length)


def _within(at: int, size: int, end: int) -> int:
    if at + size > end:
        raise TruncatedError(at, size, end)
    return size


def _origin(reader: Reader, at: int, size: int, *, is_in_place: bool) -> ByteRange | None:
    return ByteRange(reader.base + at, size) if is_in_place else None
