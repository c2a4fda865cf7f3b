"""When the content was created, from whatever the format says, with where the time zone came from.

Texts are read by one grammar (`formats/reading/dates.py`). A time without a zone stays without one: nobody may guess.
EXIF's own offset tags come first; without them the offset to the GPS time of the same picture, which is UTC, is the zone.
A date that isn't understood is passed over (`formats/plausibility` has made a Problem of it), and the next one is tried.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

from extractor_service.document import DateTime, ZoneSource
from extractor_service.formats.reading.conversions import zone_text
from extractor_service.formats.reading.dates import EPOCHS, Grasp, Moment, read, zone_of
from extractor_service.modules.places import zones
from extractor_service.modules.precedence import Precedence, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from extractor_service.document import Document, Position
    from extractor_service.modules.precedence import Place

_MAX_FIX_AGE_MINUTES: Final = 5  # below half of the 15-minute steps of zones, so that the step is certain
# (time, offset, sub-seconds); the zone rules are by format.
_EXIF_TIMES: Final = (
    ("DateTimeOriginal", "OffsetTimeOriginal", "SubSecTimeOriginal"),
    ("CreateDate", "OffsetTimeDigitized", "SubSecTimeDigitized"),
)
_XMP_TIMES: Final = Precedence((
    ("xmp", "DateTimeOriginal", "XMP-exif"), ("xmp", "CreateDate", "XMP-xmp"), ("xmp", "DateCreated", "XMP-photoshop"),
    ("xmp", "DateTimeDigitized", "XMP-exif"), ("xmp", "GPSTimeStamp", "XMP-exif"), ("xmp", "GPSDateTime", "XMP-exif"),
))  # fmt: skip
_PNG_TIMES: Final = Precedence((("png", "CreationTime", None), ("png", "CreateDate", None)))

# What a camera says beside the movie header's UTC: its local day and hour, often with the zone.
_FILM_TIMES: Final = Precedence((
    ("quicktime", "CreationDate", None), ("quicktime", "DateTimeOriginal", None), ("quicktime", "ContentCreateDate", None), ("quicktime", "CreationTime", None),
    ("h264", "DateTimeOriginal", None), ("matroska", "DateTimeOriginal", None), ("riff", "DateTimeOriginal", None), ("flash", "CreateDate", None),
))  # fmt: skip
_SOUND_TIMES: Final = Precedence((
    ("riff", "DateCreated", None), ("id3", "RecordingTime", None), ("vorbis", "Date", None), ("id3", "ReleaseTime", None), ("id3", "Year", None), ("ape", "Year", None),
    ("asf", "Year", None), ("riff", "Year", None), ("asf", "CreationDate", None), ("matroska", "Date", None),
))  # fmt: skip

_DOCUMENT_TIMES: Final = Precedence((
    ("xml", "CreateDate", None), ("flashpix", "CreateDate", "FlashPix"), ("xmp", "Creation-date", "XMP-meta"), ("rtf", "CreateDate", None), ("html", "CreateDate", None),
    ("mail", "Date", "Message"), ("mail", "CreateDate", "Message"), ("epub", "Date", None), ("iso", "VolumeCreateDate", None), ("torrent", "CreateDate", None),
    ("netcdf", "date_created", "/"), ("hdf5", "date_created", "/"), ("grib", "FirstReferenceTime", "File"), ("well", "DATE", "Well"), ("jcamp", "LONGDATE", None),
))  # fmt: skip


def created_at(document: Document) -> DateTime | None:
    """When the content came to be: the first usable time of EXIF, XMP, IPTC, PNG, QuickTime, FITS, PDF, DICOM or a document."""
    kind = kind_of(document)
    for section, source in _SOURCES:
        if section and section not in kind:
            continue
        found = _plain_time(document, source.of(kind)) if isinstance(source, Precedence) else source(document)
        for time in found:
            return time
    return None


def at_place(time: DateTime | None, position: Position | None) -> DateTime | None:
    """The same moment in the time of the place where it was recorded, where the format has it in UTC and the place is known."""
    if time is None or position is None or time.zone_source is not ZoneSource.FORMAT_UTC:
        return time
    try:
        utc = dt.datetime.fromisoformat(time.iso)
    except ValueError:  # a leap second
        return time
    minutes = zones.offset_minutes(position.latitude_degrees, position.longitude_degrees, utc)
    if minutes is None:
        return time
    local = utc.astimezone(dt.timezone(dt.timedelta(minutes=minutes)))
    fraction = time.iso.partition(".")[2].rstrip("Z")
    text = local.replace(tzinfo=None, microsecond=0).isoformat() + (f".{fraction}" if fraction else "")
    return DateTime(f"{text}{zone_text(minutes)}", ZoneSource.POSITION, time.field)


def _is_usable(moment: Moment) -> bool:
    """Whether a moment is of use: a day, and not where a clock begins that was never set. The checks say what is wrong."""
    return bool(moment.day) and moment.iso[:19] not in EPOCHS


def _text(document: Document, place: Place) -> str:
    field = document.find(*place)
    return field.value if field is not None and isinstance(field.value, str) else ""


def _exif_time(document: Document) -> Iterator[DateTime]:
    for time_name, offset_name, fraction_name in _EXIF_TIMES:
        moment = read(_text(document, ("exif", time_name, None)))
        if not _is_usable(moment):
            continue
        where = f"exif.{time_name}"
        if not moment.clock:
            yield DateTime(moment.iso, ZoneSource.UNKNOWN, where)
            continue
        digits = _text(document, ("exif", fraction_name, None)).strip("\0 ")
        if digits.isdigit() and "." not in moment.clock and moment.clock.count(":") == 2:
            moment = moment._replace(clock=f"{moment.clock}.{digits}")
        stated = _text(document, ("exif", offset_name, None)).strip("\0 ")
        zone = moment.zone or zone_of(stated)
        if zone:
            yield DateTime(moment._replace(zone=zone).iso, ZoneSource.OFFSET_TAG, where)
            continue
        zone = _gps_zone(document, moment)
        source = ZoneSource.GPS if zone else ZoneSource.UNKNOWN
        yield DateTime(moment._replace(zone=zone).iso, source, where)


def _gps_zone(document: Document, local: Moment) -> str:
    """The offset of a local time from the GPS time of the same picture, which is UTC. It is "" when they don't fit.

    Offsets are multiples of 15 minutes, and a fix is rarely older than half of that.
    """
    day, clock = (
        _text(document, ("exif", "GPSDateStamp", None)),
        _text(document, ("exif", "GPSTimeStamp", None)),
    )
    fix = read(f"{day.strip()} {clock.strip()[:8]}") if day and clock else Moment(Grasp.UNSET)
    if not fix.clock:
        return ""
    try:
        times = [dt.datetime.fromisoformat(f"{each.day}T{each.clock[:8]}") for each in (local, fix)]
    except ValueError:  # a leap second
        return ""
    minutes = (times[0] - times[1]).total_seconds() / 60
    quarters = round(minutes / 15)
    if abs(minutes - quarters * 15) > _MAX_FIX_AGE_MINUTES or not -48 <= quarters <= 56:
        return ""
    return zone_text(quarters * 15)


def _plain_time(document: Document, places: Iterable[Place]) -> Iterator[DateTime]:
    for section, name, group in places:
        moment = read(_text(document, (section, name, group)))
        if _is_usable(moment):
            source = ZoneSource.OFFSET_TAG if moment.zone else ZoneSource.UNKNOWN
            yield DateTime(moment.iso, source, f"{section}.{name}")


def _iptc_time(document: Document) -> Iterator[DateTime]:
    day, clock = (
        _text(document, ("iptc", "DateCreated", None)),
        _text(document, ("iptc", "TimeCreated", None)),
    )
    moment = read(f"{day.strip()} {clock.strip()}")
    if moment.grasp is Grasp.NOT:
        moment = read(day)
    if _is_usable(moment):
        source = ZoneSource.OFFSET_TAG if moment.zone else ZoneSource.UNKNOWN
        yield DateTime(moment.iso, source, "iptc.DateCreated")


def _utc_time(document: Document) -> Iterator[DateTime]:
    moment = read(_text(document, ("quicktime", "CreateDate", None)))
    if _is_usable(moment) and moment.clock:
        yield DateTime(moment._replace(zone="Z").iso, ZoneSource.FORMAT_UTC, "quicktime.CreateDate")


def _fits_time(document: Document) -> Iterator[DateTime]:
    """DATE-OBS; UTC unless TIMESYS says otherwise (FITS 4.0, 9.2.1)."""
    moment = read(_text(document, ("fits", "DATE-OBS", None)))
    if not _is_usable(moment):
        return
    system = document.find("fits", "TIMESYS")
    if moment.clock and not moment.zone and (system is None or system.value in {"UTC", "utc"}):
        yield DateTime(moment._replace(zone="Z").iso, ZoneSource.FORMAT_UTC, "fits.DATE-OBS")
    else:
        yield DateTime(moment.iso, ZoneSource.UNKNOWN, "fits.DATE-OBS")


def _pdf_time(document: Document) -> Iterator[DateTime]:
    text = _text(document, ("pdf", "CreateDate", "Info"))
    moment = read(text)
    if not _is_usable(moment):
        return
    source = ZoneSource.OFFSET_TAG if moment.zone else ZoneSource.UNKNOWN
    yield DateTime(moment.iso, source, "pdf.CreateDate")


def _dicom_time(document: Document) -> Iterator[DateTime]:
    for kind in ("Acquisition", "Content", "Study"):
        day = read(_text(document, ("dicom", f"{kind}Date", None)))
        if not _is_usable(day):
            continue
        digits = _text(document, ("dicom", f"{kind}Time", None)).strip()
        time = read(f"{day.day.replace('-', '')}{digits}") if digits[:4].isdigit() else day
        moment = time if time.clock else day
        yield DateTime(moment.iso, ZoneSource.UNKNOWN, f"dicom.{kind}Date")


# Who is asked first, and the section that it needs, "" where several would do.
_SOURCES: Final[tuple[tuple[str, Precedence | Callable[[Document], Iterator[DateTime]]], ...]] = (
    ("exif", _exif_time), ("", _XMP_TIMES), ("iptc", _iptc_time), ("", _PNG_TIMES), ("", _FILM_TIMES), ("quicktime", _utc_time),
    ("", _SOUND_TIMES), ("fits", _fits_time), ("pdf", _pdf_time), ("", _DOCUMENT_TIMES), ("dicom", _dicom_time),
)  # fmt: skip
