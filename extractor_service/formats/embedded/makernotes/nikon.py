"""Nikon maker notes, with the blocks that are enciphered.

Layout by exiv2.org/makernote.html and exiftool.org/TagNames/Nikon.html.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange
from extractor_service.formats.embedded.makernotes import nikon_shot
from extractor_service.formats.embedded.makernotes.base import SECTION, Block, Notes
from extractor_service.formats.embedded.makernotes.layout import ordered
from extractor_service.formats.embedded.makernotes.nikon_crypt import decrypt, serial_key
from extractor_service.formats.embedded.makernotes.nikon_values import CONVERSIONS
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.embedded.walk import EXIF_TAGS
from extractor_service.formats.reading import fields, ifd
from extractor_service.formats.reading.reader import TruncatedError, layout
from extractor_service.formats.reading.tagset import Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk

VENDOR: Final = Vendor("nikon", "Nikon", CONVERSIONS)
_SHUTTER_COUNT, _SERIAL_NUMBER = 0xA7, 0x1D
_MAX_SECRET_BYTES: Final = 256 * 1024  # of a block: those of the Z 9 have 100 KB, with menus at their ends
# version of a block: (table, where its cipher begins or None, unit)
_LENS: Final[Mapping[bytes, tuple[str, int | None]]] = {
    b"0100": ("LensData00", None), b"0101": ("LensData01", None), b"0201": ("LensData01", 4), b"0202": ("LensData01", 4),
    b"0203": ("LensData01", 4), b"0204": ("LensData0204", 4), b"0400": ("LensData0400", 4), b"0401": ("LensData0400", 4),
    b"0402": ("LensData0402", 4), b"0403": ("LensData0403", 4), b"0800": ("LensData0800", 4), b"0801": ("LensData0800", 4),
    b"0802": ("LensData0800", 4),
}  # fmt: skip
_FLASH: Final = (
    (b"0100", "FlashInfo0100"), (b"0101", "FlashInfo0100"), (b"0102", "FlashInfo0102"), (b"0103", "FlashInfo0103"), (b"0104", "FlashInfo0103"),
    (b"0105", "FlashInfo0103"), (b"0106", "FlashInfo0106"), (b"0107", "FlashInfo0107"), (b"0108", "FlashInfo0107"), (b"0300", "FlashInfo0300"),
)  # fmt: skip


def parse(walk: Walk, offset: int, length: int) -> None:
    """Notes with a name: an old directory, or a TIFF structure of their own."""
    reader = walk.directories.reader
    head = reader.exact(offset, min(length, 20))
    if head[6:7] == b"\x01":
        notes = Notes(walk, VENDOR, ordered(reader, offset + 8))
        notes.directory(offset + 8, notes.table("Nikon::Type2"), {})
        return
    base = reader.base + offset + 10
    try:
        inner = ifd.Directories.at(reader.source, base, reader.length - offset - 10)
    except ifd.NotTiffError:
        return
    _directory(walk, inner, inner.first)


def plain(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with their directory."""
    del length
    reader = ordered(walk.directories.reader, offset)
    _directory(walk, ifd.Directories(reader), offset)


def _directory(walk: Walk, directories: ifd.Directories, offset: int) -> None:
    notes = Notes(walk, VENDOR, directories.reader)
    _keys(notes, offset)
    notes.directory(offset, notes.table("Nikon::Main"), _INSIDE)


def _keys(notes: Notes, offset: int) -> None:
    """Serial number and shutter count, which the enciphered blocks need, wherever they stand."""
    try:
        for entry in notes.directories.read(offset).entries:
            if entry.tag == _SHUTTER_COUNT and entry.kind == 4 and entry.count == 1:
                notes.values["key count"] = notes.directories.value(entry, 8)
            elif entry.tag == _SERIAL_NUMBER and entry.kind == ifd.ASCII:
                text = notes.directories.value(entry, 64)
                notes.values["key serial"] = serial_key(str(text), notes.walk.model)
    except TruncatedError:
        return


def _open(notes: Notes, data: bytes, start: int) -> bytes | None:
    """The deciphered block; None without keys."""
    key, count = notes.values.get("key serial"), notes.values.get("key count")
    if not isinstance(key, int) or not isinstance(count, int):
        return None
    return decrypt(data[:_MAX_SECRET_BYTES], key, count, start)


def _version(notes: Notes, name: str, data: bytes, offset: int) -> None:
    tag = Tag((name, "string", 4, "", None, ""))
    notes.add(tag, data[:4].decode("latin-1"), offset, 4)


def _lens(notes: Notes, entry: ifd.Entry) -> None:
    data = notes.bytes_of(entry)
    table, secret = _LENS.get(data[:4], ("", None))
    opened = data if secret is None else _open(notes, data, secret)
    if not table or opened is None:
        _version(notes, "LensDataVersion", data, entry.offset)
        return
    order = None if table != "LensData0800" else False
    notes.block(opened, Block(f"Nikon::{table}", "int8u", _MASKS, order), entry.offset)


def _flash(notes: Notes, entry: ifd.Entry) -> None:
    data = notes.bytes_of(entry)
    table = dict(_FLASH).get(data[:4])
    if table is None:
        _version(notes, "FlashInfoVersion", data, entry.offset)
        return
    notes.block(data, Block(f"Nikon::{table}", "int8u", _MASKS), entry.offset)


def _shot(notes: Notes, entry: ifd.Entry) -> None:
    data = notes.bytes_of(entry)
    known = nikon_shot.layout_of(data)
    opened = _open(notes, data, 4) if known is not None else None
    if known is None or opened is None:
        _version(notes, "ShotInfoVersion", data, entry.offset)
        return
    notes.mended = lambda table, part: nikon_shot.mended(
        table, part, notes.values.get("FirmwareVersion"), notes.walk.model
    )
    notes.block(opened, Block(f"Nikon::{known.table}", "int8u", _MASKS, known.big_endian), entry.offset)
    notes.mended = None


def _color_balance(notes: Notes, entry: ifd.Entry) -> None:
    """White balance levels; place and order by version."""
    data = notes.bytes_of(entry)
    version = data[:4]
    _version(notes, "ColorBalanceVersion", data, entry.offset)
    order = ">" if notes.reader.big_endian else "<"
    plain_places = {
        b"0100": (72, "ColorBalance1"),
        b"0102": (10, "ColorBalance2"),
        b"0103": (20, "ColorBalance3"),
    }
    place, table = plain_places.get(version, (0, ""))
    if not table and version[:2] == b"02" and version[2:4].isdigit():
        number = int(version[2:])
        opened = _open(notes, data, 284) if number < 18 else _open(notes, data, 4)
        if opened is None:
            return
        if number == 5:
            place, table = 284 + 14, "ColorBalance2"
        elif number < 9 or number == 12 or number in {13, 17}:
            place, table = 284 + 6, "ColorBalance2"
        elif number in {9, 10, 11, 14, 15, 16}:
            place, table = (
                284 + (16 if number == 9 else 10 if number == 11 else 4),
                "ColorBalance2" if number == 11 else "ColorBalance4",
            )
        else:
            return
        data = opened
    if table and place + 8 <= len(data):
        tag = notes.table(f"Nikon::{table}")[0]
        values: list[Value] = list(layout(order + "4H").unpack_from(data, place))
        notes.add(tag, values, entry.offset + place, 8)


def _af_info_2(notes: Notes, entry: ifd.Entry) -> None:
    data = notes.bytes_of(entry)
    table = {b"0100": "AFInfo2V0100", b"0101": "AFInfo2V0101", b"0200": "AFInfo2V0200", b"0300": "AFInfo2V0300", b"0301": "AFInfo2V0300",
             b"0400": "AFInfo2V0400", b"0401": "AFInfo2V0400", b"0402": "AFInfo2V0400"}.get(data[:4])  # fmt: skip
    if table:
        notes.block(data, Block(f"Nikon::{table}", "int8u", _MASKS), entry.offset)
    else:
        _version(notes, "AFInfo2Version", data, entry.offset)


def _preview(notes: Notes, entry: ifd.Entry) -> None:
    """A directory of the larger preview."""
    pointed = notes.directories.value(entry, 8)
    if not isinstance(pointed, int):
        return
    names = {513: "PreviewImageStart", 514: "PreviewImageLength"}
    found: dict[str, int] = {}
    base = notes.reader.base
    for each in notes.directories.read(pointed).entries:
        tag = EXIF_TAGS.get(each.tag)
        if tag is None or each.kind not in ifd.SIZES:
            continue
        stored = notes.directories.value(each, 1024)
        if each.tag in names:
            tag = Tag((names[each.tag], "int32u", 1, "", None, ""))
            if each.tag == 513 and isinstance(stored, int):
                stored += base
            found[tag.name] = stored if isinstance(stored, int) else 0
        elif tag.group:
            tag = _ungrouped(tag)
        fields.add(
            notes.document, SECTION, "PreviewIFD", tag, stored, ByteRange(base + each.offset, each.size_bytes)
        )
    start, length = found.get("PreviewImageStart", 0), found.get("PreviewImageLength", 0)
    if start and length and start + length <= notes.reader.source.size_bytes:
        fields.add_binary(
            notes.document, SECTION, "PreviewIFD", "PreviewImage", length, ByteRange(start, length)
        )


def _ungrouped(tag: Tag) -> Tag:
    plain_tag = Tag((tag.name, tag.kind, tag.count, "", tag.labels, ""))
    plain_tag.convert, plain_tag.printer, plain_tag.unit = tag.convert, tag.printer, tag.unit
    return plain_tag


def _picture_control(notes: Notes, entry: ifd.Entry) -> None:
    data = notes.bytes_of(entry)
    table = {b"01": "PictureControl", b"02": "PictureControl2", b"03": "PictureControl3"}.get(
        data[:2], "PictureControlUnknown"
    )
    notes.block(data, Block(f"Nikon::{table}", "int8u"), entry.offset)


# Bits of bytes that hold several values: "table key" -> mask. exiftool.org/TagNames/Nikon.html
_MASKS: Final[Mapping[str, int]] = {"4.1": 0x80, "8.1": 0x80, "9.1": 0x80, "9.2": 0x7F}


def _capture_offsets(notes: Notes, entry: ifd.Entry) -> None:
    """Where Nikon Capture found the directories: after a version, entries of an id, a number and four other bytes."""
    data = notes.bytes_of(entry)
    order = ">" if notes.reader.big_endian else "<"
    count = layout(order + "H").unpack_from(data, 4)[0] if data[:4] == b"0100" and len(data) > 6 else 0
    tags = notes.table("Nikon::CaptureOffsets")
    for index in range(min(count, (len(data) - 6) // 12)):
        number, value = layout(order + "II").unpack_from(data, 6 + 12 * index)
        if number in tags:
            notes.add(tags[number], value, entry.offset + 6 + 12 * index, 12)


_INSIDE: Final[Mapping[int, Block | Callable[[Notes, ifd.Entry], None]]] = {
    0x11: _preview,
    0x1F: Block("Nikon::VRInfo"),
    0x21: Block("Nikon::FaceDetect", "int16u"),
    0x23: _picture_control,
    0x24: Block("Nikon::WorldTime"),
    0x25: Block("Nikon::ISOInfo"),
    0x2B: Block("Nikon::DistortInfo"),
    0x39: Block("Nikon::LocationInfo"),
    0x91: _shot,
    0x97: _color_balance,
    0x98: _lens,
    0xA8: _flash,
    0xB7: _af_info_2,
    0xB8: Block("Nikon::FileInfo", "int16u"),
    0xB9: Block("Nikon::AFTune"),
    0xC3: Block("Nikon::BarometerInfo"),
    0x0E0E: _capture_offsets,
}
