"""Whether every file of the corpus is named rightly, against three witnesses: ExifTool, `file` and the extension.

Two witnesses that agree are believed. Ours is *right* when it says the same, or the special case of it; *generic* when it
is the general case (zip, ole, text, xml, unknown); *wrong* when it is neither of either.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.formats.identification.identify import (
    content_types,
    identify,
    identify_source,
    named,
    suggestion,
)
from extractor_service.sources.descriptor import BytesSource
from tests.support import corpus
from tests.support.evidence import Evidence
from tests.support.halves import half_of

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN = "application/octet-stream"
GENERIC = frozenset(
    {UNKNOWN, "application/zip", "application/x-ole-storage", "text/plain", "application/xml", ""}
)
# Other names of one type; the first is kept.
_SAME = (
    "audio/wav audio/x-wav audio/vnd.wave", "audio/x-aiff audio/aiff", "audio/ogg audio/opus application/ogg video/ogg",
    "application/gzip application/x-gzip", "application/x-bzip2 application/bzip2", "application/x-xz application/xz",
    "application/x-rar-compressed application/x-rar application/vnd.rar", "application/x-lha application/x-lzh-compressed",
    "image/vnd.adobe.photoshop application/vnd.adobe.photoshop", "text/rtf application/rtf", "image/x-icon image/vnd.microsoft.icon",
    "image/jp2 image/x-jp2", "image/x-j2c image/x-jp2-codestream image/j2c", "application/x-hdf5 application/x-hdf",
    "audio/aac audio/x-hx-aac-adts audio/x-aac", "audio/ac3 audio/vnd.dolby.dd-raw", "audio/x-monkeys-audio audio/x-ape",
    "application/x-elf application/x-executable application/x-sharedlib application/x-pie-executable application/x-object",
    "font/ttf application/x-font-ttf application/font-ttf font/sfnt", "font/otf application/x-font-otf application/font-otf application/vnd.ms-opentype",
    "audio/mp4 audio/x-m4a audio/mp4a-latm", "application/vnd.visio application/x-visio", "application/xml text/xml", "application/rdf+xml text/rdf",
    "application/x-mach-binary application/x-mach-o-executable", "application/x-iso9660-image application/iso9660", "text/html application/xhtml+xml",
    "application/x-netcdf application/netcdf", "application/java-archive application/x-java-archive", "application/mbox text/x-mail",
    "font/woff application/font-woff", "application/encrypted application/x-encrypted", "image/x-raw image/x-panasonic-rw2", "image/x-os2-graphics image/x-os2-ico",
    "application/x-empty inode/x-empty", "image/svg+xml image/svg", "audio/midi audio/x-midi", "video/x-msvideo video/avi", "application/x-dbf application/x-dbase",
)  # fmt: skip
_CANONICAL = {name: group.split()[0] for group in _SAME for name in group.split()}
# The special case of: (beginning of the special, the general)
_GENERAL = (
    ("image/x-nikon", "image/tiff"), ("image/x-sony", "image/tiff"), ("image/x-pentax", "image/tiff"), ("image/x-adobe-dng", "image/tiff"),
    ("image/x-canon-cr2", "image/tiff"), ("image/x-tiff-big", "image/tiff"), ("image/x-raw", "image/tiff"), ("image/x-samsung", "image/tiff"),
    ("application/vnd.openxml", "application/zip"), ("application/vnd.ms-excel.sheet", "application/zip"), ("application/vnd.oasis", "application/zip"),
    ("application/vnd.ms-excel.sheet.macroenabled", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("application/vnd.openxml", "application/encrypted"), ("application/encrypted", "application/x-ole-storage"), ("application/epub", "application/zip"), ("application/java", "application/zip"),
    ("application/msword", "application/x-ole-storage"), ("application/vnd.ms-", "application/x-ole-storage"), ("application/vnd.ms-outlook", "image/vnd.fpx"),
    ("application/x-mspublisher", "application/vnd.ms-office"), ("application/x-mspublisher", "image/vnd.fpx"), ("application/vnd.visio", "application/x-ole-storage"),
    ("audio/x-ms-wma", "video/x-ms-asf"), ("video/x-ms-wmv", "video/x-ms-asf"), ("audio/x-matroska", "video/x-matroska"), ("video/webm", "video/x-matroska"),
    ("text/", "text/plain"), ("message/", "text/plain"), ("application/mbox", "text/plain"), ("application/warc", "text/plain"), ("application/json", "text/plain"),
    ("application/rdf+xml", "application/xml"), ("application/rdf+xml", "text/plain"), ("image/svg+xml", "application/xml"),
    ("application/vnd.ms-excel.sheet.4", "application/vnd.ms-excel"), ("font/collection", "font/ttf"), ("audio/mp4", "video/mp4"), ("video/x-m4v", "video/mp4"),
    ("video/quicktime", "video/mp4"), ("application/x-matlab-data", "application/x-hdf5"), ("application/x-netcdf", "application/x-hdf5"), ("image/heic", "image/heif"),
)  # fmt: skip


def canonical(mime_type: str) -> str:
    """One name for each type."""
    lower = mime_type.split(";", maxsplit=1)[0].split(",", maxsplit=1)[0].strip().lower()
    return _CANONICAL.get(lower, lower)


def is_special(special: str, general: str) -> bool:
    """Whether `special` is a case of `general`."""
    return general in {UNKNOWN, ""} or any(
        special.startswith(begin) and general == kind for begin, kind in _GENERAL
    )


def verdict(ours: str, witnesses: list[str]) -> str:
    """ "right", "generic", "wrong", or "" where no two witnesses agree on anything."""
    known = [each for each in witnesses if each not in {UNKNOWN, ""}]
    agreed = next((each for each, count in Counter(known).items() if count >= 2), "")
    contradicted = [
        each for each in known if each != ours and not is_special(ours, each) and not is_special(each, ours)
    ]
    if ours not in GENERIC and len(contradicted) >= 2 and ours not in known and agreed:
        return "wrong"
    if not agreed:
        return ""
    if ours == agreed or is_special(ours, agreed):
        return "right"
    if ours in GENERIC or is_special(agreed, ours):
        return "generic"
    return "right" if ours in known else "wrong"


def witnesses_of(files: list[Path], folder: Path) -> dict[Path, list[str]]:
    """What the three say of each file."""
    told: dict[str, str] = {}
    for line in (folder / "exiftool.jsonl").read_bytes().splitlines():
        each = json.loads(line.decode("utf-8", "replace"))
        told[each["SourceFile"]] = each.get("File:MIMEType", "")
    says = dict.fromkeys(files, "")
    if shutil.which("file"):
        command = ["file", "-b", "--mime-type", "--", *map(str, files)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
        says = dict(zip(files, lines, strict=True))
    result = {}
    for path in files:
        by_name = suggestion(path.name)
        result[path] = [
            canonical(told.get(str(path.relative_to(folder)), "")),
            canonical(says[path]),
            canonical(by_name.mime_type) if by_name else "",
        ]
    return result


def run(name: str) -> Evidence:
    """Scores over the corpus and its damaged files, by halves; types by content; CPU time a file."""
    evidence = Evidence(name)
    evidence.single("all types", "types told by content", "count", len(content_types()), ">= 420")
    folder = corpus.corpus()
    if folder is None:
        return evidence
    files = sorted(path for path in folder.glob("*/*") if path.is_file() and path.parent.name != "_truth")
    witnesses = witnesses_of(files, folder)
    scores: dict[str, Counter[str]] = {}
    heads = []
    for path in files:
        data = path.read_bytes()
        heads.append((data[: 16 * 1024], len(data)))
        source = _Counting(data)
        identity = named(identify_source(source), path.name)
        kind = "damaged" if path.parent.name == "_damaged" else half_of(data)
        score = scores.setdefault(kind, Counter())
        ours = canonical(identity.type.mime_type)
        found = verdict(ours, witnesses[path])
        score[found or "unjudged"] += 1
        score["files"] += 1
        score["most read"] = max(score["most read"], source.bytes_read)
        score["unknown"] += ours in GENERIC
        if found in {"wrong", "generic"}:
            print(f"{found}: {path.parent.name}/{path.name}: {ours}; witnesses {witnesses[path]}")
    for kind, score in sorted(scores.items()):
        judged = score["right"] + score["generic"] + score["wrong"]
        evidence.single(kind, "files", "count", score["files"])
        evidence.single(kind, "files of which two witnesses agree", "count", judged)
        evidence.single(kind, "right of those", "ratio", score["right"] / max(judged, 1), ">= 0.99")
        evidence.single(kind, "wrong", "count", score["wrong"], "== 0")
        evidence.single(kind, "generic of those", "ratio", score["generic"] / max(judged, 1), "<= 0.03")
        evidence.single(kind, "generic or unknown, of all files", "ratio", score["unknown"] / score["files"])
        evidence.single(kind, "bytes read of a file, most", "KiB", score["most read"] / 1024)
    for head, size in heads:
        identify(head, size)
    started = time.process_time()
    for head, size in heads:
        identify(head, size)
    evidence.single(
        "all files",
        "CPU a file, by the head",
        "ms",
        (time.process_time() - started) * 1e3 / len(heads),
        "< 0.1",
    )
    return evidence


class _Counting:
    """Counts what is read."""

    def __init__(self, data: bytes) -> None:
        self._source = BytesSource(data)
        self.size_bytes = len(data)
        self.bytes_read = 0

    def read_range(self, offset: int, length: int) -> bytes:
        data = self._source.read_range(offset, length)
        self.bytes_read += len(data)
        return data
