"""Pentax and Ricoh maker notes. Layout by exiftool.org/TagNames/Pentax.html and exiv2.org/makernote.html."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats import conversions as conv
from extractor_service.formats.makernotes.base import Block, Notes, Vendor, ordered
from extractor_service.formats.tagset import Conversion, plain_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Value
    from extractor_service.formats import ifd
    from extractor_service.formats.exif import Walk
    from extractor_service.formats.reader import Reader


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
    return ".".join(str(each) for each in value) if isinstance(value, bytes | list) else value


def _inverted(value: Value) -> Value:
    """Camera firmware: every bit is inverted."""
    if isinstance(value, bytes) and len(value) == 4:
        first, second, third, fourth = (each ^ 0xFF for each in value)
        return f"{first}.{second:02d}.{third:02d}.{fourth:02d}"
    return value


def _lens(value: Value) -> Value:
    return " ".join(map(str, value[:2])) if isinstance(value, list | bytes) and len(value) >= 2 else value


def _joined(value: Value) -> Value:
    return " ".join(map(str, value)) if isinstance(value, list | bytes) else value


CONVERSIONS: Mapping[str, Conversion] = {
    "Date": Conversion(_date),
    "Time": Conversion(_clock),
    "PentaxVersion": Conversion(_joined, lambda value: value.replace(" ", ".") if isinstance(value, str) else ""),
    "ExposureTime": Conversion(_scaled(1e-5), conv.exposure_text, "s"),
    "FNumber": Conversion(lambda value: value / 10 if isinstance(value, int) else value, conv.f_number_text),
    "Main.ExposureCompensation": Conversion(lambda value: (value - 50) / 10 if isinstance(value, int) else value, lambda value: f"{value:+.1f}" if value else "0", "EV"),
    "EffectiveLV": Conversion(lambda value: value / 1024 if isinstance(value, int) else value, conv.fixed("{:.1f}"), "EV"),
    "Main.FocalLength": Conversion(lambda value: value / 100 if isinstance(value, int) else value, conv.fixed("{:.1f} mm"), "mm"),
    "BlueBalance": Conversion(lambda value: value / 256 if isinstance(value, int) else value),
    "RedBalance": Conversion(lambda value: value / 256 if isinstance(value, int) else value),
    "PreviewImageSize": Conversion(None, conv.joined("x")),
    "ImageSize": Conversion(),
    "CameraTemperature": conv.CELSIUS,
    "LensType": Conversion(_lens),
    "DSPFirmwareVersion": Conversion(_inverted),
    "CPUFirmwareVersion": Conversion(_inverted),
    "WhiteLevel": Conversion(),
    "Main.FlashExposureComp": Conversion(lambda value: value / 256 if isinstance(value, int) else value),
    "ImageAreaOffset": Conversion(),
    "RawImageSize": Conversion(None, conv.joined("x")),
    "SensorSize": Conversion(lambda value: [each / 500 for each in value if isinstance(each, int)] if isinstance(value, list) else value, lambda value: " x ".join(f"{each:.3f}" for each in value) + " mm" if isinstance(value, list) else ""),
    "FrameNumber": Conversion(),
    "Hue": Conversion(),
    "WorldTimeLocation": Conversion(),
    "ColorTemperature": Conversion(None, lambda value: "Auto" if value == 0 else plain_text(value)),
    "LensInfo.LensFStops": Conversion(),
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


def _ae_info(notes: Notes, entry: ifd.Entry) -> None:
    table = {21: "AEInfo2", 48: "AEInfo3", 64: "AEInfo3"}.get(entry.count, "AEInfo")
    notes.block(notes.bytes_of(entry), Block(f"Pentax::{table}", "int8u"), entry.offset)


def _lens_info(notes: Notes, entry: ifd.Entry) -> None:
    tables = {90: "LensInfo3", 91: "LensInfo4", 80: "LensInfo5", 128: "LensInfo5", 168: "LensInfo5"}
    table = tables.get(entry.count, "LensInfo2" if entry.count > 36 else "LensInfo")
    notes.block(notes.bytes_of(entry), Block(f"Pentax::{table}", "int8u"), entry.offset)


_INSIDE: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] = {
    0x003F: Block("Pentax::LensRec"),
    0x005C: Block("Pentax::SRInfo"),
    0x0060: Block("Pentax::FaceInfo"),
    0x0068: Block("Pentax::AWBInfo"),
    0x006B: Block("Pentax::TimeInfo"),
    0x007D: Block("Pentax::LensCorr"),
    0x0206: _ae_info,
    0x0207: _lens_info,
    0x0208: Block("Pentax::FlashInfo"),
    0x0215: Block("Pentax::CameraInfo", "int32u"),
    0x021F: Block("Pentax::AFInfo"),
    0x0222: Block("Pentax::ColorInfo", "int8s"),
    0x022B: Block("Pentax::LevelInfo", "int8s"),
    0x03FF: Block("Pentax::TempInfo"),
}
