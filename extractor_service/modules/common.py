"""The module that answers the first questions: size, time, place, device, title, author, from any format.

Each fact is taken from the first of the listed fields that has a usable value. The order is the precedence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import DateTime, Position, Rational, Struct, ZoneSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Document, Field
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

    # (section, field name, group or None for any)
    Place = tuple[str, str, str | None]

_WIDTH: Sequence[Place] = (
    ("file", "ImageWidth", None), ("png", "ImageWidth", None), ("exif", "ImageWidth", "IFD0"),
    ("exif", "ExifImageWidth", "ExifIFD"), ("quicktime", "ImageWidth", None), ("dicom", "Columns", ""),
    ("fits", "NAXIS1", "HDU 0 (PRIMARY)"),
)  # fmt: skip
_HEIGHT: Sequence[Place] = (
    ("file", "ImageHeight", None), ("png", "ImageHeight", None), ("exif", "ImageHeight", "IFD0"),
    ("exif", "ExifImageHeight", "ExifIFD"), ("quicktime", "ImageHeight", None), ("dicom", "Rows", ""),
    ("fits", "NAXIS2", "HDU 0 (PRIMARY)"),
)  # fmt: skip
_DURATION: Sequence[Place] = (("audio", "Duration", None), ("quicktime", "Duration", None))
_MAKE: Sequence[Place] = (
    ("exif", "Make", "IFD0"),
    ("dicom", "Manufacturer", ""),
    ("fits", "TELESCOP", None),
    ("xmp", "Make", "XMP-tiff"),
)
_MODEL: Sequence[Place] = (
    ("exif", "Model", "IFD0"), ("dicom", "ManufacturerModelName", ""), ("fits", "INSTRUME", None),
    ("xmp", "Model", "XMP-tiff"),
)  # fmt: skip
_TITLE: Sequence[Place] = (
    ("xmp", "Title", "XMP-dc"), ("pdf", "Title", "Info"), ("audio", "Title", None), ("png", "Title", None),
    ("exif", "XPTitle", None), ("exif", "ImageDescription", "IFD0"), ("fits", "OBJECT", None),
    ("dicom", "StudyDescription", ""), ("hdf5", "title", "/"),
)  # fmt: skip
_AUTHOR: Sequence[Place] = (
    ("xmp", "Creator", "XMP-dc"), ("pdf", "Author", "Info"), ("audio", "Artist", None), ("png", "Author", None),
    ("exif", "Artist", "IFD0"), ("exif", "XPAuthor", None), ("fits", "OBSERVER", None), ("hdf5", "author", "/"),
)  # fmt: skip
_SOFTWARE: Sequence[Place] = (
    ("exif", "Software", "IFD0"), ("xmp", "CreatorTool", "XMP-xmp"), ("pdf", "Producer", "Info"), ("png", "Software", None),
    ("dicom", "SoftwareVersions", ""), ("fits", "CREATOR", None),
)  # fmt: skip
# (time, offset, sub-seconds); the zone rules are by format.
_EXIF_TIMES = (
    ("DateTimeOriginal", "OffsetTimeOriginal", "SubSecTimeOriginal"),
    ("CreateDate", "OffsetTimeDigitized", "SubSecTimeDigitized"),
)
_EXIF_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)$")
_OFFSET = re.compile(r"[+-]\d\d:\d\d$|Z$")
_ISO = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:\d\d)?$")
_PDF_TIME = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(Z|[+-]\d\d'?\d\d)?")
_DICOM_DATE, _DICOM_TIME = re.compile(r"\d{8}$"), re.compile(r"(\d\d)(\d\d)(\d\d)?(\.\d+)?$")


class CommonModule:
    """Normalised facts out of the sections that `metadata` found."""

    name = "common"
    version = "1"
    description = "The facts that users ask first, normalised over all formats."
    default_enabled = True
    reads: tuple[str, ...] = ("metadata",)

    def applies(self, context: ModuleContext) -> bool:
        """Only to a recognised format."""
        return context.format is not None

    def options(self, context: ModuleContext) -> str:
        """None."""
        del context
        return ""

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Fills `document.common`; reads nothing."""
        del source, context
        common = document.common
        common.width_pixels = _size(document, _WIDTH)
        common.height_pixels = _size(document, _HEIGHT)
        common.duration_seconds = _number(document, _DURATION)
        common.device_make = _text(document, _MAKE)
        common.device_model = _text(document, _MODEL)
        common.title = _text(document, _TITLE)
        common.author = _text(document, _AUTHOR)
        common.software = _text(document, _SOFTWARE)
        common.page_count = _size(document, (("pdf", "PageCount", None),))
        orientation = _size(document, (("exif", "Orientation", "IFD0"),))
        common.orientation = orientation if orientation is not None and 1 <= orientation <= 8 else None
        common.created_at = _created_at(document)
        common.position = _position(document)


def _size(document: Document, places: Sequence[Place]) -> int | None:
    for place in places:
        field = document.find(*place)
        if field is not None and isinstance(field.value, int) and 0 < field.value < 2**32:
            return field.value
    return None


def _number(document: Document, places: Sequence[Place]) -> float | None:
    for place in places:
        field = document.find(*place)
        if field is not None and isinstance(field.value, int | float) and field.value > 0:
            return float(field.value)
    return None


def _text(document: Document, places: Sequence[Place]) -> str:
    for place in places:
        field = document.find(*place)
        text = "" if field is None else _as_text(field)
        if text:
            return text[:1000]
    return ""


def _as_text(field: Field) -> str:
    value = field.value
    if isinstance(value, Struct):  # a language alternative: the default, else the first
        choices = dict(value.entries)
        value = choices.get("x-default", next(iter(choices.values()), None))
    if isinstance(value, list) and not isinstance(value, Rational):
        return ", ".join(item.strip() for item in value if isinstance(item, str))
    return value.strip().strip("\0") if isinstance(value, str) else ""


def _created_at(document: Document) -> DateTime | None:
    return (
        _exif_time(document)
        or _iso_time(document, (("xmp", "CreateDate", "XMP-xmp"), ("xmp", "DateCreated", "XMP-photoshop")))
        or _utc_time(document, (("quicktime", "CreateDate", None),))
        or _fits_time(document)
        or _pdf_time(document)
        or _dicom_time(document)
    )


def _exif_time(document: Document) -> DateTime | None:
    for time_name, offset_name, fraction_name in _EXIF_TIMES:
        field = document.find("exif", time_name)
        match = _EXIF_TIME.match(field.value.strip()) if field and isinstance(field.value, str) else None
        if match is None or not _is_possible(*match.groups()):
            continue
        year, month, day, hour, minute, second = match.groups()
        iso = f"{year}-{month}-{day}T{hour}:{minute}:{second}"
        fraction = document.find("exif", fraction_name)
        if fraction is not None and isinstance(fraction.value, str) and fraction.value.strip().isdigit():
            iso += f".{fraction.value.strip()}"
        offset = document.find("exif", offset_name)
        zone = offset.value.strip() if offset is not None and isinstance(offset.value, str) else ""
        if _OFFSET.match(zone):
            return DateTime(iso + zone, ZoneSource.OFFSET_TAG, f"exif.{time_name}")
        return DateTime(iso, ZoneSource.UNKNOWN, f"exif.{time_name}")
    return None


def _iso_time(document: Document, places: Sequence[Place]) -> DateTime | None:
    for section, name, group in places:
        field = document.find(section, name, group)
        if field is not None and isinstance(field.value, str) and _ISO.match(field.value):
            has_zone = re.search(r"T.*(Z|[+-]\d\d:\d\d)$", field.value) is not None
            zone = ZoneSource.OFFSET_TAG if has_zone else ZoneSource.UNKNOWN
            return DateTime(field.value, zone, f"{section}.{name}")
    return None


def _utc_time(document: Document, places: Sequence[Place]) -> DateTime | None:
    for section, name, group in places:
        field = document.find(section, name, group)
        match = _EXIF_TIME.match(field.value) if field and isinstance(field.value, str) else None
        if match is not None:
            year, month, day, hour, minute, second = match.groups()
            iso = f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"
            return DateTime(iso, ZoneSource.FORMAT_UTC, f"{section}.{name}")
    return None


def _fits_time(document: Document) -> DateTime | None:
    """DATE-OBS; UTC unless TIMESYS says otherwise (FITS 4.0, 9.2.1)."""
    field = document.find("fits", "DATE-OBS")
    if field is None or not isinstance(field.value, str) or not _ISO.match(field.value):
        return None
    system = document.find("fits", "TIMESYS")
    is_utc = system is None or system.value in {"UTC", "utc"}
    if is_utc and "T" in field.value:
        return DateTime(field.value + "Z", ZoneSource.FORMAT_UTC, "fits.DATE-OBS")
    return DateTime(field.value, ZoneSource.UNKNOWN, "fits.DATE-OBS")


def _pdf_time(document: Document) -> DateTime | None:
    field = document.find("pdf", "CreationDate", "Info")
    match = _PDF_TIME.match(field.value) if field and isinstance(field.value, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    if not _is_possible(year, month or "01", day or "01", hour or "00", minute or "00", second or "00"):
        return None
    iso = f"{year}-{month or '01'}-{day or '01'}"
    if hour is not None:
        iso += f"T{hour}:{minute or '00'}:{second or '00'}"
    if not zone or hour is None:
        return DateTime(iso, ZoneSource.UNKNOWN, "pdf.CreationDate")
    digits = zone.replace("'", "")
    offset = "Z" if digits == "Z" else f"{digits[:3]}:{digits[3:5]}"
    return DateTime(iso + offset, ZoneSource.OFFSET_TAG, "pdf.CreationDate")


def _dicom_time(document: Document) -> DateTime | None:
    for kind in ("Acquisition", "Content", "Study"):
        day = document.find("dicom", f"{kind}Date")
        if day is None or not isinstance(day.value, str) or not _DICOM_DATE.match(day.value):
            continue
        iso = f"{day.value[:4]}-{day.value[4:6]}-{day.value[6:]}"
        time = document.find("dicom", f"{kind}Time")
        match = _DICOM_TIME.match(time.value) if time and isinstance(time.value, str) else None
        if match is not None:
            hour, minute, second, fraction = match.groups()
            iso += f"T{hour}:{minute}:{second or '00'}{fraction or ''}"
        return DateTime(iso, ZoneSource.UNKNOWN, f"dicom.{kind}Date")
    return None


def _is_possible(year: str, month: str, day: str, hour: str, minute: str, second: str) -> bool:
    return (
        int(year) >= 1800
        and 1 <= int(month) <= 12
        and 1 <= int(day) <= 31
        and int(hour) < 24
        and int(minute) < 60
        and int(second) <= 60
    )


def _position(document: Document) -> Position | None:
    latitude = _signed(document, "GPSLatitude", "S")
    longitude = _signed(document, "GPSLongitude", "W")
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    if latitude == longitude == 0:  # what some cameras write without a fix; nobody photographs there
        return None
    altitude = document.find("exif", "GPSAltitude", "GPS")
    below = document.find("exif", "GPSAltitudeRef", "GPS")
    meters = altitude.value if altitude is not None and isinstance(altitude.value, float) else None
    if meters is not None and below is not None and below.value == 1:
        meters = -meters
    return Position(latitude, longitude, meters)


def _signed(document: Document, name: str, negative: str) -> float | None:
    field = document.find("exif", name, "GPS")
    reference = document.find("exif", f"{name}Ref", "GPS")
    if field is None or not isinstance(field.value, float):
        return None
    is_negative = (
        reference is not None
        and isinstance(reference.value, str)
        and reference.value.upper().startswith(negative)
    )
    return -field.value if is_negative else field.value
