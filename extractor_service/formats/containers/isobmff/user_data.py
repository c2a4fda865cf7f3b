"""User data of films: texts in languages, 3GPP's and cameras' boxes. QTFF, "User data atoms"; 3GPP TS 26.244, section 8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.containers.isobmff import items, manifest
from extractor_service.formats.containers.isobmff.values import CONVERSIONS, chapters, location
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading import binary, boxes, charsets, fields
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.boxes import Box
    from extractor_service.formats.reading.reader import Reader

SECTION = "quicktime"
_MOST_BYTES = 1024 * 1024  # of one box: cameras keep pictures of 100 KiB in some
_USER = Table("film/QuickTime::UserData", SECTION, "UserData", CONVERSIONS, big_endian=True)
_HINTS = Table("film/QuickTime::HintTrackInfo", SECTION, "QuickTime", big_endian=True)
_HINT_INFO = Table("film/QuickTime::HintInfo", SECTION, "QuickTime", big_endian=True)
_UNSET_LANGUAGE = 0x7FFF
_3GPP = frozenset({"titl", "dscp", "cprt", "perf", "auth", "gnre", "albm", "coll", "kgtt"})
"""Version and flags, a language, then a text."""
_UNVERSIONED = frozenset({"manu", "modl"})
_PROFILE_UUID = bytes.fromhex("50524f4621d24fcebb88695cfac9c740")
_MEDIA_UUID = bytes.fromhex("55534d5421d24fcebb88695cfac9c740")
_SPHERICAL_UUID = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")


def parse(reader: Reader, document: Document, box: Box, group: str) -> None:
    """Adds what the boxes inside say; those of no known kind are counted."""
    unknown: dict[str, int] = {}
    for inner in boxes.walk(reader, box.offset, box.offset + box.length):
        with Surviving(document, SECTION, "user data", reader.base + inner.offset, inner.kind):
            if not _entry(reader, document, inner, group):
                name = boxes.name_of(inner.kind)
                unknown[name] = unknown.get(name, 0) + 1
    if unknown:
        kinds = ", ".join(sorted(unknown))[:120]
        document.problem(
            SECTION, ProblemKind.UNSUPPORTED, f"user data of unknown kinds: {kinds}", reader.base + box.offset
        )


def unique(reader: Reader, document: Document, box: Box) -> None:
    """A box with an identity of its own: XMP, or the XML of spherical films."""
    identity = reader.some(box.offset, 16)
    if identity in {boxes.XMP_UUID, _SPHERICAL_UUID} and 16 < box.length <= _MOST_BYTES * 8:
        place = ByteRange(reader.base + box.offset + 16, box.length - 16)
        xmp.parse(reader.exact(box.offset + 16, box.length - 16), document, place)
    elif identity == boxes.MANIFEST_UUID:
        manifest.parse(reader, document, box.offset, box.length)
    elif identity in {_PROFILE_UUID, _MEDIA_UUID}:
        from extractor_service.formats.containers.isobmff import sony_boxes  # noqa: PLC0415 - of players and cameras of one maker

        start = box.offset + (24 if identity == _PROFILE_UUID else 16)
        sony_boxes.parse(reader, document, start, box.offset + box.length)


def _entry(reader: Reader, document: Document, box: Box, group: str) -> bool:
    """Whether the box is of a known kind."""
    kind, offset, length = box
    key, origin = boxes.name_of(kind), ByteRange(reader.base + box.offset, box.length)
    if kind == b"meta":
        items.meta(reader, document, box, group)
    elif kind == b"XMP_":
        xmp.parse(reader.exact(offset, min(length, _MOST_BYTES * 8)), document, origin)
    elif kind in {b"free", b"skip", b"wide", b"hnti", b"hinf"}:
        if kind in {b"hnti", b"hinf"}:
            _hints(reader, document, box, group)
    elif kind == b"uuid":
        unique(reader, document, box)
    elif kind[0] == 0xA9:
        if length >= 8 and reader.exact(offset + 4, 4) == b"data":  # as iTunes' items are
            return False
        _texts(reader, document, box, key)
    elif kind == b"chpl":
        found = chapters(reader.exact(offset, min(length, _MOST_BYTES)))
        if found:
            _USER.put(document, key, found, origin)
    elif key in _USER.tags or kind in _CAMERAS:
        from extractor_service.formats.containers.isobmff import camera_data  # noqa: PLC0415 - of cameras alone

        if camera_data.parse(reader, document, box):
            return True
        _value(reader, document, box, key)
    else:
        return False
    return True


_CAMERAS = frozenset({b"TAGS", b"CNTH", b"CNDA", b"NCDT", b"PANA", b"LEIC", b"MVTG", b"GPMF", b"PENT", b"PXTH", b"thmb", b"scrn", b"AMBA", b"smta", b"INFO", b"@sec", b"FFMV", b"MMA0", b"MMA1", b"RICO", b"RMKN", b"QVMI", b"DcMD", b"FLIR", b"Xtra", b"SIGM", b"htcb", b"pose", b"btec"})  # fmt: skip


def _texts(reader: Reader, document: Document, box: Box, key: str) -> None:
    """Texts behind their length and language; in several languages one behind the other."""
    data = reader.exact(box.offset, min(box.length, _MOST_BYTES))
    place = 0
    while place + 4 <= len(data):
        size, language = int.from_bytes(data[place : place + 2]), int.from_bytes(data[place + 2 : place + 4])
        place += 4
        if place + size > len(data):  # some count the head in
            size -= 4
            if size < 0 or place + size > len(data):
                break
        content = data[place : place + size]
        if size or place == 4:
            _text(document, key, content, language, reader.base + box.offset + place)
        place += size


def _text(document: Document, key: str, content: bytes, language: int, at: int) -> None:
    """Macintosh's codes of languages are below 0x400, others pack three letters; UTF-16 has its mark."""
    if content[:2] == b"\xfe\xff":
        text = content[2:].decode("utf-16-be", "replace")
    elif language < 0x400 or language == _UNSET_LANGUAGE:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = content.decode("mac-roman")
    else:
        text = str(charsets.text(content))
    _put_in_language(document, key, text.rstrip("\0"), language, ByteRange(at, len(content)))


def _put_in_language(document: Document, key: str, text: str, language: int, origin: ByteRange) -> None:
    code = ""
    if language >= 0x400 and language != _UNSET_LANGUAGE:
        code = "".join(chr((language >> shift & 31) + 0x60) for shift in (10, 5, 0))
        code = "" if code in {"und", "eng"} or not code.isalpha() else code
    tag = _USER.tags.get(key)
    name = tag.name if tag is not None else f"UserData_{key[4:]}"
    if code:
        shown = tag.convert(text) if tag is not None and tag.convert is not None else text
        _USER.put(document, f"{key}-{code}", shown, origin, name=lambda: f"{name}-{code}")
    else:
        _USER.put(document, key, text, origin, name=lambda: name)


def _value(reader: Reader, document: Document, box: Box, key: str) -> None:
    """What 3GPP and cameras write behind a version, or as it is."""
    data = reader.exact(box.offset, min(box.length, _MOST_BYTES))
    at = reader.base + box.offset
    origin = ByteRange(at, box.length)
    tag = _USER.tags[key]
    value: Value = None
    if key in _3GPP and len(data) >= 6:
        content, is_wide = data[6:], data[6:8] == b"\xfe\xff"
        content = (
            content if is_wide else content.split(b"\0")[0]
        )  # an album's is followed by the track's number
        _text(document, key, content, int.from_bytes(data[4:6]), at + 6)
        return
    if key == "loci":
        value = location(data[6:])
    elif key == "yrrc" and len(data) >= 6:
        value = int.from_bytes(data[4:6])
    elif key == "urat" and len(data) >= 8:
        value = data[7]
    elif key in {"rtng", "clsf"} and len(data) >= 14:
        entity = data[4:8].decode("latin-1")
        criteria = (
            f"Criteria={data[8:12].decode('latin-1')}"
            if key == "rtng"
            else f"Index={int.from_bytes(data[8:10])}"
        )
        value = f"Entity={entity} {criteria} {data[14 if key == 'rtng' else 12 :].rstrip(bytes(1)).decode('utf-8', 'replace')}"
    elif key == "kywd" and len(data) >= 8:
        value = _keywords(data)
    elif key in _UNVERSIONED:
        value = (
            data[6:].split(b"\0")[0].decode("utf-8", "replace")
            if data[:4] == b"\0\0\0\0"
            else str(charsets.text(data.split(b"\0")[0]))
        )
    elif key in {"MUID", "CAME"}:
        value = data.hex()
    elif key in {"date", "@day"}:
        value = str(charsets.text(data.rstrip(b"\0")))
    elif key == "thmb":
        return
    elif tag.binary:
        fields.add_binary(document, SECTION, "UserData", tag.name, box.length, origin)
        return
    elif tag.kind in binary.CODES and tag.kind not in {"string", "undef", "binary"}:
        width = binary.CODES[tag.kind][1]
        value = binary.read(data, 0, tag.kind, max(1, len(data) // width), big_endian=True)
    else:
        text = (
            data.split(b"\0")[0]
            if b"\0" in data.rstrip(b"\0") and tag.kind == "string"
            else data.rstrip(b"\0")
        )
        value = str(charsets.text(text)) if text else None
    if value is not None:
        _USER.put(document, key, value, origin)


def _keywords(data: bytes) -> Value:
    """Each with its length, NUL behind it (26.244, 8.8)."""
    found: list[Value] = []
    place = 7
    for _ in range(data[6]):
        if place >= len(data):
            break
        size = data[place]
        found.append(str(charsets.text(data[place + 1 : place + 1 + size].rstrip(b"\0"))))
        place += 1 + size
    return found if len(found) != 1 else found[0]


def _hints(reader: Reader, document: Document, box: Box, group: str) -> None:
    """What a server that streams the film wants to know (QTFF, "Hint track user data atom")."""
    table = _HINTS if box.kind == b"hinf" else _HINT_INFO
    for inner in boxes.walk(reader, box.offset, box.offset + box.length):
        key = boxes.name_of(inner.kind)
        tag = table.tags.get(key)
        if tag is None or inner.length > _MOST_BYTES:
            continue
        data = reader.exact(inner.offset, inner.length)
        value: Value
        if inner.kind == b"payt":
            value = f"{int.from_bytes(data[:4])} {data[5:].decode('latin-1')}"
        elif tag.kind in {"int32u", "int64u"}:
            width = binary.CODES[tag.kind][1]
            value = binary.read(data, 0, tag.kind, max(1, len(data) // width), big_endian=True)
        else:
            value = data.decode("utf-8", "replace").rstrip("\0")
        if value is not None:
            table.put(document, key, value, ByteRange(reader.base + inner.offset, inner.length), group=group)
