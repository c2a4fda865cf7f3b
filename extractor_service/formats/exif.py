"""EXIF: gives TIFF directories their names and meaning. Used by JPEG, PNG and TIFF.

EXIF 2.32 (CIPA DC-008-2019) sections 4.6.4 to 4.6.8; GPS in 4.6.6; TIFF 6.0. Field names are ExifTool's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, ProblemKind, Rational
from extractor_service.formats import icc, ifd, xmp
from extractor_service.formats.exif_text import PRINTERS, convert
from extractor_service.formats.reader import TruncatedError
from extractor_service.formats.tags.exif import EXIF_TAGS, GPS_TAGS, INTEROP_TAGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "exif"
_MAX_DIRECTORIES = 200
_MAX_DEPTH = 8
_MAX_LIST = 64  # longer lists are strip tables and curves: their length says it all
_XMP_TAG, _ICC_TAG, _EXIF_TAG, _GPS_TAG, _INTEROP_TAG, _SUBIFD_TAG = 700, 34675, 34665, 34853, 40965, 330
_MAKER_NOTE_TAG = 37500
_OFFSET_NAMES = frozenset({"ThumbnailOffset", "StripOffsets", "TileOffsets"})
_MAX_PACKET_BYTES = 4 * 1024 * 1024
# tag: (group of the directory that it points to, names in there)
_POINTERS: Mapping[int, tuple[str, Mapping[int, str]]] = {
    _EXIF_TAG: ("ExifIFD", EXIF_TAGS),
    _GPS_TAG: ("GPS", GPS_TAGS),
    _INTEROP_TAG: ("InteropIFD", INTEROP_TAGS),
    _SUBIFD_TAG: ("SubIFD", EXIF_TAGS),
}


class _Task(NamedTuple):
    offset: int
    group: str
    names: Mapping[int, str]
    depth: int


def parse(source: ByteSource, document: Document, *, base: int, length: int) -> None:
    """Adds the fields of the TIFF structure at `base`; trouble becomes Problems of section "exif"."""
    try:
        directories = ifd.Directories(source, base, length)
    except (ifd.NotTiffError, TruncatedError) as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"no TIFF header: {error}", base)
        return
    byte_order = "MM" if directories.reader.big_endian else "II"
    document.add("file", "ExifByteOrder", byte_order, origin=ByteRange(base, 2))
    _Walk(directories, document).run()


class _Walk:
    """One walk over all directories; a directory is visited once, so that cycles end."""

    def __init__(self, directories: ifd.Directories, document: Document) -> None:
        self._directories = directories
        self._document = document
        self._base = directories.reader.base
        self._seen: set[int] = set()
        self._subifds = 0

    def run(self) -> None:
        tasks = [_Task(self._directories.first, "IFD0", EXIF_TAGS, 0)]
        main = 0
        while tasks:
            task = tasks.pop()
            if task.offset == 0:
                continue
            if task.offset in self._seen:
                self._problem(ProblemKind.DAMAGED, f"{task.group} repeats a directory", task.offset)
                continue
            if len(self._seen) >= _MAX_DIRECTORIES or task.depth > _MAX_DEPTH:
                self._problem(ProblemKind.LIMIT, "too many or too deep directories", task.offset)
                return
            self._seen.add(task.offset)
            inner = self._directory(task)
            if task.group.startswith("IFD"):
                main += 1
                following = self._directories.next_directory(task.offset)
                tasks.append(_Task(following, f"IFD{main}", EXIF_TAGS, 0))
            tasks.extend(reversed(inner))

    def _directory(self, task: _Task) -> list[_Task]:
        inner: list[_Task] = []
        try:
            for entry in self._directories.entries(task.offset):
                if entry.tag in _POINTERS and ifd.is_known_type(entry.kind):
                    inner += self._pointers(entry, task)
                else:
                    self._entry(entry, task)
        except TruncatedError as error:
            self._problem(ProblemKind.TRUNCATED, f"{task.group} is cut: {error}", task.offset)
        return inner

    def _pointers(self, entry: ifd.Entry, task: _Task) -> list[_Task]:
        group, names = _POINTERS[entry.tag]
        try:
            value = self._directories.value(entry, 8 * 64)
        except TruncatedError as error:
            self._problem(ProblemKind.TRUNCATED, f"pointer to {group}: {error}", entry.offset)
            return []
        offsets = value if isinstance(value, list) else [value]
        tasks = []
        for offset in offsets:
            if not isinstance(offset, int):
                self._problem(ProblemKind.DAMAGED, f"pointer to {group} isn't a number", entry.offset)
                continue
            label = group
            if group == "SubIFD":
                label = f"SubIFD{self._subifds or ''}"
                self._subifds += 1
            tasks.append(_Task(offset, label, names, task.depth + 1))
        return tasks

    def _entry(self, entry: ifd.Entry, task: _Task) -> None:
        document, origin = self._document, ByteRange(self._base + entry.offset, entry.size_bytes)
        name = task.names.get(entry.tag, f"{task.group}_0x{entry.tag:04x}")
        if not ifd.is_known_type(entry.kind):
            self._problem(
                ProblemKind.DAMAGED, f"{task.group} {name} has unknown type {entry.kind}", entry.offset
            )
            return
        try:
            if entry.tag in {_XMP_TAG, _ICC_TAG} and task.names is EXIF_TAGS:
                if entry.size_bytes <= _MAX_PACKET_BYTES:
                    packet = self._directories.reader.exact(entry.offset, entry.size_bytes)
                    (xmp if entry.tag == _XMP_TAG else icc).parse(packet, document)
                else:
                    self._problem(ProblemKind.LIMIT, f"{name} has {entry.size_bytes} bytes", entry.offset)
                return
            if entry.tag == _MAKER_NOTE_TAG:
                # Their meaning comes with the photograph issue; size and place are known already.
                document.add(
                    SECTION, "MakerNoteLength", entry.size_bytes, unit="By", group=task.group, origin=origin
                )
                return
            self._add(entry, task, name, origin)
        except TruncatedError as error:
            self._problem(ProblemKind.TRUNCATED, f"{task.group} {name}: {error}", entry.offset)

    def _add(self, entry: ifd.Entry, task: _Task, name: str, origin: ByteRange) -> None:
        if entry.values > _MAX_LIST and entry.kind not in {ifd.ASCII, ifd.UNDEFINED, 1}:
            self._document.add(
                SECTION, name, None, text=f"({entry.values} values)", group=task.group, origin=origin
            )
            return
        # One byte more than fits, so that the document itself sees the cut and says so.
        raw = self._directories.value(entry, self._document.limits.max_value_bytes + 1)
        value = convert(task.group, name, raw, big_endian=self._directories.reader.big_endian)
        if name in _OFFSET_NAMES and isinstance(value, int):
            value += self._base  # stored from the start of this structure, meant from the start of the file
        printer = PRINTERS.get(name)
        text, unit = printer(value) if printer else ("", "")
        kept_raw: Value = None if _same(value, raw) else raw
        self._document.add(
            SECTION, name, value, text=text, unit=unit, raw=kept_raw, group=task.group, origin=origin
        )

    def _problem(self, kind: ProblemKind, message: str, offset: int) -> None:
        self._document.problem(SECTION, kind, message, self._base + offset)


def _same(value: Value, raw: Value) -> bool:
    return type(value) is type(raw) and value == raw and not isinstance(raw, Rational)
