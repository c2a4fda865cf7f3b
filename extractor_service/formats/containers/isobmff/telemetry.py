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
    from extractor_service.formats.containers.isobmff.samples import Samples

SECTION = "telemetry"
_MOST_SAMPLE_BYTES = 256 * 1024  # a second of measurements of GoPro's takes 20 KiB
_GPS_SECONDS = 315_964_800 - 18  # from 1970 to 1980, less the leap seconds since
# Packets by their type: names and layout.
_PACKETS: dict[int, tuple[tuple[str, ...], str]] = {
    0: (("AngleAxis",), "<3f"), 1: (("PixelExposureTime", "RollingShutterSkewTime"), "<2i"), 2: (("AngularVelocity",), "<3f"), 3: (("Acceleration",), "<3f"),
    4: (("Position",), "<3f"), 5: (("GPSLatitude", "GPSLongitude", "GPSAltitude"), "<3d"), 7: (("MagneticField",), "<3f"),
}  # fmt: skip
_FULL_PLACE = 6


def parse(reader: Reader, document: Document, kind: str, samples: Samples) -> None:
    """Adds the first and the last sample of a track."""
    source = Reader(reader.source)
    for group, place in (("First", samples.first()), ("Last", samples.last())):
        if place is None or place[1] > _MOST_SAMPLE_BYTES:
            continue
        data = source.some(*place)
        if kind == "gpmd":
            gopro.parse(data, document, place[0], SECTION, group)
        else:
            _camera_motion(data, document, place[0], group)


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
