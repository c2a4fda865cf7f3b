"""Pentax and Ricoh maker notes. Layout by exiftool.org/TagNames/Pentax.html and exiv2.org/makernote.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.embedded.makernotes.base import SECTION, Block, Notes
from extractor_service.formats.embedded.makernotes.layout import ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import binary
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.reader import layout
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading import ifd
    from extractor_service.formats.reading.reader import Reader


_NEGATIVE_GUIDE = 29  # how -3 is stored in five bits


def _date(value: Value) -> Value:
    if isinstance(value, bytes) and len(value) == 4:
        return f"{int.from_bytes(value[:2]):04d}:{value[2]:02d}:{value[3]:02d}"
    return value


def _clock(value: Value) -> Value:
    return (
        ":".join(f"{each:02d}" for each in value[:3])
        if isinstance(value, bytes) and len(value) >= 3
        else value
    )


def _scaled(factor: float, offset: float = 0.0) -> Callable[[Value], Value]:
    return lambda value: value * factor + offset if isinstance(value, int) else value


def _version(value: Value) -> Value:
    """Four bytes, some of them inverted."""
    return ".".join(str(each) for each in value) if isinstance(value, (bytes, list)) else value


def _inverted(value: Value) -> Value:
    """Camera firmware: every bit is inverted."""
    if isinstance(value, bytes) and len(value) == 4:
        first, second, third, fourth = (each ^ 0xFF for each in value)
        return f"{first} {second} {third} {fourth}"
    return value


def _dotted(value: Value) -> str:
    parts = value.split() if isinstance(value, str) else []
    return ".".join([parts[0], *(each.zfill(2) for each in parts[1:])]) if parts else ""


def _lens(value: Value) -> Value:
    return " ".join(map(str, value[:2])) if isinstance(value, (list, bytes)) and len(value) >= 2 else value


def _ae_time(value: Value) -> Value:
    return 24 * 2 ** (-(value - 32) / 8) if isinstance(value, int) else value


def _ae_aperture(value: Value) -> Value:
    return 2 ** ((value - 68) / 16) if isinstance(value, int) else value


def _ae_iso(value: Value) -> Value:
    return 100 * 2 ** ((value - 32) / 8) if isinstance(value, int) else value


def _matrix(value: Value) -> Value:
    """Nine signed words, big-endian as everything here."""
    return (
        list(layout(f">{len(value) // 2}h").unpack(value))
        if isinstance(value, bytes) and not len(value) % 2
        else value
    )


_AE_TIME = Conversion(_ae_time, conv.exposure_text, "s")
_AE_APERTURE = Conversion(_ae_aperture, conv.f_number_text)


def _joined(value: Value) -> Value:
    return " ".join(map(str, value)) if isinstance(value, (list, bytes)) else value


def _temperature(value: Value) -> Value:
    """Kelvin, and two signed shifts of four bits."""
    if not isinstance(value, bytes) or len(value) != 4:
        return value
    shifts = [each - 16 if each >= 8 else each for each in (value[3] & 15, value[3] >> 4)]
    return [53190 - int.from_bytes(value[:2]), *shifts]


def _eighths(value: int) -> float:
    """EV of a number in eighths, where 3 and 5 stand for thirds."""
    sign, size = (-1, -value) if value < 0 else (1, value)
    thirds = {3: 8 / 3 - 3, 5: 16 / 3 - 5}.get(size & 7, 0.0)
    return sign * (size + thirds) / 8


def _least_speed(value: Value) -> Value:
    """A mode, and a time in eighths of EV."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], int):
        return [value[0], 2.0 ** -_eighths(value[1] - 68) if value[1] else 0]
    return value


def _tenths_of_50(value: Value) -> Value:
    """Tenths of EV around 50; of two numbers the first."""
    first = value[0] if isinstance(value, list) and value else value
    return (first - 50) / 10 if isinstance(first, int) else value


def _flash(value: Value) -> Value:
    """EV in 256ths; later bodies write sixths, and something else behind."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], int):
        return [value[0] / 6, value[1]]
    return value / 256 if isinstance(value, int) else value


def _kelvin(value: Value) -> Value:
    """A colour temperature, a number, and two gains in 8,192ths."""
    if not isinstance(value, list) or len(value) != 4:
        return value
    temperature, number, *gains = conv.numbers(value)
    return [int(53190 - temperature), int(number), *(each / 8192 for each in gains)]


def _filter(value: Value) -> Value:
    """What a filter is, and its sixteen signed parameters."""
    if not isinstance(value, bytes) or not value:
        return value
    return [value[0], *(each - 256 if each > 127 else each for each in value[1:])]


def _made_on(value: Value) -> Value:
    """Eight digits; some Optios leave "200" off."""
    text = str(value)
    text = f"200{text}" if len(text) == 5 else text
    return f"{text[:4]}:{text[4:6]}:{text[6:]}" if len(text) == 8 and text.isdigit() else f"Unknown ({value})"


def _guide_number(value: Value) -> Value:
    """In 16ths of EV from 16 on; -3 is stored as 29."""
    if not isinstance(value, int) or not value:
        return value
    return 2 ** ((-3 if value == _NEGATIVE_GUIDE else value) / 16 + 4)


_MATRIX_8192 = Conversion(
    lambda value: (
        [each / 8192 if isinstance(each, int) else each for each in value]
        if isinstance(value, list)
        else value
    )
)
CONVERSIONS: Mapping[str, Conversion] = {
    "Date": Conversion(_date),
    "Time": Conversion(_clock),
    "PentaxVersion": Conversion(_joined, lambda value: value.replace(" ", ".") if isinstance(value, str) else ""),
    "ExposureTime": Conversion(_scaled(1e-5), conv.exposure_text, "s"),
    "FNumber": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.f_number_text),
    "Main.ExposureCompensation": Conversion(_tenths_of_50, lambda value: f"{value:+.1f}" if value else "0", "EV"),
    "EffectiveLV": Conversion(lambda value: value / 1024 if isinstance(value, int) else value, conv.fixed("{:.1f}"), "EV"),
    "Main.FocalLength": Conversion(lambda value: value / 100 if isinstance(value, int) else value, conv.fixed("{:.1f} mm"), "mm"),
    "BlueBalance": Conversion(lambda value: value / 256 if isinstance(value, int) else value),
    "RedBalance": Conversion(lambda value: value / 256 if isinstance(value, int) else value),
    "PreviewImageSize": Conversion(None, conv.joined("x")),
    "ImageSize": Conversion(),
    "CameraTemperature": conv.CELSIUS,
    "LensType": Conversion(_lens),
    "DSPFirmwareVersion": Conversion(_inverted, _dotted),
    "CPUFirmwareVersion": Conversion(_inverted, _dotted),
    "WhiteLevel": Conversion(),
    "Main.FlashExposureComp": Conversion(_flash),
    "ImageAreaOffset": Conversion(),
    "RawImageSize": Conversion(None, conv.joined("x")),
    "SensorSize": Conversion(lambda value: [each / 500 for each in value if isinstance(each, int)] if isinstance(value, list) else value, lambda value: " x ".join(f"{each:.3f}" for each in value) + " mm" if isinstance(value, list) else ""),
    "FrameNumber": Conversion(),
    "Hue": Conversion(),
    "WorldTimeLocation": Conversion(),
    "ColorTemperature": Conversion(lambda value: 53190 - value if isinstance(value, int) else value),
    **dict.fromkeys(
        ("ColorTempDaylight", "ColorTempShade", "ColorTempCloudy", "ColorTempTungsten", "ColorTempFluorescentD", "ColorTempFluorescentN",
         "ColorTempFluorescentW", "ColorTempFlash"), Conversion(_temperature),
    ),
    **dict.fromkeys(("KelvinWB_Daylight", *(f"KelvinWB_{each:02d}" for each in range(1, 17))), Conversion(_kelvin)),
    **{f"FilterInfo.DigitalFilter{each:02d}": Conversion(_filter) for each in range(1, 21)},
    "LensInfoQ.LensInfo": conv.TEXT,
    "SRFocalLength": Conversion(lambda value: (value * 4 if value & 1 else value / 2) if isinstance(value, int) else value, conv.suffixed(" mm"), "mm"),
    "ISOAutoMinSpeed": Conversion(_least_speed),
    "ColorMatrixA": _MATRIX_8192, "ColorMatrixB": _MATRIX_8192,
    **{
        f"{table}.{name}": conversion
        for table in ("AEInfo", "AEInfo2", "AEInfo3")
        for name, conversion in {
            "AEExposureTime": _AE_TIME, "AEMinExposureTime": _AE_TIME, "AEAperture": _AE_APERTURE, "AEMaxAperture": _AE_APERTURE,
            "AEMaxAperture2": _AE_APERTURE, "AEMinAperture": Conversion(_ae_aperture, conv.fixed("f/{:.0f}")), "AE_ISO": Conversion(_ae_iso, conv.fixed("{:.0f}")),
        }.items()
    },
    **dict.fromkeys(
        ("AEMeteringSegments", "FlashMeteringSegments", "SlaveFlashMeteringSegments"),
        Conversion(conv.numbers_of_bytes, lambda value: " ".join(f"{each / 8 - 6:.1f}" if each else "n/a" for each in value if isinstance(each, int)) if isinstance(value, list) else ""),
    ),
    "SensorTemperature": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.suffixed(" C"), "C"),
    "SensorTemperature2": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.suffixed(" C"), "C"),
    "DynamicRangeExpansion": Conversion(conv.numbers_of_bytes),
    "ManufactureDate": Conversion(_made_on),
    "CameraSettings.ISOFloor": Conversion(lambda value: int(100 * 2 ** _eighths(value - 32) + 0.5) if isinstance(value, int) else value),
    "FlashInfo.ExternalFlashGuideNumber": Conversion(_guide_number, lambda value: f"{value:.0f}" if value and isinstance(value, (int, float)) else "n/a"),
    "ProductionCode": Conversion(lambda value: ".".join(map(str, value)) if isinstance(value, list) else value),
    "CAFPointInfo.NumCAFPoints": Conversion(lambda value: (value >> 4) * (value & 15) if isinstance(value, int) else value),
    "CAFPointInfo.CAFGridSize": Conversion(lambda value: [value >> 4, value & 15] if isinstance(value, int) else value, conv.joined("x")),
    "ColorMatrixA2": Conversion(), "ColorMatrixB2": Conversion(),
    "TempInfo.CameraTemperature": conv.CELSIUS,
}  # fmt: skip
VENDOR = Vendor("pentax", "Pentax", CONVERSIONS)


def parse(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "AOC", perhaps a byte order, and a directory; offsets count from the TIFF header."""
    del length
    reader = walk.directories.reader
    order = reader.exact(offset + 4, 2)
    if order in {b"MM", b"II"}:
        reader = reader.view(reader.base, reader.length, big_endian=order == b"MM")
    _directory(walk, ordered(reader, offset + 6), offset + 6)


def new(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "PENTAX" or "SAMSUNG", a byte order, and offsets from the beginning of the note."""
    del length
    reader = walk.directories.reader
    order = reader.exact(offset + 8, 2)
    inner = reader.view(reader.base + offset, reader.length - offset, big_endian=order == b"MM")
    _directory(walk, inner, 10)


def plain(walk: Walk, offset: int, length: int) -> None:
    """A directory without a name (Optio 330 and others)."""
    del length
    reader = ordered(walk.directories.reader, offset)
    notes = Notes(walk, VENDOR, reader)
    notes.directory(offset, notes.table("Pentax::Type2"), {})


def _directory(walk: Walk, reader: Reader, offset: int) -> None:
    notes = Notes(walk, VENDOR, reader)
    notes.directory(offset, notes.table("Pentax::Main"), _INSIDE)
    notes.preview()


def _shutter_count(notes: Notes, entry: ifd.Entry) -> None:
    """Mixed with the date and the inverted time of the same note."""
    date, clock = notes.values.get("Date"), notes.values.get("Time")
    data = notes.bytes_of(entry)
    tag = notes.table("Pentax::Main").get(entry.tag)
    if tag is None or len(data) != 4 or not isinstance(date, bytes) or not isinstance(clock, bytes):
        return
    count = (
        int.from_bytes(data)
        ^ int.from_bytes(date)
        ^ (~int.from_bytes(clock[:4].ljust(4, b"\0")) & 0xFFFFFFFF)
    )
    notes.add(tag, count, entry.offset, 4)


def _ae_info(notes: Notes, entry: ifd.Entry) -> None:
    table = {21: "AEInfo2", 48: "AEInfo3", 64: "AEInfo3"}.get(entry.count, "AEInfo")
    notes.block(notes.bytes_of(entry), Block(f"Pentax::{table}", "int8u"), entry.offset)


def _lens_info(notes: Notes, entry: ifd.Entry) -> None:
    if entry.count == 168:
        return  # of the newest bodies: a layout that nobody knows
    tables = {90: "LensInfo3", 91: "LensInfo4", 80: "LensInfo5", 128: "LensInfo5"}
    table = tables.get(entry.count, "LensInfo2" if entry.count > 36 else "LensInfo")
    notes.block(notes.bytes_of(entry), Block(f"Pentax::{table}", "int8u"), entry.offset)


def _contrast_points(notes: Notes, entry: ifd.Entry) -> None:
    """A grid of points by its width and height, then two bits each: in focus, and selected."""
    data = notes.bytes_of(entry)
    if len(data) < 3:
        return
    block = Block("Pentax::CAFPointInfo", masks={"1.1": 0xFF})
    table = notes.table(block.table)
    tags = {key: tag for key, tag in table.items() if key not in {2, "2.1"}}
    place = binary.Place(notes.document, SECTION, notes.vendor.group)
    binary.parse(
        data,
        binary.Layout("int8u", big_endian=True),
        tags,
        place,
        origin=notes.reader.base + entry.offset,
        masks=block.masks,
    )
    count = (data[1] >> 4) * (data[1] & 15)
    points = data[2 : 2 + (count + 3) // 4]
    for key, mask in ((2, 2), ("2.1", 3)):
        tag = table.get(key)
        if tag is not None and points:
            chosen = [
                str(each + 1)
                for each in range(min(count, 4 * len(points)))
                if points[each // 4] >> (6 - each % 4 * 2) & mask
            ]
            stored: list[Value] = [*points]
            origin = ByteRange(notes.reader.base + entry.offset + 2, len(points))
            text = ",".join(chosen)
            notes.document.add(
                SECTION, Field(tag.name, stored, text, group=notes.vendor.group, origin=origin)
            )


def _areas(notes: Notes, entry: ifd.Entry) -> None:
    """The K-3 III's points of focus, seven words each behind seven others."""
    data = notes.bytes_of(entry)
    found = notes.block(data, Block("Pentax::AFInfoK3III", "int16u"), entry.offset)
    count, tag = found.get("NumAFPoints"), notes.table("Pentax::AFInfoK3III").get("7.1")
    if tag is not None and isinstance(count, int) and count:
        size = min(14 * count, (len(data) - 14) // 2 * 2)
        if size > 0:
            value = binary.read(data, 14, "int16u", size // 2, big_endian=notes.reader.big_endian)
            notes.add(tag, value, entry.offset + 14, size)


_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {
    0x003F: Block("Pentax::LensRec"),
    0x0060: Block("Pentax::FaceInfo"),
    0x0068: Block("Pentax::AWBInfo"),
    0x005D: _shutter_count,
    0x006B: Block("Pentax::TimeInfo", "int8u", {"0.1": 1, "0.2": 2, "0.3": 4}),
    0x007D: Block("Pentax::LensCorr"),
    0x0206: _ae_info,
    0x0207: _lens_info,
    0x0215: Block("Pentax::CameraInfo", "int32u"),
    0x021F: Block("Pentax::AFInfo"),
    0x0238: _contrast_points,
    0x040C: _areas,
    0x0222: Block("Pentax::ColorInfo", "int8s"),
    0x03FF: Block("Pentax::TempInfo"),
}
