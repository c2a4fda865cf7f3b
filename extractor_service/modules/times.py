"""When the content was created, from whatever the format says, with where the time zone came from.

A time without a zone stays without one: nobody may guess. EXIF's own offset tags come first; without them the offset
to the GPS time of the same picture, which is UTC, is the zone.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from extractor_service.document import DateTime, ZoneSource
from extractor_service.formats.reading.conversions import zone_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Document

_MAX_FIX_AGE_MINUTES = 5  # below half of the 15-minute steps of zones, so that the step is certain
# (time, offset, sub-seconds); the zone rules are by format.
_EXIF_TIMES = (
    ("DateTimeOriginal", "OffsetTimeOriginal", "SubSecTimeOriginal"),
    ("CreateDate", "OffsetTimeDigitized", "SubSecTimeDigitized"),
)
_EXIF_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)$")
_UTC_TIME = re.compile(_EXIF_TIME.pattern.replace("$", r"(?:Z|\+00:00)?$"))
_OFFSET = re.compile(r"[+-]\d\d:\d\d$|Z$")
# ISO 8601, or the same with EXIF's colons, as XMP dates are written here.
_ISO = re.compile(
    r"(\d{4})[:-](\d\d)[:-](\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:\d\d)?)?$"
)
_PDF_TIME = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(Z|[+-]\d\d'?\d\d)?")
_DICOM_DATE, _DICOM_TIME = re.compile(r"\d{8}$"), re.compile(r"(\d\d)(\d\d)(\d\d)?(\.\d+)?$")


def created_at(document: Document) -> DateTime | None:
    """When the content came to be: the first usable time of EXIF, XMP, IPTC, QuickTime, FITS, PDF or DICOM."""
    return (
        _exif_time(document)
        or _iso_time(document, (("xmp", "CreateDate", "XMP-xmp"), ("xmp", "DateCreated", "XMP-photoshop")))
        or _iptc_time(document)
        or _utc_time(document, (("quicktime", "CreateDate", None),))
        or _fits_time(document)
        or _pdf_time(document)
        or _dicom_time(document)
    )


def _exif_time(document: Document) -> DateTime | None:
    for time_name, offset_name, fraction_name in _EXIF_TIMES:
        field = document.find("exif", time_name)
        match = _EXIF_TIME.match(field.value.strip()) if field and isinstance(field.value, str) else None
        if match is None or not is_possible(*match.groups()):
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
        try:
            zone = _gps_zone(document, dt.datetime(*map(int, match.groups())))  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:  # the 30th of February; a leap second is only too much for datetime
            if second != "60":
                continue
            zone = ""
        if zone:
            return DateTime(iso + zone, ZoneSource.GPS, f"exif.{time_name}")
        return DateTime(iso, ZoneSource.UNKNOWN, f"exif.{time_name}")
    return None


def _gps_zone(document: Document, local: dt.datetime) -> str:
    """The offset of a local time from the GPS time of the same picture, which is UTC. It is "" when they don't fit.

    Offsets are multiples of 15 minutes, and a fix is rarely older than half of that.
    """
    day, clock = document.find("exif", "GPSDateStamp"), document.find("exif", "GPSTimeStamp")
    if day is None or clock is None or not isinstance(day.value, str) or not isinstance(clock.value, str):
        return ""
    match = _EXIF_TIME.match(f"{day.value.strip()} {clock.value.strip()[:8]}")
    if match is None or not is_possible(*match.groups()):
        return ""
    try:
        minutes = (local - dt.datetime(*map(int, match.groups()))).total_seconds() / 60  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return ""
    quarters = round(minutes / 15)
    if abs(minutes - quarters * 15) > _MAX_FIX_AGE_MINUTES or not -48 <= quarters <= 56:
        return ""
    return zone_text(quarters * 15)


def _iso_time(document: Document, places: Sequence[tuple[str, str, str | None]]) -> DateTime | None:
    for section, name, group in places:
        field = document.find(section, name, group)
        match = _ISO.match(field.value) if field is not None and isinstance(field.value, str) else None
        if match is None or not _is_possible_iso(match):
            continue
        year, month, day, clock, zone = match.groups()
        iso = f"{year}-{month}-{day}" + (f"T{clock}{zone or ''}" if clock else "")
        return DateTime(iso, ZoneSource.OFFSET_TAG if zone else ZoneSource.UNKNOWN, f"{section}.{name}")
    return None


def _iptc_time(document: Document) -> DateTime | None:
    day, clock = document.find("iptc", "DateCreated"), document.find("iptc", "TimeCreated")
    if day is None or not isinstance(day.value, str):
        return None
    match = _ISO.match(
        day.value + (f" {clock.value}" if clock is not None and isinstance(clock.value, str) else "")
    )
    if match is None or not _is_possible_iso(match):
        return None
    year, month, date, time, zone = match.groups()
    iso = f"{year}-{month}-{date}" + (f"T{time}{zone or ''}" if time else "")
    return DateTime(iso, ZoneSource.OFFSET_TAG if zone else ZoneSource.UNKNOWN, "iptc.DateCreated")


def _utc_time(document: Document, places: Sequence[tuple[str, str, str | None]]) -> DateTime | None:
    for section, name, group in places:
        field = document.find(section, name, group)
        match = _UTC_TIME.match(field.value) if field and isinstance(field.value, str) else None
        if match is not None and is_possible(*match.groups()):
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
    if not is_possible(year, month or "01", day or "01", hour or "00", minute or "00", second or "00"):
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
        if not is_possible(day.value[:4], day.value[4:6], day.value[6:], "0", "0", "0"):
            continue
        iso = f"{day.value[:4]}-{day.value[4:6]}-{day.value[6:]}"
        time = document.find("dicom", f"{kind}Time")
        match = _DICOM_TIME.match(time.value) if time and isinstance(time.value, str) else None
        if match is not None and is_possible("2000", "1", "1", match[1], match[2], match[3] or "0"):
            hour, minute, second, fraction = match.groups()
            iso += f"T{hour}:{minute}:{second or '00'}{fraction or ''}"
        return DateTime(iso, ZoneSource.UNKNOWN, f"dicom.{kind}Date")
    return None


def _is_possible_iso(match: re.Match[str]) -> bool:
    hour, minute, *second = (match[4] or "00:00").split(":")
    return is_possible(match[1], match[2], match[3], hour, minute, second[0][:2] if second else "00")


def is_possible(year: str, month: str, day: str, hour: str, minute: str, second: str) -> bool:
    """Whether such a time can have been (a leap second included)."""
    return (
        int(year) >= 1800
        and 1 <= int(month) <= 12
        and 1 <= int(day) <= 31
        and int(hour) < 24
        and int(minute) < 60
        and int(second) <= 60
    )
