"""The table of checks: what is looked at, when it can't be, why, and what becomes of it.

Values by which a camera says that there is none (-1, 32767 …) never get here: they stand in the tag tables, by tag
(`reading/tagset.py`, `Tag.is_none`). A check costs nothing where its fields aren't. It says why a value can't be, or nothing. Bounds are set where nothing that
anybody built or lived in reaches; what is merely unusual stays as it is.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.plausibility.around import number
from extractor_service.formats.reading.dates import EPOCHS, Grasp, read, zone_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Field, Value
    from extractor_service.formats.plausibility.around import Around

    # Why the value can't be; "" when it can. Gets the section's name as well.
    Test = Callable[[str, Field, Around], str]


class Verdict(Enum):
    """What becomes of a value that can't be."""

    TELL = "emitted, with a Problem: it is what the file says"
    DROP = "not emitted, with a Problem: whoever takes it for true is misled"


class Check(NamedTuple):
    """One row."""

    kind: str
    sections: frozenset[str]
    names: frozenset[str]
    verdict: Verdict
    test: Test


class Bounds:
    """Of `checks`: beyond them nothing is."""

    altitude_meters = 100_000.0  # space begins there (FAI); balloons and aeroplanes are below half of it
    focal_length_mm = 100_000.0  # the longest lens that anyone sold has 5,200 mm; telescopes stay below 100 m
    f_number = 1024.0  # pinholes are at 500
    exposure_seconds = 7 * 86_400.0  # star trails take a night; solargraphs, of months, carry no ExposureTime
    sensitivity = 10_000_000  # the most that a camera offers is 4,560,000
    sensor_mm = 100.0  # the largest digital backs are 54 mm wide, scanning ones 100
    least_audio_bits_per_second = 100.0  # the slowest speech codec takes 450
    least_film_bits_per_second = 0.1  # a slide a minute takes more
    first_digital_year = 1990  # the first digital cameras that wrote files were sold then


_PHOTO = frozenset({"exif", "makernotes"})
_EXIF, _XMP = frozenset({"exif"}), frozenset({"exif", "xmp"})
_DATED = frozenset(
    {
        "exif",
        "xmp",
        "iptc",
        "png",
        "quicktime",
        "pdf",
        "makernotes",
        "photoshop",
        "xml",
        "flashpix",
        "rtf",
        "iso",
    }
)


def date(section: str, field: Field, around: Around) -> str:
    """There never was such a day or hour, or it is no date; zeros and blanks are none on purpose."""
    del section, around
    text = _text(field.value)
    moment = read(text) if text else None
    return moment.reason if moment is not None and moment.grasp in {Grasp.NOT, Grasp.IN_PART} else ""


def pdf_date(section: str, field: Field, around: Around) -> str:
    """Understood, but not in PDF's form (ISO 32000-1, 7.9.4): other programs read something else, or nothing."""
    del section, around
    text = _text(field.raw if field.raw is not None else field.value).strip()
    is_form = text.startswith("D:") or text[:8].isdigit() or (len(text) <= 4 and text.isdigit())
    return (
        ""
        if not text or is_form or read(text).grasp is Grasp.NOT
        else f"{text[:40]!r} isn't written as PDF wants it"
    )


def epoch(section: str, field: Field, around: Around) -> str:
    """A clock that was never set: the very beginning of some system's time."""
    del section, around
    iso = read(_text(field.value)).iso
    return f"{iso} is where a clock begins that was never set" if iso[:19] in EPOCHS else ""


def before_cameras(section: str, field: Field, around: Around) -> str:
    """A digital camera's picture (EXIF's FileSource, or an exposure) from before there were any."""
    del section
    day = read(_text(field.value)).day
    if not day or int(day[:4]) >= Bounds.first_digital_year:
        return ""
    source = around.number("exif", "FileSource")
    is_digital = source == 3 if source is not None else around.field("exif", "ISO") is not None and around.field("exif", "ExposureTime") is not None  # fmt: skip
    return f"no digital camera took pictures in {day[:4]}" if is_digital else ""


def digitised_first(section: str, field: Field, around: Around) -> str:
    """Digitised more than a day before it was taken."""
    del section
    digitised, taken = read(_text(field.value)).day, read(around.text("exif", "DateTimeOriginal")).day
    if len(digitised) < 10 or len(taken) < 10 or digitised >= taken or int(digitised[:4]) == int(taken[:4]):
        return ""
    return f"digitised on {digitised}, before it was taken on {taken}"


def zone(section: str, field: Field, around: Around) -> str:
    """An offset that no place has, or none at all; blanks are none on purpose."""
    del section, around
    text = _text(field.value).strip("\0 :")
    return f"no place has the zone {text[:20]!r}" if text and not zone_of(text) else ""


def clock(section: str, field: Field, around: Around) -> str:
    """A time that no day has."""
    del section, around
    parts = _text(field.value).strip().split(":")
    if len(parts) < 2 or not parts[0].strip().isdigit():
        return ""
    hour, minute = int(parts[0]), parts[1][:2]
    return (
        ""
        if hour < 24 and minute.isdigit() and int(minute) < 60
        else f"no day has the time {':'.join(parts)[:20]}"
    )


def within(least: float, most: float, unit: str) -> Test:
    """Between two bounds, both possible."""

    def test(section: str, field: Field, around: Around) -> str:
        del section, around
        value = number(field.value)
        return (
            ""
            if value is None or least <= value <= most
            else f"{value:g} {unit} is beyond {least:g} to {most:g}"
        )

    return test


def sensor(section: str, field: Field, around: Around) -> str:
    """A sensor larger than any, or of a shape that none has beside the other side's."""
    value = number(field.value)
    other = around.number(
        section, "FocalPlaneYSize" if field.name == "FocalPlaneXSize" else "FocalPlaneXSize"
    )
    if value is None or not value:
        return ""
    if not 0 < value <= Bounds.sensor_mm:
        return f"{value:g} mm is no sensor's side"
    if other and not 0.25 <= value / other <= 4:
        return f"{value:g} by {other:g} mm is no sensor's shape"
    return ""


def focal_range(section: str, field: Field, around: Around) -> str:
    """The shortest focal length is longer than the longest."""
    shortest, longest = number(field.value), around.number(section, "MaxFocalLength", field.group)
    if shortest is None or not longest or shortest <= longest:
        return ""
    return f"a lens from {shortest:g} to {longest:g} mm"


def lens_info(section: str, field: Field, around: Around) -> str:
    """The same of EXIF's four numbers."""
    del section, around
    values = [number(each) for each in field.value] if isinstance(field.value, list) else []
    if len(values) == 4 and values[0] and values[1] and values[0] > values[1]:
        return f"a lens from {values[0]:g} to {values[1]:g} mm"
    return ""


def one_of(*allowed: int) -> Test:
    """An enumeration's own values."""

    def test(section: str, field: Field, around: Around) -> str:
        del section, around
        value = field.value
        return "" if not isinstance(value, int) or value in allowed else f"{value} isn't one of its values"

    return test


def sized(section: str, field: Field, around: Around) -> str:
    """A picture without an extent."""
    del section, around
    return "a picture of 0 pixels" if field.value == 0 else ""


def duration(section: str, field: Field, around: Around) -> str:
    """Longer than the file's bytes last at the slowest rate of its kind."""
    seconds = number(field.value)
    least = Bounds.least_audio_bits_per_second if section == "audio" else Bounds.least_film_bits_per_second
    if seconds is None or not around.size_bytes or seconds <= around.size_bytes * 8 / least:
        return ""
    return f"{seconds:g} s would be {around.size_bytes * 8 / seconds:.2g} bits a second"


CHECKS: tuple[Check, ...] = (
    Check("dates", _DATED, frozenset({"DateTimeOriginal", "CreateDate", "ModifyDate", "DateTimeDigitized", "DateCreated", "DigitalCreationDate",
                                      "MetadataDate", "GPSDateStamp", "PreviewDateTime", "CreationTime", "CreationDate", "SigningDate", "LastPrinted", "VolumeCreateDate", "VolumeModifyDate"}), Verdict.TELL, date),
    Check("dates", frozenset({"pdf"}), frozenset({"CreateDate", "ModifyDate"}), Verdict.TELL, pdf_date),
    Check("epochs", frozenset({"exif", "xmp", "iptc", "png"}), frozenset({"DateTimeOriginal", "CreateDate", "DateTimeDigitized", "DateCreated"}), Verdict.TELL, epoch),
    Check("dates of cameras", _EXIF, frozenset({"DateTimeOriginal"}), Verdict.TELL, before_cameras),
    Check("the file's own times", _EXIF, frozenset({"CreateDate"}), Verdict.TELL, digitised_first),
    Check("zones", _EXIF, frozenset({"OffsetTime", "OffsetTimeOriginal", "OffsetTimeDigitized"}), Verdict.TELL, zone),
    Check("clocks", _XMP, frozenset({"GPSTimeStamp"}), Verdict.TELL, clock),
    Check("positions", _XMP, frozenset({"GPSLatitude", "GPSDestLatitude"}), Verdict.DROP, within(-90, 90, "degrees")),
    Check("positions", _XMP, frozenset({"GPSLongitude", "GPSDestLongitude"}), Verdict.DROP, within(-180, 180, "degrees")),
    Check("positions", _XMP, frozenset({"GPSAltitude"}), Verdict.DROP, within(-Bounds.altitude_meters, Bounds.altitude_meters, "m")),
    Check("positions", _XMP, frozenset({"GPSImgDirection", "GPSTrack", "GPSDestBearing"}), Verdict.DROP, within(0, 360, "degrees")),
    Check("lens and sensor", _PHOTO, frozenset({"FocalLength"}), Verdict.DROP, within(0, Bounds.focal_length_mm, "mm")),
    Check("lens and sensor", _PHOTO, frozenset({"FocalPlaneXSize", "FocalPlaneYSize"}), Verdict.DROP, sensor),
    Check("lens and sensor", frozenset({"makernotes"}), frozenset({"MinFocalLength"}), Verdict.DROP, focal_range),
    Check("lens and sensor", _EXIF, frozenset({"LensInfo"}), Verdict.DROP, lens_info),
    Check("exposures", _EXIF, frozenset({"FNumber"}), Verdict.DROP, within(0, Bounds.f_number, "as an f-number")),
    Check("exposures", _EXIF, frozenset({"ExposureTime"}), Verdict.DROP, within(0, Bounds.exposure_seconds, "s")),
    Check("exposures", _EXIF, frozenset({"ISO"}), Verdict.DROP, within(0, Bounds.sensitivity, "as a sensitivity")),
    Check("enumerations", _XMP, frozenset({"Orientation"}), Verdict.TELL, one_of(0, 1, 2, 3, 4, 5, 6, 7, 8)),
    Check("enumerations", _EXIF, frozenset({"ResolutionUnit", "FocalPlaneResolutionUnit"}), Verdict.TELL, one_of(0, 1, 2, 3, 4, 5)),
    Check("enumerations", _EXIF, frozenset({"GPSAltitudeRef"}), Verdict.TELL, one_of(0, 1, 2, 3)),
    Check("sizes", frozenset({"file", "png", "gif", "riff", "jpeg2000", "photoshop", "bmp"}), frozenset({"ImageWidth", "ImageHeight"}), Verdict.TELL, sized),
    Check("durations", frozenset({"audio", "quicktime", "riff", "gif"}), frozenset({"Duration"}), Verdict.DROP, duration),
)  # fmt: skip


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
