"""Recipes of Canon's Digital Photo Professional: a trailer of its photographs.

exiftool.org/TagNames/CanonVRD.html. A head, blocks of a number and a length, a foot. What was edited stands in a block of fixed places
(versions 1 to 3), or in a directory of numbered values (version 4).
"""

from __future__ import annotations

import math
import struct
from functools import cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion, Tag, raw_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

SECTION = "canon_vrd"
MARK = b"CANON OPTIONAL DATA\0"
HEAD_BYTES, FOOT_BYTES = 28, 64
DR4_MARK = b"IIII"
_MAX_BLOCKS = 32  # there are four kinds
_MAX_BLOCK_BYTES = 1024 * 1024  # of edits or XMP; pictures are told by their place
_MAX_ENTRIES = 4096  # of a directory: 150 have names
_EDITS, _IHL, _XMP, _EDITS_4 = 0xFFFF00F4, 0xFFFF00F5, 0xFFFF00F6, 0xFFFF00F7
_IHL_MARK, _IHL_HEAD_BYTES = b"IHL Created Optional Item Data\0\0", 48
_FIRST_BYTES = 0x272  # of the block of version 1
_STYLE_AT = (
    0x58 * 2
)  # of a custom style's length in the block of version 2, which everything behind it moves by
_NEW_LABELS = 330  # the version whose noise reduction has twenty steps instead of two
_LENS_ON_AT, _LENS_AT, _LENS_BYTES = (
    0xDC * 2,
    0xE0 * 2,
    20,
)  # the lens optimizer: whether it is on, and its block
_BLACK, _WHITE, _MIDDLE = -1.0, 11.77109325169954, 8.0  # stops that a curve's points are told from


def _stops(zero: float, *, is_least: bool = False) -> Callable[[Value], Value]:
    def stops(value: Value) -> Value:
        if not isinstance(value, float) or value <= 0:
            return 0 if is_least else value
        if not math.isfinite(value):
            return value
        told = math.log2(value / 4.6875) - zero
        return told if abs(told) > 1e-10 else 0

    return stops


def _curve(value: Value) -> str:
    """The points of a curve: "(0,0) (255,255)"."""
    if (
        not isinstance(value, list)
        or len(value) != 21
        or not isinstance(value[0], int)
        or not 2 <= value[0] <= 10
    ):
        return ""
    return " ".join(f"({value[1 + 2 * index]},{value[2 + 2 * index]})" for index in range(value[0]))


def _version(value: Value) -> str:
    digits = str(value)
    return f"{digits[0]}.{digits[1:-1]}.{digits[-1]}" if len(digits) > 1 else digits


def _percent(value: Value) -> str:
    return f"{value * 100:.0f}%" if isinstance(value, (int, float)) else ""


def _stated(value: Value) -> str:
    return f"{value:+.3f}" if isinstance(value, (int, float)) else ""


_CONVERSIONS: Mapping[str, Conversion] = {
    "VRDVersion": Conversion(None, _version),
    "RawBrightnessAdj": Conversion(conv.scaled(1 / 6000), conv.fixed("{:.2f}")),
    **{each: Conversion(conv.scaled(1 / 0x400), _percent) for each in ("ChromaticAberration", "DistortionCorrection", "PeripheralIllumination")},
    **{each: Conversion(conv.scaled(-1 / 0x400, 1), _percent) for each in ("AberrationCorrectionDistance", "DLOShootingDistance")},
    "GammaBlackPoint": Conversion(_stops(_BLACK, is_least=True), _stated),
    "GammaWhitePoint": Conversion(_stops(_WHITE), _stated),
    "GammaMidPoint": Conversion(_stops(_MIDDLE), _stated),
    **{f"{each}CurvePoints": Conversion(None, _curve) for each in ("RGB", "Red", "Green", "Blue", "Luminance")},
}  # fmt: skip


# Version 4 has its numbers as they are.
_CONVERSIONS_4 = {
    "ShootingDistance": Conversion(conv.scaled(1 / 10), _percent),
    "WBAdjRGGBLevels": Conversion(
        None, lambda value: " ".join(map(str, value[1:])) if isinstance(value, list) else ""
    ),
}


def _table(name: str, unit: str = "int8u", group: str = "CanonVRD") -> Table:
    return Table(f"canon_vrd/CanonVRD::{name}", SECTION, group, _CONVERSIONS, unit=unit, big_endian=True)


_FIRST, _STAMPS, _SECOND = _table("Ver1"), _table("StampTool", "int32u"), _table("Ver2", "int16s")
_LENS = _table("DLOInfo", "int16s")
_DIRECTORY = Table("canon_vrd/CanonVRD::DR4", SECTION, "CanonDR4", _CONVERSIONS_4)
_HEADER, _PICTURES = _table("DR4Header", "int32u", "CanonDR4"), _table("IHL")
# Numbers of the directory whose value is a block.
_BLOCKS = {
    0x20400: _table("ToneCurve", "int32u", "CanonDR4"), 0x20A00: _table("GammaInfo", "double", "CanonDR4"),
    0xF0100: _table("CropInfo", "int32s", "CanonDR4"), 0xF0510: _table("StampInfo", "int32u", "CanonDR4"),
    0xF0511: _table("DustInfo", "int32u", "CanonDR4"),
}  # fmt: skip
# Types of the directory's values.
_TYPES = {
    1: "int32u",
    2: "string",
    8: "int32u",
    9: "int32s",
    13: "double",
    24: "int32s",
    33: "int32u",
    38: "double",
}


def parse(reader: Reader, document: Document) -> None:
    """Adds what the recipe says that fills `reader`'s window; trouble becomes Problems."""
    offset, end = HEAD_BYTES, reader.length - FOOT_BYTES
    for _ in range(_MAX_BLOCKS):
        if offset + 8 > end:
            return
        kind, length = reader.u32(offset), reader.u32(offset + 4)
        offset += 8
        at = reader.base + offset
        if offset + length > end:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"a block of {length} bytes is cut", at)
            return
        with Surviving(document, SECTION, f"block {kind:#x}", at):
            _block(reader.view(at, length), document, kind)
        offset += length


def directory(reader: Reader, document: Document) -> None:
    """Adds the values of a recipe of version 4 that fills `reader`'s window."""
    data = reader.exact(0, min(reader.length, _MAX_BLOCK_BYTES))
    if data[:4] != DR4_MARK or len(data) < 32:
        document.problem(SECTION, ProblemKind.DAMAGED, "no directory of a recipe", reader.base)
        return
    _HEADER.block(document, data[:32], reader.base, big_endian=False)
    count = int.from_bytes(data[28:32], "little")
    for number in range(min(count, _MAX_ENTRIES)):
        entry = 36 + 28 * number
        if entry + 28 > len(data):
            document.problem(
                SECTION, ProblemKind.TRUNCATED, f"{number} of {count} values", reader.base + entry
            )
            return
        _value(data, entry, document, reader.base)


def _block(reader: Reader, document: Document, kind: int) -> None:
    if kind == _IHL:
        _pictures(reader, document)
        return
    if reader.length > _MAX_BLOCK_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"a block of {reader.length} bytes", reader.base)
    elif kind == _XMP:
        from extractor_service.formats.embedded import xmp  # noqa: PLC0415 - rare

        xmp.parse(reader.exact(0, reader.length), document, ByteRange(reader.base, reader.length))
    elif kind in {_EDITS, _EDITS_4} and reader.length > 4:
        size = min(reader.u32(0), reader.length - 4)  # the first record is what was edited
        edited = reader.view(reader.base + 4, size)
        if kind == _EDITS_4:
            directory(edited, document)
        else:
            _edits(edited, document)


def _edits(reader: Reader, document: Document) -> None:
    """Blocks of fixed places: version 1, then stamps by their number of bytes, then the rest of version 2."""
    document.spend(reader.length)
    data, base = reader.exact(0, reader.length), reader.base
    known = _FIRST.block(document, data[:_FIRST_BYTES], base)
    if len(data) < _FIRST_BYTES + 4:
        return
    stamps = int.from_bytes(data[_FIRST_BYTES : _FIRST_BYTES + 4])
    start = _FIRST_BYTES + 4
    if start + stamps > len(data):
        document.problem(SECTION, ProblemKind.DAMAGED, f"stamps of {stamps} bytes", base + start)
        return
    _STAMPS.block(document, data[start : start + stamps], base + start)
    start += stamps
    second = data[start:]
    style = int.from_bytes(second[_STYLE_AT : _STYLE_AT + 2])
    where: int | None = base + start
    if _STYLE_AT + 2 + style > len(second):
        document.problem(SECTION, ProblemKind.DAMAGED, f"a picture style of {style} bytes", where)
        return
    if style:
        second = second[: _STYLE_AT + 2] + second[_STYLE_AT + 2 + style :]
        where = None
        place = ByteRange(base + start + _STYLE_AT, style + 2)
        fields.add_binary(document, SECTION, "CanonVRD", "CustomPictureStyleData", style + 2, place)
    version = known.get("VRDVersion")
    tags = _second(is_new=isinstance(version, int) and version >= _NEW_LABELS)
    if int.from_bytes(second[_LENS_ON_AT : _LENS_ON_AT + 2]):
        second = _lens(second, document, where)
        where = None
    layout = binary.Layout("int16s", big_endian=True)
    binary.parse(second, layout, tags, binary.Place(document, SECTION, "CanonVRD"), origin=where, known=known)


@cache
def _second(*, is_new: bool) -> dict[int | str, Tag]:
    """The tags of version 2; some have other labels from version 3.3.0 on."""
    rows = raw_table("canon_vrd", "CanonVRD::Ver2")
    later = {key: Tag(each[1]) for key, each in rows.items() if len(each) > 1} if is_new else {}
    tags = {**_SECOND.tags, **later}
    return {key: tag for key, tag in tags.items() if tag.name != "CustomPictureStyleData"}


def _lens(data: bytes, document: Document, at: int | None) -> bytes:
    """Adds what the lens optimizer says; returns the block without it, which everything behind it moves by."""
    length = int.from_bytes(data[_LENS_AT - 2 : _LENS_AT + 2])
    where = None if at is None else at + _LENS_AT
    _LENS.block(document, data[_LENS_AT : _LENS_AT + _LENS_BYTES], where)
    start = _LENS_AT + _LENS_BYTES
    if start + length > len(data):
        message = f"a block of {length} bytes of the lens optimizer"
        document.problem(SECTION, ProblemKind.DAMAGED, message, None if where is None else where)
        return data[: _LENS_AT + 2]
    place = None if where is None else ByteRange(where + _LENS_BYTES, length)
    fields.add_binary(document, SECTION, "CanonVRD", "DLOData", length, place)
    return data[: _LENS_AT + 2] + data[start + length + 4 :]


def _pictures(reader: Reader, document: Document) -> None:
    """Previews of what was edited, by their places."""
    offset = 0
    for _ in range(_MAX_BLOCKS):
        head = reader.some(offset, _IHL_HEAD_BYTES)
        if not head.startswith(_IHL_MARK) or len(head) < _IHL_HEAD_BYTES:
            return
        kind, size, whole = struct.unpack("<3I", head[36:48])
        offset += _IHL_HEAD_BYTES
        if size > whole or offset + whole > reader.length:
            document.problem(SECTION, ProblemKind.TRUNCATED, "a picture is cut", reader.base + offset)
            return
        tag, place = _PICTURES.tags.get(kind), ByteRange(reader.base + offset, size)
        if tag is not None and tag.binary and not tag.hidden:
            fields.add_binary(document, SECTION, "CanonVRD", tag.name, size, place)
        elif tag is not None and not tag.hidden:
            text = reader.exact(offset, min(size, 1024)).split(b"\0")[0].decode("latin-1")
            _PICTURES.put(document, kind, text, place)
        offset += whole


def _value(data: bytes, entry: int, document: Document, base: int) -> None:
    """One numbered value with its flags, of which some mean something."""
    number, kind, *flags, offset, length = struct.unpack_from("<7I", data, entry)
    if offset + length >= len(data):
        return
    document.spend(length)
    block = _BLOCKS.get(number)
    if block is not None:
        block.block(document, data[offset : offset + length], base + offset, big_endian=False)
    elif number in _DIRECTORY.tags:
        name = _TYPES.get(kind)
        if name is None or _DIRECTORY.tags[number].binary:
            value: Value = data[offset : offset + length]
        else:
            count = length // binary.CODES[name][1]
            value = binary.read(data, offset, name, count, big_endian=False) if count else None
        _DIRECTORY.put(document, number, value, ByteRange(base + offset, length))
    for index, flag in enumerate(flags):
        _DIRECTORY.put(document, f"{number:#x}.{index}", flag, ByteRange(base + entry + 8 + 4 * index, 4))
