"""JUMBF boxes as fields: what content credentials (C2PA) and other boxes say, by ranges. Thumbnails are named by size and place.

ISO/IEC 19566-5 (descriptions, superboxes); C2PA specification 2.4, section 11 (CBOR and JSON in them); names as
exiftool.org/TagNames/Jpeg2000.html#JUMD and #CBOR have them. What is true of it, `modules/provenance` says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from extractor_service.document import ByteRange, Document, Field, ProblemKind, Struct
from extractor_service.formats.embedded import jumbf
from extractor_service.formats.reading import boxes, cbor, cbor_values, fields, names
from extractor_service.formats.reading.conversions import colon_date
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.pieces import PiecedSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from extractor_service.document import Value
    from extractor_service.sources.base import ByteSource

_Member = TypeVar("_Member")
SECTION: Final = "jumbf"
_MAX_CONTENT_BYTES: Final = 1024 * 1024  # of one CBOR or JSON box; the longest of a camera's has 20 KB
_MAX_TEXT_BYTES: Final = 65_536  # of types, names and salts
_MAX_SHOWN_BYTES: Final = (
    64  # of a hash or a salt; longer bytes (certificates, padding) are told by their length
)
_MAX_MEMBERS: Final = (
    20_000  # of one value, all lists and maps in it together, also where a document is wanted whole
)
_MOST_REPEATS: Final = 64  # parts before that are compared with: a doubled one stands nearby
_MAX_DEPTH: Final = 32  # of JSON's values in one another, as CBOR's
_TITLES: Final = {"dc:title": "Title", "dc:format": "Format"}  # of CBOR, by its table
_SWAPPED: Final = b"bmuj"  # some software of Microsoft's wrote the head the other way round
_SIGNATURE_UUID: Final = b"c2cs" + jumbf.TYPE_END  # where early writers put signatures
_BINARY: Final = {b"bidb": "Data", b"jp2c": ""}


class _Place(NamedTuple):
    """Where the store lies."""

    reader: Reader
    document: Document
    is_located: bool
    """Whether it is at one place of the file, or in pieces at several."""

    def origin(self, offset: int, length: int) -> ByteRange | None:
        """Of bytes of the store; None where segments cut them."""
        if not self.is_located:
            return None
        source = self.reader.source
        start = self.reader.base + offset
        if isinstance(source, PiecedSource):
            found = source.place_of(start, length)
            return None if found is None else ByteRange(found, length)
        return ByteRange(start, length)

    def problem(self, kind: ProblemKind, message: str, offset: int) -> None:
        """Records a problem at `offset` of the store."""
        place = self.origin(offset, 1)
        self.document.problem(SECTION, kind, message, None if place is None else place.offset_bytes)


class Segment(NamedTuple):
    """A part of a box in JPEG's APP11 (ISO/IEC 19566-5, annex D)."""

    number: int
    """Its place among the parts."""
    offset: int
    length: int
    head: bytes
    """Length and type of the whole box, which each part repeats: 16 bytes, of which the last eight may be content."""

    def box_bytes(self) -> tuple[int, int]:
        """How long the whole box is, and how much of it its head takes."""
        length = int.from_bytes(self.head[:4], "little" if self.head[4:8] == _SWAPPED else "big")
        return (int.from_bytes(self.head[8:16]), 16) if length == 1 else (length, 8)


def in_segments(source: ByteSource, segments: Sequence[Segment], document: Document) -> None:
    """Adds the boxes that a JPEG has in segments of one number: one behind the other, each when it is whole."""
    parts: list[Segment] = []
    held = 0
    for each in segments:
        whole, head = each.box_bytes()
        if each.head[4:8] not in {b"jumb", _SWAPPED} or each.length < head:
            continue
        if any(each.number == held_part.number for held_part in parts[-_MOST_REPEATS:]):
            continue  # of two of one number the first counts
        parts.append(each)
        held += each.length - head
        if head + held >= whole:
            _joined(source, parts, document)
            parts, held = [], 0
    if parts:
        document.problem(SECTION, ProblemKind.TRUNCATED, "a box lacks segments", parts[0].offset)
        _joined(source, parts, document)


def _joined(source: ByteSource, parts: Sequence[Segment], document: Document) -> None:
    """Adds what the parts hold up to the first that is missing."""
    pieces: list[tuple[int, int]] = []
    ordered = sorted(parts, key=lambda each: each.number)
    expected = ordered[0].number
    if expected > 1:
        return  # without the beginning nothing is known of the rest
    for each in ordered:
        if each.number < expected:
            continue
        if each.number > expected:
            break
        head = each.box_bytes()[1]
        pieces.append((each.offset + head, each.length - head))
        expected += 1
    in_pieces(source, pieces, document)


def in_pieces(source: ByteSource, pieces: Sequence[tuple[int, int]], document: Document) -> None:
    """Adds the boxes of a store that the file has in pieces, each an offset and a length."""
    parse(Reader(PiecedSource(source, pieces)), document)


def parse(reader: Reader, document: Document, *, is_located: bool = True) -> None:
    """Adds the boxes that fill `reader`'s window; trouble becomes Problems of the section."""
    place = _Place(reader, document, is_located)
    begin = place.origin(0, 1)
    with Surviving(document, SECTION, "a box", None if begin is None else begin.offset_bytes):
        try:
            _boxes(place, 0, reader.length, "", 0)
        except TruncatedError as error:
            place.problem(ProblemKind.TRUNCATED, "a box is cut", error.offset - reader.base)


def _boxes(place: _Place, start: int, end: int, label: str, depth: int) -> None:
    """The boxes of one superbox; those after its description go by the label that it gives."""
    reader, document = place.reader, place.document
    if depth > jumbf.MAX_DEPTH:
        document.problem(SECTION, ProblemKind.LIMIT, f"boxes deeper than {jumbf.MAX_DEPTH} levels")
        return
    for kind, offset, length in boxes.walk(reader, start, end):
        document.spend(8)
        if kind == b"jumb":
            _boxes(place, offset, offset + length, "", depth + 1)
            label = ""
        elif kind == b"jumd":
            label = _description(place, offset, length, depth)
        elif kind in _BINARY:
            name = label + _BINARY[kind] if label else {b"bidb": "BinaryData"}.get(kind, "PreviewImage")
            fields.add_binary(document, SECTION, "JUMBF", name, length, place.origin(offset, length))
        elif kind in {b"cbor", b"json"}:
            _content(place, kind, offset, length)
        elif kind == b"uuid" and length > 16 and reader.exact(offset, 16) == _SIGNATURE_UUID:
            _content(place, b"cbor", offset + 16, length - 16)
        elif kind in {b"bfdb", b"c2sh"} and length <= _MAX_TEXT_BYTES:
            _text(place, kind, offset, length, label)


def _description(place: _Place, offset: int, length: int, depth: int) -> str:
    """Adds a superbox's type and label; returns what names are made of."""
    reader = place.reader
    data = reader.exact(offset, min(length, _MAX_TEXT_BYTES))
    if len(data) < 17:
        place.problem(ProblemKind.DAMAGED, "a short description", offset)
        return ""
    kind, toggles, at = data[:16], data[16], 17
    digits = kind.hex()
    parts = [digits[:8], digits[8:12], digits[12:16], digits[16:]]
    if kind[4:] == jumbf.TYPE_END and kind[:4].isalnum():
        parts[0] = f"({kind[:4].decode('latin-1')})"
    _put(place, "JUMDType", digits, "-".join(parts), place.origin(offset, 16))
    name = ""
    if toggles & jumbf.LABELLED:
        stop = data.find(b"\0", at)
        if stop < 0:
            place.problem(ProblemKind.DAMAGED, "a label without an end", offset)
            return ""
        label = data[at:stop].decode("utf-8", "replace")
        _put(place, "JUMDLabel", label, "", place.origin(offset + at, stop - at))
        name = names.of_label(label)
        at = stop + 1
    if toggles & jumbf.NUMBERED and at + 4 <= len(data):
        _put(place, "JUMDID", int.from_bytes(data[at : at + 4]), "", place.origin(offset + at, 4))
        at += 4
    if toggles & jumbf.HASHED and at + 32 <= len(data):
        _put(place, "JUMDSignature", data[at : at + 32].hex(), "", place.origin(offset + at, 32))
        at += 32
    if length - at >= 8:  # private boxes: salts
        _boxes(place, offset + at, offset + length, name, depth + 1)
    return name


def _text(place: _Place, kind: bytes, offset: int, length: int, label: str) -> None:
    data = place.reader.exact(offset, length)
    if kind == b"c2sh":
        _put(place, f"{label}Salt" if label else "C2PASaltHash", data.hex(), "", place.origin(offset, length))
        return
    # Flags, then a media type and perhaps a file's name.
    text = ", ".join(data[1:].rstrip(b"\0").decode("utf-8", "replace").split("\0"))
    _put(place, f"{label}Type" if label else "BinaryDataType", text, "", place.origin(offset, length))


def _content(place: _Place, kind: bytes, offset: int, length: int) -> None:
    reader, document = place.reader, place.document
    if length > _MAX_CONTENT_BYTES:
        place.problem(ProblemKind.LIMIT, f"a box {kind!r} of {length} bytes", offset)
        return
    data = reader.exact(offset, length)
    document.spend(length)
    origin = place.origin(offset, length)
    is_cbor = kind == b"cbor"
    try:
        contents = cbor.sequence(data) if is_cbor else [json.loads(data)]
    except (cbor.CborError, ValueError, RecursionError) as error:
        place.problem(ProblemKind.DAMAGED, f"a box {kind!r}: {str(error)[:100]}", offset)
        return
    for content in contents:
        _members(place, content, is_cbor=is_cbor, origin=origin)


def _members(place: _Place, content: object, *, is_cbor: bool, origin: ByteRange | None) -> None:
    """Adds a map's members by name, and a list's by number, or those of the maps in a list of JSON."""
    if isinstance(content, cbor_values.Tagged):
        content = content.value
    if isinstance(content, dict):
        for key, value in content.items():
            title = _TITLES.get(str(key)) if is_cbor else None
            _add(place, title or names.of_key(str(key)), value, is_cbor=is_cbor, origin=origin)
    elif isinstance(content, list):
        for index, value in enumerate(content):
            if is_cbor:
                _add(place, f"Item{index}", value, is_cbor=is_cbor, origin=origin)
            elif isinstance(value, dict):
                _members(place, value, is_cbor=is_cbor, origin=origin)


def _add(place: _Place, name: str, value: object, *, is_cbor: bool, origin: ByteRange | None) -> None:
    """Adds one member; bytes that are longer than a hash are told by their length."""
    if isinstance(value, bytes) and len(value) > _MAX_SHOWN_BYTES:
        text = _length_of(value)
        place.document.add(SECTION, Field(name, None, text, group="CBOR", origin=origin))
        return
    text = "null" if value is None else ""
    shown = _Plain(min(place.document.limits.max_items, _MAX_MEMBERS)).of(value, 0)
    place.document.add(SECTION, Field(name, shown, text, group="CBOR" if is_cbor else "JSON", origin=origin))


def _length_of(value: bytes) -> str:
    return f"(Binary data {len(value)} bytes)"


class _Plain:
    """Decoded values as documents have them, of which all lists and maps together have `most` members."""

    def __init__(self, most: int) -> None:
        self._left = most

    def of(self, value: object, depth: int) -> Value:
        """The value; an ellipsis stands for what is too deep."""
        if depth > _MAX_DEPTH:
            return "…"
        if isinstance(value, cbor_values.Tagged):
            return self.of(value.value, depth)
        if isinstance(value, cbor_values.DateText):
            return colon_date(value)
        if isinstance(value, bytes):
            return value if len(value) <= _MAX_SHOWN_BYTES else _length_of(value)
        if isinstance(value, dict):
            return self._struct(value, depth)
        if isinstance(value, list):
            return [self.of(each, depth + 1) for each in self._taken(value)]
        return value if isinstance(value, (str, int, float)) else None

    def _taken(self, values: Iterable[_Member]) -> Iterator[_Member]:
        for each in values:
            if self._left <= 0:
                return
            self._left -= 1
            yield each

    def _struct(self, value: Mapping[object, object], depth: int) -> Struct:
        members = self._taken(value.items())
        return Struct(tuple((str(key)[:200], self.of(inner, depth + 1)) for key, inner in members))


def _put(place: _Place, name: str, value: Value, text: str, origin: ByteRange | None) -> None:
    place.document.add(SECTION, Field(name, value, text, group="JUMBF", origin=origin))
