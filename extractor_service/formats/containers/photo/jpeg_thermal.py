"""Segments of thermal cameras: InfiRay's and DJI's tables and pixels. exiftool.org/TagNames/InfiRay.html, DJI.html#ThermalParams.

FLIR's are in `embedded/flir.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Value
    from extractor_service.formats.containers.photo.jpeg_segment import Segment


def _percent(digits: int) -> Callable[[Value], str]:
    return lambda value: f"{value * 100:.{digits}f} %" if isinstance(value, (int, float)) else ""


_PRINTED = {
    **{
        each: Conversion(None, conv.fixed("{:.2f} C"))
        for each in ("EnvironmentTemp", "ReferenceTemp", "DeviceTemp")
    },
    **{each: Conversion(None, _percent(1)) for each in ("Humidity", "FusionIntensity")},
    **{
        each: Conversion(None, conv.fixed("{:.2f}"))
        for each in ("Emissivity", "IRSensorAperture", "IRFocalLength")
    },
    "Distance": Conversion(None, conv.fixed("{:.2f} m")),
}
_DJI_PRINTED = {
    **{
        each: Conversion(None, conv.fixed("{:.1f} C"))
        for each in ("AmbientTemperature", "ReflectedTemperature")
    },
    "ObjectDistance": Conversion(None, conv.fixed("{:.1f} m")),
    "Emissivity": Conversion(None, conv.fixed("{:.2f}")),
    "RelativeHumidity": Conversion(None, _percent(0)),
}


def _infiray(name: str, section: str) -> Table:
    return Table(f"containers/InfiRay::{name}", section, "InfiRay", _PRINTED)


_INFIRAY_VERSION = _infiray("Version", "app2")
# With the least length that each has, which is all that tells them from what others write there.
_INFIRAY = {
    0xE4: (120, _infiray("Factory", "app4")), 0xE5: (38, _infiray("Picture", "app5")), 0xE6: (129, _infiray("MixMode", "app6")),
    0xE7: (32, _infiray("OpMode", "app7")), 0xE8: (32, _infiray("Isothermal", "app8")), 0xE9: (768, _infiray("Sensor", "app9")),
}  # fmt: skip
_THERMAL = (
    (re.compile(rb"\xaa\x55\x12\x06"), 0, Table("others/DJI::ThermalParams", "app4", "DJI")),
    (
        re.compile(rb"(?s).{64}\x2c\x01\x20\0"),
        32,
        Table("others/DJI::ThermalParams2", "app4", "DJI", _DJI_PRINTED),
    ),
    (
        re.compile(rb"(?s).{32}\x2c\x01\x20\0"),
        0,
        Table("others/DJI::ThermalParams2", "app4", "DJI", _DJI_PRINTED),
    ),
    (re.compile(rb"(?s).{32}\xaa\x55\x38\0"), 32, Table("others/DJI::ThermalParams3", "app4", "DJI")),
)


def segment(told: Segment, data: bytes) -> bool:
    """Whether it is one of theirs, which begins with `data`; then its values are added."""
    if told.marker == 0xE2 and data[4:10] == b"IJPEG\0":
        _INFIRAY_VERSION.block(told.document, told.data(), told.at)
    elif told.document.find("app2", "IJPEGVersion") is not None:
        _of_infiray(told)
    elif (make := told.document.find("exif", "Make")) is not None and make.value == "DJI":
        _of_dji(told, data)
    else:
        return False
    return True


def _of_infiray(told: Segment) -> None:
    known = _INFIRAY.get(told.marker)
    if known is not None:
        least_bytes, table = known
        if told.length >= least_bytes:
            table.block(told.document, told.data(), told.at)
    elif told.marker == 0xE3:
        _pixels(told, "ImagingData", "InfiRay")


def _of_dji(told: Segment, data: bytes) -> None:
    if told.marker in {0xE3, 0xE5}:
        _pixels(told, "ThermalData" if told.marker == 0xE3 else "ThermalCalibration", "DJI")
    elif told.marker == 0xE4:
        head = data if len(data) >= 68 else told.reader.some(told.offset, 68)
        for pattern, start, table in _THERMAL:
            if pattern.match(head):
                table.block(told.document, told.data(start), told.at + start)
                return


def _pixels(told: Segment, name: str, group: str) -> None:
    """Bytes of a sensor, which go on in segments of the same marker; told once, with the first."""
    section = f"app{told.marker - 0xE0}"
    if told.document.find(section, name) is None:
        length = sum(size for _, size in told.parts({told.marker}))
        fields.add_binary(told.document, section, group, name, length, None)
