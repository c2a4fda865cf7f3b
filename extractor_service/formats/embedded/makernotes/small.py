"""Makers of few tags: a directory or a block each. exiftool.org/TagNames (Sanyo, Reconyx, JVC, Motorola, DJI, FLIR)."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes.base import Block, Notes
from extractor_service.formats.embedded.makernotes.layout import displaced, ordered
from extractor_service.formats.embedded.makernotes.tables import Vendor
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.tagset import Conversion, Tag, plain_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value
    from extractor_service.formats.embedded.walk import Walk

_PAIR = re.compile(r"\[([\w.]{1,64}):([^\]]*)")


def _reconyx_date(value: Value) -> Value:
    """Six words: second, minute, hour, month, day, year."""
    if isinstance(value, list) and len(value) >= 6:
        second, minute, hour, month, day, year = (each if isinstance(each, int) else 0 for each in value[:6])
        return conv.date_text(year, month, day, hour, minute, second)
    return value


def _stamp(value: Value) -> Value:
    """Seven bytes: second, minute, hour, day, month, and a word for the year."""
    data = bytes(each & 255 for each in value if isinstance(each, int)) if isinstance(value, list) else value
    if isinstance(data, bytes) and len(data) == 7:
        second, minute, hour, day, month, year = struct.unpack("<5BH", data)
        return conv.date_text(year, month, day, hour, minute, second)
    return _reconyx_date(value)


def _plain_date(value: Value) -> Value:
    """Six words from the second to the year."""
    words = [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
    if len(words) != 6:
        return value
    second, minute, hour, day, month, year = words
    return conv.date_text(year, month, day, hour, minute, second)


def _packed_date(value: Value) -> Value:
    """Day, month and years since 1980 in one word; in two, the time as well."""
    words = value if isinstance(value, list) else [value]
    numbers = [each for each in words if isinstance(each, int)]
    if not numbers or len(numbers) != len(words) or not numbers[0]:
        return value
    day = (numbers[0] >> 9) + 1980, numbers[0] >> 5 & 15, numbers[0] & 31
    if len(numbers) == 1:
        return f"{day[0]:04d}:{day[1]:02d}:{day[2]:02d}"
    return conv.date_text(*day, numbers[1] >> 11, numbers[1] >> 5 & 63, (numbers[1] & 31) * 2)


def _version(value: Value) -> Value:
    """Seven bytes: two numbers, a date and a letter; or two words and a letter."""
    if isinstance(value, bytes) and len(value) == 7:
        major, minor, year, month, day, revision = struct.unpack("<BBHBBc", value)
        letter = revision.decode("latin-1")
        return f"{major:02x}.{minor:02x} {year:04x}:{month:02x}:{day:02x} Rev.{letter}"
    words = [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
    return f"{words[0]}.{words[1]}{chr(words[2])}" if len(words) == 3 and words[2] < 256 else value


def _card(value: Value) -> str:
    return (
        "-".join(f"{each:04x}" for each in value if isinstance(each, int)) if isinstance(value, list) else ""
    )


def _long(value: Value) -> Value:
    """Two words as one number."""
    words = [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
    return words[0] * 65536 + words[1] if len(words) == 2 else value


def _bcd_date(value: Value) -> Value:
    """The year in one word, month and day in the other, in decimal digits of four bits."""
    words = [each for each in value if isinstance(each, int)] if isinstance(value, list) else []
    return f"{words[0]:04x}:{words[1] >> 8:02x}:{words[1] & 255:02x}" if len(words) == 2 else value


def _spaced(value: Value) -> str:
    return (
        f"{plain_text(value[0])} of {plain_text(value[1])}"
        if isinstance(value, list) and len(value) == 2
        else ""
    )


CONVERSIONS: Mapping[str, Conversion] = {
    "DateTimeOriginal": Conversion(_stamp),
    "FirmwareVersion": Conversion(_version),
    "UIBFirmwareVersion": Conversion(_version),
    "BluetoothFirmwareVersion": Conversion(_version),
    "WifiFirmwareVersion": Conversion(_version),
    "BLEFirmwareVersion": Conversion(_version),
    "Micro1Version": Conversion(_version),
    "BootLoaderVersion": Conversion(_version),
    "Micro2Version": Conversion(_version),
    "FirmwareDate": Conversion(_bcd_date),
    "BluetoothFirmwareDate": Conversion(_packed_date),
    "WifiFirmwareDate": Conversion(_packed_date),
    "DirectoryCreateDate": Conversion(_packed_date),
    "SDCardID": Conversion(None, _card),
    "Sequence": Conversion(None, _spaced),
    "AmbientTemperatureFahrenheit": Conversion(None, conv.suffixed(" F"), "F"),
    "AmbientTemperature": conv.CELSIUS,
    "HyperFire.BatteryVoltage": Conversion(lambda value: value / 1000 if isinstance(value, int) else value, conv.suffixed(" V"), "V"),
    "UltraFire.BatteryVoltage": Conversion(lambda value: value / 1000 if isinstance(value, int) else value, conv.suffixed(" V"), "V"),
    "HyperFire.FirmwareVersion": Conversion(
        None, lambda value: f"{value[0]}.{value[1]}.{value[2]}" if isinstance(value, list) and len(value) >= 3 else ""),
    "UserLabel": Conversion(),
    "HyperFire.MakerNoteVersion": Conversion(None, lambda value: f"0x{value:04x}" if isinstance(value, int) else ""),
    "HyperFire.FirmwareDate": Conversion(_bcd_date),
    "HyperFire.EventNumber": Conversion(_long),
    "HyperFire2.EventNumber": Conversion(_long),
    "HyperFire2.DateTimeOriginal": Conversion(_plain_date),
    "MicroFire.EventNumber": Conversion(_long),
    "SpeedX": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
    "SpeedY": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
    "SpeedZ": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
    "Pitch": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
    "Yaw": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
    "Roll": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
    "CameraPitch": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
    "CameraYaw": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
    "CameraRoll": Conversion(None, lambda value: f"{value:+.2f}" if isinstance(value, float) else ""),
}  # fmt: skip


def _vendor(group: str) -> Vendor:
    return Vendor("others", group, CONVERSIONS)


def _directory(walk: Walk, offset: int, table: str, group: str) -> None:
    notes = Notes(walk, _vendor(group), ordered(walk.directories.reader, offset))
    notes.directory(offset, notes.table(table), {})


def sanyo(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "SANYO", then a directory."""
    del length
    _directory(walk, offset + 8, "Sanyo::Main", "Sanyo")


def sanyo_plain(walk: Walk, offset: int, length: int) -> None:
    """A directory."""
    del length
    _directory(walk, offset, "Sanyo::Main", "Sanyo")


def motorola(walk: Walk, offset: int, length: int) -> None:
    """The letters MOT and a byte order, then a directory; offsets count from the beginning of the note."""
    reader = walk.directories.reader
    if reader.some(offset, 4) != b"MOT\0":  # older telephones wrote something else
        return
    inner = ordered(reader.view(reader.base + offset, min(length, reader.length - offset)), 8)
    notes = Notes(walk, _vendor("Motorola"), inner)
    notes.directory(8, notes.table("Motorola::Main"), {})


def ge(walk: Walk, offset: int, length: int) -> None:
    """The letters GE or GENIC, 18 bytes in all, then a directory; offsets count from the TIFF header, if nothing was moved."""
    reader = ordered(walk.directories.reader, offset + 18)
    notes = Notes(walk, _vendor("GE"), reader, displaced(reader, offset + 18, length - 18))
    notes.directory(offset + 18, notes.table("GE::Main"), {})


def dji(walk: Walk, offset: int, length: int) -> None:
    """A directory without a name."""
    del length
    _directory(walk, offset, "DJI::Main", "DJI")


def dji_text(walk: Walk, offset: int, length: int) -> None:
    """Names and values in square brackets."""
    notes = Notes(walk, _vendor("DJI"), walk.directories.reader)
    text = notes.reader.some(offset, min(length, 16384)).decode("latin-1")
    tags = notes.table("DJI::Info")
    for name, value in _PAIR.findall(text):
        tag = tags.get(name)
        if tag is not None:
            notes.add(tag, value, offset, length)


def flir(walk: Walk, offset: int, length: int) -> None:
    """A directory without a name."""
    del length
    _directory(walk, offset, "FLIR::Main", "FLIR")


def jvc(walk: Walk, offset: int, length: int) -> None:
    """Notes that begin with "JVC ", then a directory."""
    del length
    _directory(walk, offset + 4, "JVC::Main", "JVC")


def jvc_text(walk: Walk, offset: int, length: int) -> None:
    """Short names, a colon and a value each."""
    notes = Notes(walk, _vendor("JVC"), walk.directories.reader)
    data = notes.reader.some(offset, min(length, 1024)).decode("latin-1")
    tags = notes.table("JVC::Text")
    for name, value in re.findall(r"([A-Z]+):(.{3,4})", data):
        tag = tags.get(name)
        notes.add(tag or Tag((f"JVC_Text_{name}", "string", 1, "", None, "")), value, offset, length)


def reconyx(walk: Walk, offset: int, length: int) -> None:
    """Words at fixed places, told by the first ones."""
    reader = walk.directories.reader
    data = reader.some(offset, min(length, 4096))
    notes = Notes(walk, _vendor("Reconyx"), reader)
    if data[:2] == b"\x01\xf1":
        notes.block(data, Block("Reconyx::HyperFire", "int16u", None, False), offset)
    elif data[:9] == b"RECONYXUF":
        notes.block(data, Block("Reconyx::UltraFire", "int8u", None, False), offset)
    elif data[:9] == b"RECONYXH2":
        notes.block(data, Block("Reconyx::HyperFire2", "int8u", None, False), offset)
    elif data[:9] == b"RECONYXMF":
        notes.block(data, Block("Reconyx::MicroFire", "int8u", None, False), offset)
    elif data[:12] == b"RECONYXHF4K\0":
        notes.block(data, Block("Reconyx::HyperFire4K", "int8u", None, False), offset)
