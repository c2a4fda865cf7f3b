"""The module that answers the first questions: size, time, place, device, title, author, from any format.

Each fact is taken from the first of the listed fields that has a usable value. The order is the precedence.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeGuard

from extractor_service.document import Position, Rational, Struct
from extractor_service.formats.base import SizeFields
from extractor_service.formats.containers import streams
from extractor_service.modules import media_facts, times
from extractor_service.modules.base import Module, Part
from extractor_service.modules.precedence import Precedence, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extractor_service.document import Document, Field, Value
    from extractor_service.formats.base import Format
    from extractor_service.modules.base import ModuleContext
    from extractor_service.modules.precedence import Place
    from extractor_service.sources.base import ByteSource

_MEDIA: Final = (
    "quicktime",
    "id3",
    "vorbis",
    "ape",
    "asf",
    "matroska",
    "riff",
    "aiff",
    "flash",
    "caf",
    "dsdiff",
    "mpeg",
)


# What Matroska's tags are about, the nearest first: the file itself, a song, an album or a film. Others are about a part.
_ABOUT: Final = ("Info", "Level30", "Matroska")
_LANGUAGES: Final = ("", "-und", "-eng")


def _of_media(name: str) -> tuple[Place, ...]:
    """A field of that name in the sections of films and sound, in order of precedence."""
    return tuple(
        place
        for section in _MEDIA
        for place in (_of_matroska(name) if section == "matroska" else [(section, name, None)])
    )


def _of_matroska(name: str) -> list[Place]:
    return [("matroska", f"{name}{language}", group) for group in _ABOUT for language in _LANGUAGES]


# The picture's size stands in the section "file", or in the format's own (`Format.size_fields`), or in its EXIF.
_FILE: Final = SizeFields("file")
_RAWS: Final = frozenset({"raf", "rw2", "tiff"})  # formats whose own directories may know better
_EXIF: Final = (
    SizeFields("exif", group="IFD0"),
    SizeFields("exif", "ExifImageWidth", "ExifImageHeight", "ExifIFD"),
)
_DURATION: Final = Precedence(
    (
        ("quicktime", "Duration", None),
        ("gif", "Duration", None),
        ("riff", "Duration", None),
    )
)
_MAKE: Final = Precedence(
    (
        ("exif", "Make", "IFD0"),
        ("makernotes", "Make", None),
        ("dicom", "Manufacturer", ""),
        ("fits", "TELESCOP", None),
        ("xmp", "Make", "XMP-tiff"),
        ("quicktime", "Make", None),
        ("h264", "Make", None),
    )
)
_MODEL: Final = Precedence((
    ("exif", "Model", "IFD0"), ("makernotes", "Model", None), ("dicom", "ManufacturerModelName", ""), ("fits", "INSTRUME", None),
    ("xmp", "Model", "XMP-tiff"), ("quicktime", "Model", None), ("h264", "Model", None),
))  # fmt: skip
_TITLE: Final = Precedence((
    ("xmp", "Title", "XMP-dc"), ("pdf", "Title", "Info"), *_of_media("Title"), ("aiff", "Name", None), ("png", "Title", None),
    ("exif", "XPTitle", None), ("iptc", "ObjectName", None), ("exif", "ImageDescription", "IFD0"), ("svg", "Title", None), ("fits", "OBJECT", None),
    ("dicom", "StudyDescription", ""), ("hdf5", "title", "/"), ("flashpix", "Title", "FlashPix"), ("rtf", "Title", None), ("epub", "Title", None), ("html", "Title", None),
    ("mail", "Subject", "Message"), ("text", "Title", None), ("xml", "Title", "XML-document"), ("package", "Name", None), ("torrent", "Name", None), ("iso", "VolumeName", None),
    ("exe", "ProductName", None), ("font", "FontName", None), ("font", "FontName-en-US", None), ("netcdf", "title", "/"), ("zarr", "title", "/"),
    ("jcamp", "TITLE", None), ("well", "WELL", "Well"), ("model", "general.name", "Metadata"), ("model", "GraphName", "Model"), ("avro", "Name", "File"),
))  # fmt: skip
_AUTHOR: Final = Precedence((
    ("xmp", "Creator", "XMP-dc"), ("pdf", "Author", "Info"), *_of_media("Artist"), *_of_media("Author"), ("png", "Author", None),
    ("exif", "Artist", "IFD0"), ("iptc", "By-line", None), ("exif", "XPAuthor", None), ("fits", "OBSERVER", None), ("hdf5", "author", "/"),
    ("flashpix", "Author", "FlashPix"), ("rtf", "Author", None), ("epub", "Creator", None), ("html", "Author", None), ("xmp", "Initial-creator", "XMP-meta"),
    ("mail", "From", "Message"), ("package", "Author", None), ("package", "Maintainer", None), ("exe", "CompanyName", None), ("font", "Designer", None),
    ("hdf5", "creator_name", "/"), ("netcdf", "author", "/"), ("netcdf", "creator_name", "/"), ("hdf5", "institution", "/"), ("netcdf", "institution", "/"),
    ("jcamp", "OWNER", None), ("well", "COMP", "Well"), ("model", "general.author", "Metadata"), ("model", "author", "Metadata"),
    ("parquet", "author", "Metadata"), ("arrow", "author", "Metadata"),
))  # fmt: skip
_SOFTWARE: Final = Precedence((
    ("exif", "Software", "IFD0"), ("xmp", "CreatorTool", "XMP-xmp"), ("pdf", "Producer", "Info"), ("png", "Software", None),
    ("dicom", "SoftwareVersions", ""), ("fits", "CREATOR", None), *_of_media("Software"), ("matroska", "WritingApp", None), *_of_media("Encoder"),
    ("id3", "EncoderSettings", None), ("asf", "EncodingSettings", None), ("asf", "ToolName", None), ("flash", "MetadataCreator", None),
    ("xml", "Application", "XML"), ("flashpix", "Software", "FlashPix"), ("xmp", "Generator", "XMP-meta"), ("rtfdocument", "Generator", None), ("html", "Generator", None),
    ("mail", "XMailer", "Message"), ("mail", "UserAgent", "Message"), ("vcard", "Software", None), ("torrent", "Creator", None),
    ("parquet", "CreatedBy", "File"), ("model", "ProducerName", "Model"), ("matlab", "Platform", "File"), ("netcdf", "source", "/"),
))  # fmt: skip
_FROM_0: Final[Place] = (
    "asf",
    "Track",
    None,
)  # where the first has the number 0 (WM/Track; learn.microsoft.com, "WM/Track")
_ALBUM: Final = Precedence((*_of_media("Album"), ("asf", "AlbumTitle", None), ("riff", "Product", None)))
_TRACK: Final = Precedence(
    place for place in (*_of_media("TrackNumber"), *_of_media("Track"), *_of_matroska("PartNumber"), ("riff", "Part", None)) if place != _FROM_0
)  # fmt: skip
_SONG, _RECORD = (
    Precedence(each for each in _of_matroska("Title") if each[2] == group)
    for group in ("Level30", "Matroska")
)
_ORIENTATION: Final = Precedence((("exif", "Orientation", "IFD0"), ("xmp", "Orientation", "XMP-tiff")))


_PAGES: Final = Precedence((
    ("pdf", "PageCount", None), ("xml", "Pages", "XML"), ("flashpix", "Pages", "FlashPix"), ("rtf", "Pages", None), ("xml", "Slides", "XML"), ("flashpix", "Slides", "FlashPix"),
))  # fmt: skip
_PICTURE: Final = frozenset(
    {"SubfileType", "ImageWidth", "ImageHeight", "ExifImageWidth", "ExifImageHeight", "PreviewImageStart"}
)


class CommonModule(Module):
    """Normalised facts out of the sections that `metadata` found."""

    name = "common"
    version = "7"
    description = "The facts that users ask first, normalised over all formats."
    default_enabled = True
    writes = Part.COMMON
    reads = ("metadata",)

    def applies(self, context: ModuleContext) -> bool:
        """Only to a recognised format."""
        return context.format is not None

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Fills `document.common`; reads nothing."""
        del source
        common, kind = document.common, kind_of(document)
        common.width_pixels, common.height_pixels = image_size(document, context.format)
        common.duration_seconds = _number(document, _DURATION.of(kind))
        common.device_make = _text(document, _MAKE.of(kind))
        common.device_model = _text(document, _MODEL.of(kind))
        common.title = _text(document, _TITLE.of(kind))
        common.author = _text(document, _AUTHOR.of(kind))
        common.software = _text(document, _SOFTWARE.of(kind))
        common.page_count = _pages(document, kind)
        orientation = _size(document, _ORIENTATION.of(kind))
        if common.orientation is None:  # a container's own word goes before EXIF's
            common.orientation = orientation if orientation is not None and 1 <= orientation <= 8 else None
        common.position = _position(document)
        common.created_at = times.at_place(times.created_at(document), common.position)
        common.album = _text(document, _ALBUM.of(kind))
        if not common.album and _text(document, _SONG.of(kind)):
            common.album = _text(document, _RECORD.of(kind))
        common.track_number = _leading_number(_text(document, _TRACK.of(kind)))
        first = document.find(*_FROM_0)
        if common.track_number is None and first is not None and isinstance(first.value, int):
            common.track_number = first.value + 1
        if streams.SECTION in document.sections:
            media_facts.add(document)


def image_size(document: Document, file_format: Format | None) -> tuple[int | None, int | None]:
    """Width and height of the picture itself: in raw files IFD0 is often a thumbnail, and says so."""
    raw = _raw_size(document) if file_format is not None and file_format.name in _RAWS else None
    if raw is not None:
        return raw
    names = document.first_by_name("file")
    wide, high = names.get("ImageWidth"), names.get("ImageHeight")
    if wide is not None and high is not None and _is_side(wide.value) and _is_side(high.value):
        return wide.value, high.value
    own = file_format.size_fields if file_format is not None else None
    places = [each for each in (_FILE, own, *_EXIF) if each is not None]
    width = _size(document, [(each.section, each.width, each.group) for each in places])
    height = _size(document, [(each.section, each.height, each.group) for each in places])
    if wide is not None:
        return width, height
    pictures: dict[str, dict[str, int]] = {}
    for field in document.sections.get("exif", ()):
        if field.name in _PICTURE and _is_whole(field.value):
            pictures.setdefault(field.group, {}).setdefault(field.name, field.value)
    first = pictures.get("IFD0", {})
    is_preview = first.get("SubfileType") == 1 or (
        "ExifImageWidth" in pictures.get("ExifIFD", {}) and "PreviewImageStart" in first
    )
    if not is_preview:
        return width, height
    full = [
        each
        for each in pictures.values()
        if each.get("SubfileType") == 0 and "ImageWidth" in each and "ImageHeight" in each
    ]
    if full:
        largest = max(full, key=lambda each: each["ImageWidth"] * each["ImageHeight"])
        return largest["ImageWidth"], largest["ImageHeight"]
    stated = pictures.get("ExifIFD", {})
    return stated.get("ExifImageWidth", width), stated.get("ExifImageHeight", height)


def _raw_size(document: Document) -> tuple[int, int] | None:
    """Of raw files whose other sizes are a preview's."""
    field = document.find("raf", "RawImageCroppedSize")
    if field is not None and isinstance(field.value, list):
        return _both(field.value)
    if document.find("exif", "SensorRightBorder", "IFD0") is not None:
        edges = [
            document.find("exif", f"Sensor{edge}Border", "IFD0")
            for edge in ("Right", "Left", "Bottom", "Top")
        ]
        places = [each.value for each in edges if each is not None and isinstance(each.value, int)]
        return _both([places[0] - places[1], places[2] - places[3]]) if len(places) == 4 else None
    sizes = [document.find("makernotes", name, "PhaseOne") for name in ("ImageWidth", "ImageHeight")]
    return _both([each.value for each in sizes if each is not None])


def _both(values: Sequence[Value]) -> tuple[int, int] | None:
    width, height = values if len(values) == 2 else (0, 0)
    return (width, height) if _is_whole(width) and _is_whole(height) and min(width, height) > 0 else None


def _is_whole(value: Value) -> TypeGuard[int]:
    """Whether it is a number, and no truth value, which Python takes for one: FITS may say that it is T wide."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_side(value: Value) -> TypeGuard[int]:
    """Whether it can be a picture's width or height."""
    return _is_whole(value) and 0 < value < 2**32


def _size(document: Document, places: Iterable[Place]) -> int | None:
    for place in places:
        field = document.find(*place)
        if field is not None and _is_side(field.value):
            return field.value
    return None


def _pages(document: Document, kind: frozenset[str]) -> int | None:
    """Pages, or slides."""
    count = _size(document, _PAGES.of(kind))
    if count is not None:
        return count
    statistic = document.find("xmp", "Document-statistic", "XMP-meta")
    told = (
        dict(statistic.value.entries).get("Page-count")
        if statistic is not None and isinstance(statistic.value, Struct)
        else None
    )
    return told if _is_whole(told) and told > 0 else None


def _leading_number(text: str) -> int | None:
    """The number that "3/12", "3 of 12" and "03" begin with."""
    found = re.match(r"\s*(\d{1,9})\b", text)
    return int(found[1]) or None if found is not None else None


def _number(document: Document, places: Iterable[Place]) -> float | None:
    for place in places:
        field = document.find(*place)
        value = None if field is None or isinstance(field.value, bool) else field.value
        if isinstance(value, (int, float)) and value > 0:
            return float(value)
    return None


def _text(document: Document, places: Iterable[Place]) -> str:
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
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip().strip("\0") if isinstance(value, str) else ""


def _position(document: Document) -> Position | None:
    latitude = _signed(document, "GPSLatitude", "S")
    longitude = _signed(document, "GPSLongitude", "W")
    if latitude is None or longitude is None:
        found = [document.find("xmp", name, "XMP-exif") for name in ("GPSLatitude", "GPSLongitude")]
        latitude, longitude = (
            each.value if each is not None and isinstance(each.value, float) else None for each in found
        )
    if latitude is None or longitude is None:
        filmed = media_facts.place(document)
        if (
            len(filmed) in {2, 3}
            and abs(filmed[0]) <= 90
            and abs(filmed[1]) <= 180
            and (filmed[0] or filmed[1])
        ):
            return Position(filmed[0], filmed[1], filmed[2] if len(filmed) == 3 else None)
    if latitude is None or longitude is None or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    if latitude == longitude == 0:  # what some cameras write without a fix; nobody photographs there
        return None
    return Position(latitude, longitude, _altitude(document))


def _altitude(document: Document) -> float | None:
    """Metres above the sea; negative below it, which is 1 or, of the ellipsoid, 3 (EXIF 3.0, 4.6.6.1)."""
    for section, group in (("exif", "GPS"), ("xmp", "XMP-exif")):
        stated = document.find(section, "GPSAltitude", group)
        if stated is not None and isinstance(stated.value, (float, int)):
            below = document.find(section, "GPSAltitudeRef", group)
            is_below = below is not None and str(below.value) in {"1", "3"}
            return -abs(float(stated.value)) if is_below else float(stated.value)
    return None


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
