"""Observations on how a file is built: what stands behind its end, what else it is, how a JPEG was compressed, code where text should be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Evidence
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.modules.provenance import ending, jpeg_tables
from extractor_service.modules.provenance.facts import ALERT, NOTE, WARNING, evidence_of

if TYPE_CHECKING:
    from extractor_service.modules.provenance.facts import Facts

_CODE = re.compile(
    r"<\?php|<script\b|eval\s*\(|base64_decode\s*\(|\bpowershell\b.{0,40}-enc|javascript:", re.IGNORECASE
)
_TEXT_SECTIONS = frozenset(
    {"exif", "iptc", "xmp", "png", "file", "gif", "photoshop", "id3", "quicktime", "vorbis", "riff"}
)
_MEDIA = frozenset(
    [
        "jpeg",
        "png",
        "gif",
        "webp",
        "tiff",
        "bmp",
        "heic",
        "avif",
        "jp2",
        "jxl",
        "psd",
        "mp4",
        "mkv",
        "avi",
        "mp3",
        "wav",
        "flac",
        "ogg",
        "ico",
        "svg",
    ]
)
_LEAST_BYTES = 16  # behind a file's end: less is a writer's sloppiness
_MAX_ODD_BYTES = 4096  # that old cameras leave behind
_CLUSTER_BYTES = 4096  # the least that file systems of cards and disks give at once
_HEAD_BYTES = 1024  # in which readers of PDF look for its header


def add(facts: Facts) -> None:
    """All of them."""
    _trailing(facts)
    _polyglot(facts)
    _compression(facts)
    _code(facts)
    _document_actions(facts)
    _motion(facts)


def _trailing(facts: Facts) -> None:
    try:
        rest = ending.rest(facts.source, facts.format_name)
    except CorruptFileError:
        return
    if rest is None or rest.length < _LEAST_BYTES:
        return
    place = Evidence("bytes behind the end", f"{rest.length} bytes", ByteRange(rest.offset, rest.length))
    if rest.is_blank:
        facts.observe("trailing_padding", NOTE, f"{rest.length} blank bytes follow the end of the file.", (place,),
                      "Nothing: blank bytes carry nothing.")  # fmt: skip
    elif rest.is_foreign:
        facts.observe("hidden_file", ALERT, f"Behind the end of the picture stands {rest.kind}, {rest.length} bytes long.", (place,),
                      "A writer that is known to append such a part.")  # fmt: skip
    elif rest.kind:
        facts.observe("appended_part", NOTE, f"Behind the end stands {rest.kind}, {rest.length} bytes long, as some cameras and phones write it.",
                      (place,), "Nothing: the part is what its first bytes say, or isn't that.")  # fmt: skip
    else:
        is_slack = (
            facts.source.size_bytes % _CLUSTER_BYTES == 0
        )  # of a disk, which a card's reader copied with the file
        severity = NOTE if is_slack or rest.length <= _MAX_ODD_BYTES else WARNING
        facts.observe("trailing_data", severity, f"{rest.length} bytes of an unknown kind follow the end of the file.", (place,),
                      "The camera or program that wrote the file, where it is known to append such bytes.")  # fmt: skip


def _polyglot(facts: Facts) -> None:
    """Of pictures, films and sound alone: archives and texts hold whatever they hold."""
    if facts.format_name not in _MEDIA:
        return
    end = ending.zip_end(facts.source)
    if end is not None:
        facts.observe("polyglot", ALERT, "The file is a ZIP archive as well: it ends with an archive's directory.",
                      (Evidence("end of a ZIP directory", "PK\\5\\6", ByteRange(end, 22)),),
                      "An archive's reader that finds no member in it.")  # fmt: skip
    at = facts.source.read_range(0, _HEAD_BYTES).find(b"%PDF-")
    size = facts.source.size_bytes
    if at >= 0 and b"%%EOF" in facts.source.read_range(max(0, size - _HEAD_BYTES), _HEAD_BYTES):
        facts.observe("polyglot", ALERT, "The file is a PDF document as well: it has one's header in its first kilobyte, and one's end in its last.",
                      (Evidence("header of a PDF", "%PDF-", ByteRange(at, 5)),), "A PDF reader that doesn't open it.")  # fmt: skip


def _compression(facts: Facts) -> None:
    if facts.format_name != "jpeg":
        return
    try:
        found = jpeg_tables.tables(facts.source)
    except (CorruptFileError, TruncatedError):
        return
    if found is None or found.quality is None:
        return
    place = Evidence("quantisation tables", f"quality {found.quality}", ByteRange(found.offset, found.length))
    facts.observe("standard_compression", NOTE, f"It was compressed with the standard tables of libjpeg, at quality {found.quality}.", (place,),
                  "A camera model that is known to use those tables itself.")  # fmt: skip


def _code(facts: Facts) -> None:
    for section, fields in facts.document.sections.items():
        if section not in _TEXT_SECTIONS:
            continue
        for field in fields:
            if isinstance(field.value, str) and _CODE.search(field.value):
                facts.observe("code_in_metadata", ALERT, f"The text {field.name} holds program code.", (evidence_of(section, field),),
                              "A text about programming, which quotes code.")  # fmt: skip
                return


def _document_actions(facts: Facts) -> None:
    for name, what in (("LaunchActions", "starts programs"), ("JavaScript", "holds JavaScript")):
        field = facts.document.find("pdf", name) or facts.document.find("pdf", f"Has{name}")
        if field is not None and field.value:
            severity = WARNING if name == "LaunchActions" else NOTE
            facts.observe(
                "active_content",
                severity,
                f"The document {what}.",
                (evidence_of("pdf", field),),
                "A viewer that ignores it.",
            )


def _motion(facts: Facts) -> None:
    for section in ("quicktime", "file", "motion", "xmp", "app1", "trailer"):
        for name in ("MotionPhotoVideo", "EmbeddedVideoFile", "MotionPhoto"):
            field = facts.document.find(section, name)
            if field is not None and field.origin is not None and field.origin.length_bytes > _MAX_ODD_BYTES:
                facts.observe("motion_photo", NOTE, f"A film of {field.origin.length_bytes} bytes stands within the picture.",
                              (evidence_of(section, field),), "Nothing: it is there.")  # fmt: skip
                return
