"""How values of films are meant and printed: dates, places, parts of a set, chapters. ISO 6709; 3GPP TS 26.244, 8."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from extractor_service.formats.reading.conversions import colon_date, duration_text, sided_text
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value

_PLAIN = re.compile(r"([-+]\d{1,2}(?:\.\d*)?)([-+]\d{1,3}(?:\.\d*)?)([-+]\d+(?:\.\d*)?)?")
_MINUTES = re.compile(r"([-+])(\d{2})(\d{2}(?:\.\d*)?)([-+])(\d{3})(\d{2}(?:\.\d*)?)([-+]\d+(?:\.\d*)?)?")
_SECONDS = re.compile(
    r"([-+])(\d{2})(\d{2})(\d{2}(?:\.\d*)?)([-+])(\d{3})(\d{2})(\d{2}(?:\.\d*)?)([-+]\d+(?:\.\d*)?)?"
)
_SHORT_ZONE = re.compile(r"([-+]\d{2})(\d{2})$")
_ROLES = ("shooting", "real", "fictional", "reserved")
_GENRES = Table("sound/ID3::v1", "id3", "ID3v1")


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() else value


def coordinates(value: Value) -> Value:
    """A place of ISO 6709 as latitude, longitude and, where stated, altitude; what isn't one stays."""
    text = value.strip() if isinstance(value, str) else ""
    found = _PLAIN.match(text)
    if found is not None:
        latitude, longitude, altitude = found.groups()
        return [
            _number(latitude),
            _number(longitude),
            *([_number(altitude)] if altitude and float(altitude) else []),
        ]
    found = _MINUTES.match(text) or _SECONDS.match(text)
    if found is None:
        return value
    parts = found.groups()
    half = (len(parts) - 1) // 2
    angles = []
    for start in (0, half):
        angle = sum(float(part) / 60**place for place, part in enumerate(parts[start + 1 : start + half]))
        angles.append(-angle if parts[start] == "-" else angle)
    altitude = parts[-1]
    return [*angles, *([_number(altitude)] if altitude and float(altitude) else [])]


def _place_text(value: Value) -> str:
    if not isinstance(value, list) or not 2 <= len(value) <= 3:
        return ""
    text = f"{sided_text('NS')(value[0])}, {sided_text('EW')(value[1])}"
    if len(value) == 3 and isinstance(value[2], (int, float)):
        side = "Below" if value[2] < 0 else "Above"
        text += f", {abs(value[2]):g} m {side} Sea Level"
    return text


def date(value: Value) -> Value:
    """ISO 8601 with colons, the zone's as well."""
    if not isinstance(value, str):
        return value
    return _SHORT_ZONE.sub(r"\1:\2", colon_date(value))


def part_of(data: bytes) -> Value:
    """A track's or disc's number, and of how many: "3 of 12"; None for none."""
    if len(data) < 4:
        return None
    number, total = struct.unpack_from(">HH", data.ljust(6, b"\0"), 2)
    return f"{number} of {total}" if total else number


def location(data: bytes) -> Value:
    """3GPP's loci: a name, a role, longitude, latitude and altitude in 16.16 bits, a body, notes; None for what isn't one."""
    if data[:2] == b"\xfe\xff":
        end = next((at for at in range(2, len(data) - 1, 2) if data[at : at + 2] == b"\0\0"), -1)
        name, rest = (data[2:end].decode("utf-16-be", "replace"), data[end + 2 :]) if end > 0 else ("", b"")
    else:
        text, _, rest = data.partition(b"\0")
        name = text.decode("utf-8", "replace")
    if len(rest) < 13:
        return None
    role, longitude, latitude, altitude = struct.unpack_from(">Biii", rest)
    shown = f"{name or '(none)'} Role={_ROLES[role] if role < 4 else f'unknown({role})'}"
    shown += f" Lat={latitude / 65536:.5f} Lon={longitude / 65536:.5f} Alt={altitude / 65536:.2f}"
    for label, part in zip(("Body", "Notes"), rest[13:].split(b"\0")[:-1], strict=False):
        if part or label == "Notes":
            shown += f" {label}={part.decode('utf-8', 'replace')}"
    return shown


def chapters(data: bytes) -> list[Value]:
    """Nero's list: each with its beginning in seconds and its title."""
    found: list[Value] = []
    if len(data) < 9:
        return found
    place = 9
    for _ in range(data[8]):
        if place + 9 > len(data):
            break
        start, size = int.from_bytes(data[place : place + 8]) / 1e7, data[place + 8]
        title = data[place + 9 : place + 9 + size].decode("utf-8", "replace")
        found.append(f"{start:.15g} {title}")
        place += 9 + size
    return found


def chapter_text(value: Value) -> str:
    """A chapter's time and title, "[0:01:02.000] title", of one or of all."""
    if isinstance(value, list):
        return ", ".join(chapter_text(each) for each in value)
    start, _, title = str(value).partition(" ")
    try:
        seconds = round(float(start), 3)
    except ValueError:
        return ""
    minutes, rest = divmod(seconds, 60)
    return f"[{int(minutes // 60)}:{int(minutes % 60):02d}:{rest:06.3f}] {title}"


def _genre_text(value: Value) -> str:
    """The name of a genre: iTunes counts ID3's from 1."""
    return _GENRES.tags[127].text(value - 1) if isinstance(value, int) and value > 0 else ""


def _milliseconds(value: Value) -> Value:
    try:
        return float(value) / 1000 if isinstance(value, str) else value
    except ValueError:
        return value


def _spaced(value: Value) -> str:
    """Hexadecimal texts of iTunes without their leading zeros."""
    return re.sub(r" 0+(\w)", r" \1", value).strip() if isinstance(value, str) else ""


GENRE = Conversion(None, _genre_text)
CONVERSIONS: Mapping[str, Conversion] = {
    "ContentCreateDate": Conversion(date), "DateTimeOriginal": Conversion(date), "CreationDate": Conversion(date), "CreationTime": Conversion(date),
    "LocationDate": Conversion(date), "GPSCoordinates": Conversion(coordinates, _place_text), "Genre": GENRE,
    "GoogleTrackDuration": Conversion(_milliseconds, lambda value: duration_text(value) if isinstance(value, float) else "", "s"),
    "iTunSMPB": Conversion(None, _spaced), "VolumeNormalization": Conversion(None, _spaced),
    "FrameReadoutTime": Conversion(lambda value: value * 1e-6 if isinstance(value, (int, float)) else value, None, "s"),
    "ChapterList": Conversion(None, chapter_text),
}  # fmt: skip
