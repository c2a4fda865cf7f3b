"""What cameras measure while they film: the first and the last sample of a track of GoPro's (gpmd) or Google's (camm).

developers.google.com/streetview/publish/camm-spec; github.com/gopro/gpmf-parser. The section "telemetry" has the groups "First" and "Last".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.embedded import gopro
from extractor_service.formats.reading.conversions import date_after
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.isobmff.boxes import Box

SECTION = "telemetry"
_MOST_SAMPLE_BYTES = 256 * 1024  # a second of measurements of GoPro's takes 20 KiB
_GPS_SECONDS = 315_964_800 - 18  # from 1970 to 1980, less the leap seconds since
# Packets by their type: names and layout.
_PACKETS: dict[int, tuple[tuple[str, ...], str]] = {
    0: (("AngleAxis",), "<3f"), 1: (("PixelExposureTime", "RollingShutterSkewTime"), "<2i"), 2: (("AngularVelocity",), "<3f"), 3: (("Acceleration",), "<3f"),
    4: (("Position",), "<3f"), 5: (("GPSLatitude", "GPSLongitude", "GPSAltitude"), "<3d"), 7: (("MagneticField",), "<3f"),
}  # fmt: skip
_FULL_PLACE = 6


def parse(reader: Reader, document: Document, kind: str, sizes: Box, places: Box) -> None:
    """Adds the two samples of a track whose tables of sizes and places are given."""
    source = Reader(reader.source)
    for group, place in (("First", _first(reader, sizes, places)), ("Last", _last(reader, sizes, places))):
        if place is None or place[1] > _MOST_SAMPLE_BYTES:
            continue
        data = source.some(*place)
        if kind == "gpmd":
            gopro.parse(data, document, place[0], SECTION, group)
        else:
            _camera_motion(data, document, place[0], group)


def _first(reader: Reader, sizes: Box, places: Box) -> tuple[int, int] | None:
    size, count = reader.unpack("II", sizes.offset + 4)
    if not count or not reader.u32(places.offset + 4):
        return None
    return _place_of(reader, places, 0), size or reader.u32(sizes.offset + 12)


def _last(reader: Reader, sizes: Box, places: Box) -> tuple[int, int] | None:
    """The only sample of the last chunk, as these tracks have them."""
    size, count = reader.unpack("II", sizes.offset + 4)
    chunks = reader.u32(places.offset + 4)
    if count < 2 or chunks != count:
        return None
    return _place_of(reader, places, chunks - 1), size or reader.u32(sizes.offset + 12 + 4 * (count - 1))


def _place_of(reader: Reader, places: Box, index: int) -> int:
    if places.kind == b"co64":
        return reader.u64(places.offset + 8 + 8 * index)
    return reader.u32(places.offset + 8 + 4 * index)


def _camera_motion(data: bytes, document: Document, at: int, group: str) -> None:
    """One packet: two bytes, its type, its numbers."""
    if len(data) < 4:
        return
    kind = int.from_bytes(data[2:4], "little")
    if kind == _FULL_PLACE and len(data) >= 60:
        seconds, fix, latitude, longitude, altitude = struct.unpack_from("<diddf", data, 4)
        values: list[tuple[str, Value]] = [
            ("GPSDateTime", f"{date_after(1970, seconds + _GPS_SECONDS)}Z"), ("GPSMeasureMode", fix), ("GPSLatitude", latitude), ("GPSLongitude", longitude),
            ("GPSAltitude", altitude),
        ]  # fmt: skip
    else:
        names, form = _PACKETS.get(kind, ((), ""))
        if not names or len(data) < 4 + struct.calcsize(form):
            return
        numbers = struct.unpack_from(form, data, 4)
        values = [(names[0], [*numbers])] if len(names) == 1 else list(zip(names, numbers, strict=True))
    for name, value in values:
        document.add(SECTION, Field(name, value, group=group, origin=ByteRange(at, len(data))))
