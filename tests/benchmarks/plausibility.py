"""Whether planted impossible values are all caught, and no right one of the healthy corpus is dropped."""

from __future__ import annotations

import contextlib
import importlib
from collections import Counter

from extractor_service.document import Document, Field, LimitExceededError
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify_source
from extractor_service.formats.plausibility.apply import apply
from extractor_service.formats.plausibility.checks import CHECKS
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.tagset import MODULES, Tag
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from metaextract_client.oracle.entries import is_healthy, of_exiftool, run_exiftool
from tests.support import corpus
from tests.support.evidence import Evidence

# (kind, fields as (section, name, value, group), the name that is to be caught); two or more of every kind
PLANTED = (
    ("dates", [("exif", "DateTimeOriginal", "2024:02:30 10:00:00", "ExifIFD")], "DateTimeOriginal"),
    ("dates", [("xmp", "CreateDate", "2024-13-01T10:00:00Z", "XMP-xmp")], "CreateDate"),
    ("dates", [("pdf", "CreateDate", "2021-03-13T14:47:15Z", "Info")], "CreateDate"),
    ("dates", [("iptc", "DateCreated", "1492:10:12", "IPTC")], "DateCreated"),
    ("epochs", [("exif", "DateTimeOriginal", "1970:01:01 00:00:00", "ExifIFD")], "DateTimeOriginal"),
    ("epochs", [("xmp", "CreateDate", "1904:01:01 00:00:00", "XMP-xmp")], "CreateDate"),
    ("dates of cameras", [("exif", "DateTimeOriginal", "1985:06:01 10:00:00", "ExifIFD"), ("exif", "FileSource", 3, "ExifIFD")], "DateTimeOriginal"),
    ("dates of cameras", [("exif", "DateTimeOriginal", "1900:06:01 10:00:00", "ExifIFD"), ("exif", "ISO", 100, "ExifIFD"),
                          ("exif", "ExposureTime", 0.01, "ExifIFD")], "DateTimeOriginal"),
    ("the file's own times", [("exif", "CreateDate", "2010:06:01 10:00:00", "ExifIFD"), ("exif", "DateTimeOriginal", "2012:01:01 10:00:00", "ExifIFD")], "CreateDate"),
    ("the file's own times", [("exif", "CreateDate", "1999:01:01 10:00:00", "ExifIFD"), ("exif", "DateTimeOriginal", "2024:01:01 10:00:00", "ExifIFD")], "CreateDate"),
    ("zones", [("exif", "OffsetTimeOriginal", "+25:00", "ExifIFD")], "OffsetTimeOriginal"),
    ("zones", [("exif", "OffsetTime", "summer", "ExifIFD")], "OffsetTime"),
    ("clocks", [("exif", "GPSTimeStamp", "25:00:00", "GPS")], "GPSTimeStamp"),
    ("clocks", [("exif", "GPSTimeStamp", "12:75:00", "GPS")], "GPSTimeStamp"),
    ("positions", [("exif", "GPSLatitude", 91.5, "GPS")], "GPSLatitude"),
    ("positions", [("exif", "GPSLongitude", 200.0, "GPS")], "GPSLongitude"),
    ("positions", [("xmp", "GPSAltitude", 4e6, "XMP-exif")], "GPSAltitude"),
    ("positions", [("exif", "GPSImgDirection", 400.0, "GPS")], "GPSImgDirection"),
    ("lens and sensor", [("exif", "FocalLength", 4294967.0, "ExifIFD")], "FocalLength"),
    ("lens and sensor", [("makernotes", "FocalPlaneXSize", 1146.89, "Canon"), ("makernotes", "FocalPlaneYSize", 692.2, "Canon")], "FocalPlaneXSize"),
    ("lens and sensor", [("makernotes", "FocalPlaneXSize", 50.0, "Canon"), ("makernotes", "FocalPlaneYSize", 2.0, "Canon")], "FocalPlaneXSize"),
    ("lens and sensor", [("makernotes", "MinFocalLength", 200, "Canon"), ("makernotes", "MaxFocalLength", 70, "Canon")], "MinFocalLength"),
    ("lens and sensor", [("exif", "LensInfo", [200.0, 70.0, 2.8, 4.0], "ExifIFD")], "LensInfo"),
    ("exposures", [("exif", "FNumber", 65535.0, "ExifIFD")], "FNumber"),
    ("exposures", [("exif", "ExposureTime", 4294967295.0, "ExifIFD")], "ExposureTime"),
    ("exposures", [("exif", "ISO", 4294967295, "ExifIFD")], "ISO"),
    ("enumerations", [("exif", "Orientation", 90, "IFD0")], "Orientation"),
    ("enumerations", [("exif", "ResolutionUnit", 117, "IFD0")], "ResolutionUnit"),
    ("sizes", [("file", "ImageWidth", 0, "")], "ImageWidth"),
    ("sizes", [("png", "ImageHeight", 0, "PNG")], "ImageHeight"),
    ("durations", [("audio", "Duration", 268435.0, "")], "Duration"),
    ("durations", [("quicktime", "Duration", 4294967.295, "QuickTime")], "Duration"),
)  # fmt: skip
_SIZE_BYTES = 20_000  # of the file that the planted values are in


def is_caught(fields: list[tuple], name: str) -> bool:
    """Whether the value is gone, or a Problem names it."""
    document = Document()
    for section, each, value, group in fields:
        document.add(section, Field(each, value, group=group))
    apply(document, _SIZE_BYTES)
    is_gone = all(document.find(section, each) is None for section, each, *_ in fields if each == name)
    return is_gone or any(problem.message.startswith(f"{name}: ") for problem in document.problems)


def sentinels() -> tuple[int, int]:
    """How many stored values of all tag tables mean "none", and how many of those add no field."""
    planted = caught = 0
    for module in MODULES:
        if module in (
            "xmp",
            "meanings",
            "structures",
        ):  # the one has other rows, the other is about rows of the rest
            continue
        for rows in importlib.import_module(f"extractor_service.formats.tags.{module}").TABLES.values():
            for row in (row for alternatives in rows.values() for row in alternatives):
                tag = Tag(row)
                nones = (
                    ()
                    if tag.nones is None or tag.hidden
                    else tag.nones
                    if isinstance(tag.nones, frozenset)
                    else (tag.nones - 1,)
                )
                for stored in nones:
                    document = Document()
                    fields.add(document, "makernotes", "", tag, stored, None)
                    planted, caught = planted + 1, caught + (not document.sections)
    return planted, caught


def run(name: str) -> Evidence:
    """Planted values by kind; what the checks take out of the healthy corpus."""
    evidence = Evidence(name)
    planted, caught = Counter(kind for kind, *_ in PLANTED), Counter()
    for kind, values, each in PLANTED:
        caught[kind] += is_caught(values, each)
    for kind in dict.fromkeys(check.kind for check in CHECKS):
        evidence.single(kind, "planted", "count", planted[kind], ">= 2")
        evidence.single(kind, "caught", "ratio", caught[kind] / max(1, planted[kind]), "== 1")
    files = corpus.image_files()
    if not files or not corpus.exiftool():
        return evidence
    dropped = told = wrong = healthy = 0
    said = run_exiftool([str(path) for path in files], corpus.exiftool())
    for path, theirs in zip(files, said, strict=True):
        if not is_healthy(theirs.values):
            continue
        healthy += 1
        before, after = _read(path.read_bytes())
        told += len(after.problems) > len(before.problems)
        wanted = Counter((each.family, each.name) for each in of_exiftool(*theirs))
        counts = [
            Counter(
                (section.replace("_", ""), field.name)
                for section, fields in each.sections.items()
                for field in fields
            )
            for each in (before, after)
        ]
        for key, gone in (counts[0] - counts[1]).items():
            dropped += gone
            lost = min(gone, max(0, wanted[key] - counts[1][key]))
            wrong += lost
            if lost:
                print(f"dropped, and ExifTool has it: {path.name} {key[0]}:{key[1]}")
    evidence.single("healthy corpus", "files", "count", healthy)
    evidence.single("healthy corpus", "values dropped", "count", dropped)
    evidence.single("healthy corpus", "of those, values that ExifTool has", "count", wrong, "== 0")
    evidence.single("healthy corpus", "files with a Problem by a check", "count", told)
    evidence.single("the table", "checks", "count", len(CHECKS))
    tags, gone = sentinels()
    evidence.single("sentinels", "planted, one or more a tag", "count", tags, ">= 2")
    evidence.single("sentinels", "caught", "ratio", gone / tags, "== 1")
    return evidence


def _read(data: bytes) -> tuple[Document, Document]:
    """The same file twice: as the reader leaves it, and after the checks."""
    documents = []
    for is_checked in (False, True):
        source, document = BlockCachedSource(BytesSource(data)), Document()
        found = identify_source(source).format
        if found is not None:
            with contextlib.suppress(CorruptFileError, LimitExceededError):
                found.load()(source, document)
        if is_checked:
            apply(document, len(data))
        documents.append(document)
    return documents[0], documents[1]
