"""Canon maker notes.

Layout and conversions by the public descriptions of Canon's tags: exiftool.org/TagNames/Canon.html,
exiv2.org/tags-canon.html and the CIFF specification 1.0r4 (apertures and times as 1/32 EV steps).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange
from extractor_service.formats.embedded.makernotes import canon_camera_info
from extractor_service.formats.embedded.makernotes import canon_tables as tables
from extractor_service.formats.embedded.makernotes.base import SECTION, Block, Notes
from extractor_service.formats.embedded.makernotes.canon_values import CONVERSIONS
from extractor_service.formats.embedded.makernotes.layout import displaced, ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import binary, fields, ifd
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.reading.tagset import Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk

VENDOR: Final = Vendor("canon", "Canon", CONVERSIONS)
_SERIAL, _SERIAL_BYTES = (
    re.compile(rb"\w{6}[ -~]*"),
    9,
)  # at least six letters or digits (by ExifTool's table)
_EOS: Final = re.compile(r"EOS|KISS|REBEL", re.IGNORECASE)
_SENSOR_SIZED: Final = re.compile(
    r"^(?!.*EOS)|\b(1DS?|5D|D30|D60|10D|20D|30D|K236)$|\b((300D|350D|400D) DIGITAL|REBEL( XTi?)?|Kiss Digital( [NX])?)$"
)
_20D = r"\b(20D|350D|REBEL XT|Kiss Digital N)\b"
_30D = r"\b(30D|400D|REBEL XTi|Kiss Digital X|K236)\b"
_EXPOSURE_TIME: Final = Tag(("ExposureTime", "int16s", 1, "", None, ""), conv.EXPOSURE)


def parse(walk: Walk, offset: int, length: int) -> None:
    """A directory right at the beginning, offsets from the TIFF header."""
    reader = ordered(walk.directories.reader, offset)
    notes = Notes(walk, VENDOR, reader, displaced(reader, offset, length))
    notes.directory(offset, notes.table("Canon::Main"), INSIDE)


def _is_eos(model: str) -> bool:
    return _EOS.search(model) is not None


def _shorts(notes: Notes, entry: ifd.Entry) -> list[int]:
    data = notes.bytes_of(entry)
    order = ">" if notes.reader.big_endian else "<"
    return list(layout(f"{order}{len(data) // 2}H").unpack(data[: len(data) // 2 * 2]))


def _is_whole(words: list[int], entry: ifd.Entry) -> bool:
    """Whether a block begins with its own size in bytes, as most do. What doesn't is no block.

    See CIFF 1.0r4; some count the word, some don't.
    """
    return bool(words) and abs(words[0] - entry.size_bytes) <= 2


def _settings(notes: Notes, entry: ifd.Entry) -> None:
    """Focal lengths are in units that stand in the same block; 0x7FFF is "not there"."""
    data, words = notes.bytes_of(entry), _shorts(notes, entry)
    if not _is_whole(words, entry):
        return
    units = words[25] if len(words) > 25 and words[25] else 1
    notes.values["FocalUnits"] = units
    tags = dict(notes.table("Canon::CameraSettings"))
    for key in (23, 24):
        tag = tags.pop(key)
        if key < len(words):
            notes.add(tag, words[key] / units if units != 1 else words[key], entry.offset + key * 2, 2)
    for key in (13, 14, 42):
        if key < len(words) and words[key] == 0x7FFF:
            tags.pop(key, None)
    for key in (16, 19, 22, 26, 27, 35):
        if key < len(words) and not words[key]:
            tags.pop(key, None)
    for key in (9, 28, 34, 39, 40, 46):
        if key < len(words) and words[key] == 0xFFFF:
            tags.pop(key, None)
    _values(notes, data, tags, entry.offset)


def _values(notes: Notes, data: bytes, tags: Mapping[int | str, Tag], offset: int) -> None:
    order = notes.reader.big_endian
    at = notes.reader.base + offset
    found = binary.parse(
        data,
        binary.Layout("int16s", big_endian=order),
        tags,
        binary.Place(notes.document, SECTION, "Canon"),
        origin=at,
    )
    notes.values.update(found)


def _focal_length(notes: Notes, entry: ifd.Entry) -> None:
    words = _shorts(notes, entry)
    tags = notes.table("Canon::FocalLength")
    units = notes.values.get("FocalUnits", 1)
    units = units if isinstance(units, int) and units else 1
    for key, value in enumerate(words[:4]):
        tag = tags.get(key)
        if tag is None or (key in {0, 1} and not value):
            continue
        stored: Value = value
        if key == 1:
            stored = value / units
        elif key in {2, 3}:
            # Sensors of a millimetre or less don't exist; later EOS bodies keep something else there.
            if value < 40 or not _SENSOR_SIZED.search(notes.walk.model):
                continue
            stored = value * 25.4 / 1000
        notes.add(tag, stored, entry.offset + key * 2, 2)


def _shot(notes: Notes, entry: ifd.Entry) -> None:
    words = _shorts(notes, entry)
    if not _is_whole(words, entry):
        return
    eos = _is_eos(notes.walk.model)
    halved = re.search(_20D, notes.walk.model)
    for key, tag in notes.table("Canon::ShotInfo").items():
        if not isinstance(key, int) or key >= len(words) or tag.hidden:
            continue
        word = words[key]
        value = conv.signed(word, 16)
        if key in {19, 21, 22} and not value:  # no distance, no aperture, no time
            continue
        if key == 20 and not words[19]:
            continue
        if key == 12 and not (eos and value > 0):
            continue
        if key in {2, 23} and not value:
            continue
        if (key in {27, 29} and value == -1) or (key == 13 and value == -1) or (key == 14 and not value):
            continue
        if key == 22 and halved:
            tag = _EXPOSURE_TIME  # noqa: PLW2901 - the same tag, with the time in milliseconds of 1/32
            notes.add(tag, 2.0 ** -tables.ev(value) * 1000 / 32, entry.offset + key * 2, 2)
            continue
        notes.add(tag, word if key in {19, 20} else value, entry.offset + key * 2, 2)


_BITS: Final = ("AFPointsInFocus", "AFPointsSelected")


def _af_info(notes: Notes, entry: ifd.Entry) -> None:
    """Counts first, then as many places, then bits (older bodies)."""
    words = _shorts(notes, entry)
    if len(words) < 8:
        return
    points = words[0]
    tags = {tag.name: tag for tag in notes.table("Canon::AFInfo").values()}
    names = ("NumAFPoints", "ValidAFPoints", "CanonImageWidth", "CanonImageHeight", "AFImageWidth", "AFImageHeight",
             "AFAreaWidth", "AFAreaHeight")  # fmt: skip
    for index, name in enumerate(names):
        notes.add(tags[name], words[index], entry.offset + index * 2, 2)
    parts = _parts(points, ("AFAreaXPositions", "AFAreaYPositions"), _BITS[:1])
    _arrays(notes, entry, words, 8, tags, parts)
    place = 8 + 2 * points + (points + 15) // 16
    if place < len(words) and not _is_eos(notes.walk.model) and "PrimaryAFPoint" in tags:
        notes.add(tags["PrimaryAFPoint"], words[place], entry.offset + place * 2, 2)


def _af_info_2(notes: Notes, entry: ifd.Entry) -> None:
    """The same with a width and height for each point."""
    words = _shorts(notes, entry)
    if len(words) < 8:
        return
    points = words[2]
    tags = {tag.name: tag for tag in notes.table("Canon::AFInfo2").values()}
    names = ("", "AFAreaMode", "NumAFPoints", "ValidAFPoints", "CanonImageWidth", "CanonImageHeight", "AFImageWidth",
             "AFImageHeight")  # fmt: skip
    for index, name in enumerate(names):
        if name:
            notes.add(tags[name], words[index], entry.offset + index * 2, 2)
    lists = ("AFAreaWidths", "AFAreaHeights", "AFAreaXPositions", "AFAreaYPositions")
    bits = _BITS if _is_eos(notes.walk.model) else _BITS[:1]
    _arrays(notes, entry, words, 8, tags, _parts(points, lists, bits))
    place = 8 + 4 * points + 2 * ((points + 15) // 16)
    if not _is_eos(notes.walk.model) and place < len(words) and "PrimaryAFPoint" in tags:
        notes.add(tags["PrimaryAFPoint"], words[place], entry.offset + place * 2, 2)


def _arrays(
    notes: Notes,
    entry: ifd.Entry,
    words: list[int],
    place: int,
    tags: Mapping[str, Tag],
    parts: list[tuple[str, int]],
) -> None:
    """Adds lists of signed words, one behind the other from `place` on: name and length of each."""
    for name, count in parts:
        values: list[Value] = [conv.signed(each, 16) for each in words[place : place + count]]
        tag = tags.get(name)
        if tag is not None and values and (name not in _BITS or len(values) == count):
            notes.add(tag, values[0] if len(values) == 1 else values, entry.offset + place * 2, count * 2)
        place += count


def _parts(points: int, lists: tuple[str, ...], bits: tuple[str, ...]) -> list[tuple[str, int]]:
    """A word a point in `lists`, a bit a point in `bits`."""
    return [(name, points) for name in lists] + [(name, (points + 15) // 16) for name in bits]


def _custom_functions(notes: Notes, entry: ifd.Entry) -> None:
    """A word each: the function's number above, its setting below."""
    words = _shorts(notes, entry)
    name = next((table for pattern, table in tables.CUSTOM if re.search(pattern, notes.walk.model)), "")
    if not name:
        return
    tags = notes.table(name)
    for index, word in enumerate(words[1:], 1):
        tag = tags.get(word >> 8)
        if tag is not None and not tag.hidden:
            notes.add(tag, word & 0xFF, entry.offset + index * 2, 2, "CanonCustom")


def _custom_functions_2(notes: Notes, entry: ifd.Entry) -> None:
    """Groups of records: a tag, a count, and 32-bit values."""
    data = notes.bytes_of(entry)
    order = ">" if notes.reader.big_endian else "<"
    tags = notes.table("CanonCustom::Functions2", tables.custom_choices(notes.walk.model))
    if len(data) < 8:
        return
    place, groups = 8, layout(order + "I").unpack_from(data, 4)[0]
    for _ in range(min(groups, 16)):
        if place + 12 > len(data):
            return
        _, length, count = layout(order + "III").unpack_from(data, place)
        record = place + 12
        end = place + length + 4
        for _ in range(min(count, 200)):
            if record + 8 > len(data):
                return
            number, values = layout(order + "II").unpack_from(data, record)
            if values > 64 or record + 8 + values * 4 > len(data):
                return
            stored: list[Value] = list(layout(f"{order}{values}i").unpack_from(data, record + 8))
            tag = tags.get(number)
            if tag is not None and stored and not tag.hidden:
                value = stored[0] if len(stored) == 1 else stored
                notes.add(tag, value, entry.offset + record + 8, values * 4, "CanonCustom")
            record += 8 + values * 4
        place = end


def _color_data(notes: Notes, entry: ifd.Entry) -> None:
    """White balances; the layout is told by the count, and of the newest cameras by the version."""
    data = notes.bytes_of(entry)
    table = tables.color_data(entry.count, data[:1])
    notes.block(data, Block(f"Canon::{table}", "int16s", tables.MASKS), entry.offset, "", {})


def _unique_id(notes: Notes, entry: ifd.Entry) -> None:
    data = notes.bytes_of(entry)
    if data.strip(b"\0"):
        notes.add(notes.table("Canon::Main")[40], data.hex(), entry.offset, entry.size_bytes)


def _preview(notes: Notes, entry: ifd.Entry) -> None:
    found = notes.block(notes.bytes_of(entry), Block("Canon::PreviewImageInfo", "int32u"), entry.offset)
    _image(notes, found, "PreviewImage")


def _image(notes: Notes, found: Mapping[str, Value], name: str) -> None:
    start, length = found.get(f"{name}Start"), found.get(f"{name}Length")
    if (
        isinstance(start, int)
        and isinstance(length, int)
        and start
        and length
        and start + length <= notes.reader.length
    ):
        origin = ByteRange(notes.reader.base + start, length)
        fields.add_binary(notes.document, SECTION, "Canon", name, length, origin)


def _file_info(notes: Notes, entry: ifd.Entry) -> None:
    """The file number is packed in two ways, by model; others don't have it."""
    data, words = notes.bytes_of(entry), _shorts(notes, entry)
    tags = dict(notes.table("Canon::FileInfo"))
    number = tags.pop(1)
    if len(data) >= 6:
        stored = int.from_bytes(data[2:6], "big" if notes.reader.big_endian else "little")
        value = 0
        if re.search(_20D, notes.walk.model):
            value = ((stored & 0xFFC0) >> 6) * 10000 + (stored >> 16 & 0xFF) + ((stored & 0x3F) << 8)
        elif re.search(_30D, notes.walk.model):
            value = ((stored & 0xFFC00) >> 10) * 10000 + ((stored & 0x3FF) << 4) + (stored >> 20 & 0x0F)
        if value:
            notes.add(number, value, entry.offset + 2, 4)
    for key in (6, 7, 20, 21):
        if key < len(words) and (
            (key > 7 and words[key] in {0, 0xFFFF}) or (key < 8 and conv.signed(words[key], 16) < 0)
        ):
            tags.pop(key, None)
    _values(notes, data, tags, entry.offset)


def _categories(notes: Notes, entry: ifd.Entry) -> None:
    """The size of the block, then the bits."""
    value = notes.directories.value(entry, 64)
    tag = notes.table("Canon::Main").get(0x23)
    if tag is not None and isinstance(value, list) and len(value) == 2 and value[0] == 8:
        notes.add(tag, value[1], entry.offset + 4, 4)


def _contrast(notes: Notes, entry: ifd.Entry) -> None:
    """Of the version that is known: it begins with its length of ten bytes."""
    data = notes.bytes_of(entry)
    if data[:2] == b"\x0a\0":
        notes.block(data, Block("Canon::ContrastInfo", "int16u"), entry.offset)


def _vignetting(notes: Notes, entry: ifd.Entry) -> None:
    """Known by the first byte, and the size that stands behind it."""
    data = notes.bytes_of(entry)
    size = int.from_bytes(data[2:4], "big" if notes.reader.big_endian else "little")
    if data[:1] == b"\0" and data[:4] not in {bytes(4), b"\0\x40\xdc\x05"} and size == len(data):
        notes.block(data, Block("Canon::VignettingCorr", "int16s"), entry.offset)


def _internal_serial(notes: Notes, entry: ifd.Entry) -> None:
    if "EOS 5D" in notes.walk.model:
        for key, known in notes.table("Canon::SerialInfo").items():
            start = int(key)
            word = _SERIAL.match(notes.bytes_of(entry), start, start + _SERIAL_BYTES)
            if word is not None:
                notes.add(known, word[0].decode(), entry.offset + start, len(word[0]))
        return
    text = notes.bytes_of(entry).split(b"\xff")[0].split(b"\0")[0].decode("latin-1")
    tag = notes.table("Canon::Main").get(0x96)
    if tag is not None and text:
        notes.add(tag, text, entry.offset, entry.size_bytes)


INSIDE: Final[Mapping[int, Block | Callable[[Notes, ifd.Entry], None]]] = {
    0x01: _settings,
    0x02: _focal_length,
    0x04: _shot,
    0x05: Block("Canon::Panorama", "int16s"),
    0x0D: canon_camera_info.camera_info,
    0x0F: _custom_functions,
    0x11: Block("Canon::MovieInfo", "int16u"),
    0x12: _af_info,
    0x1D: Block("Canon::MyColors", "int16u"),
    0x24: Block("Canon::FaceDetect1", "int16u"),
    0x25: Block("Canon::FaceDetect2", "int8u"),
    0x26: _af_info_2,
    0x27: _contrast,
    0x23: _categories,
    0x28: _unique_id,
    0x29: Block("Canon::WBInfo", "int32s"),
    0x2F: Block("Canon::FaceDetect3", "int16u"),
    0x35: Block("Canon::TimeInfo", "int32s"),
    0x3C: _af_info_2,
    0x90: _custom_functions,
    0x91: Block("CanonCustom::PersonalFuncs", "int16u"),
    0x92: Block("CanonCustom::PersonalFuncValues", "int16u"),
    0x93: _file_info,
    0x96: _internal_serial,
    0x4015: _vignetting,
    0x4016: Block("Canon::VignettingCorr2", "int32s"),
    0x98: Block("Canon::CropInfo", "int16u"),
    0x99: _custom_functions_2,
    0x9A: Block("Canon::AspectInfo", "int32u"),
    0xA0: Block("Canon::Processing", "int16s"),
    0xA9: Block("Canon::ColorBalance", "int16s"),
    0xAA: Block("Canon::MeasuredColor", "int16u"),
    0xB0: Block("Canon::Flags", "int16s"),
    0xB1: Block("Canon::ModifiedInfo", "int16s"),
    0xB6: _preview,
    0xE0: Block("Canon::SensorInfo", "int16s"),
    0x4001: _color_data,
    0x4003: Block("Canon::ColorInfo", "int16s"),
    0x4013: Block("Canon::AFMicroAdj", "int32s"),
    0x4018: Block("Canon::LightingOpt", "int32s"),
    0x4019: Block("Canon::LensInfo", "int8u"),
    0x4020: Block("Canon::Ambience", "int32s"),
    0x4021: Block("Canon::MultiExp", "int32s"),
    0x4024: canon_camera_info.filters,
    0x4025: Block("Canon::HDRInfo", "int32s"),
    0x4028: Block("Canon::AFConfig", "int32s"),
    0x403F: Block("Canon::RawBurstInfo", "int32u"),
    0x4053: Block("Canon::FocusBracketingInfo", "int32s"),
    0x4059: Block("Canon::LevelInfo", "int32s"),
}
