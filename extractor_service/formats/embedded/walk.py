"""Walks TIFF directories and gives their entries names and meaning.

What a block inside them may be (XMP, ICC, maker notes …) is a table that is handed in, so that this imports none of it.

EXIF 2.32 (CIPA DC-008-2019) sections 4.6.4 to 4.6.8; GPS in 4.6.6; TIFF 6.0; DNG 1.7. Field names are ExifTool's.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind, Rational
from extractor_service.formats.embedded import raw_names
from extractor_service.formats.embedded.announcing import Announcer
from extractor_service.formats.embedded.exif_values import CHARSET_TEXTS, CONVERSIONS, commented, copyright_of
from extractor_service.formats.reading import fields, ifd
from extractor_service.formats.reading.reader import TruncatedError
from extractor_service.formats.reading.tagset import Tag, build, raw_table
from extractor_service.sources.base import is_distant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from extractor_service.document import Document, Value

SECTION: Final = "exif"

EXIF_TAGS: Final = build(raw_table("exif", "Exif::Main"), CONVERSIONS)
GPS_TAGS: Final = build(raw_table("exif", "GPS::Main"), CONVERSIONS)
for _tag in EXIF_TAGS.values():
    _tag.group = ""  # a field's group is the directory that it was found in
# tag: (group of the directory that it points to, tags in there)
_POINTERS: Final = {
    34665: "ExifIFD",
    34853: "GPS",
    40965: "InteropIFD",
    330: "SubIFD",
    400: "GlobParamIFD",
    50933: "ProfileIFD",
}
_OFFSETS: Final = frozenset({273, 324, 513, 288})
_LISTS_OF_PARTS: Final = frozenset({273, 279, 324, 325})
_IMAGES: Final = {"ThumbnailOffset": ("ThumbnailLength", "ThumbnailImage"), "PreviewImageStart": ("PreviewImageLength", "PreviewImage"),
           "JpgFromRawStart": ("JpgFromRawLength", "JpgFromRaw"), "OtherImageStart": ("OtherImageLength", "OtherImage"),
           "PreviewJXLStart": ("PreviewJXLLength", "PreviewJXL")}  # fmt: skip
_SIZES: Final = ifd.SIZES
_SINGLES: Final = ifd.SINGLES
_COPYRIGHT: Final = 33432
_COLOR_MAP: Final = 320  # TIFF 6.0 section 5


class Limits:
    """Of `Walk`."""

    # Pages and pictures of one file, against chains that a damaged file makes up.
    max_directories: ClassVar[int] = 200
    # Pointers in pointers: Interop is the second, SubIFDs may nest; then a Problem.
    max_depth: ClassVar[int] = 8
    max_list: ClassVar[int] = 2048  # longer lists are strip tables and curves: their length says it all
    # Of one XMP, IPTC or Photoshop tag: a quarter of what a document may spend.
    max_packet_bytes: ClassVar[int] = 4 * 1024 * 1024
    pointer_bytes: ClassVar[int] = 64  # what following a pointer costs at least
    # Characters of offsets and lengths of strips; more are described by their length.
    max_printed_parts: ClassVar[int] = 32


# Looked at for every entry: a class's attribute costs Python 3.11 five times as much as a module's.
_MAX_LIST: Final = Limits.max_list


@lru_cache(maxsize=1024)
def _unknown(prefix: str, tag: int) -> Tag:
    """A tag that nobody has named, by its number."""
    return raw_names.named(f"{prefix}_0x{tag:04x}")


class Embedded:
    """Readers of what stands inside the values of tags, handed in by `exif`.

    Attributes:
        structures: tags that lead to directories or blocks: one look for what most tags aren't.
    """

    def __init__(
        self,
        by_tag: Mapping[int, Callable[[Walk, ifd.Entry, str], bool]],
        maker_note: Callable[[Walk, int, int], None],
        geo_keys: Callable[[Mapping[int, Value], Document], None],
        tags: Mapping[str, Mapping[int | str, Tag]] | None = None,
    ) -> None:
        """`by_tag`: gets the entry and its directory's group; True when there is nothing more to say about the tag.

        `maker_note` gets offset and length, in bytes, of the file's maker note; `geo_keys` the values of the GeoTIFF tags; `tags`
        are, by group, those of a directory that aren't EXIF's.
        """
        self.by_tag = by_tag
        self.maker_note = maker_note
        self.geo_keys = geo_keys
        self.tags = tags or {}
        self.structures = frozenset(_POINTERS) | frozenset(by_tag)


class _Task(NamedTuple):
    offset: int
    group: str
    depth: int


class Walk:
    """One walk over all directories; a directory is visited once, so that cycles end.

    Attributes:
        kind: the raw format, or "".
        make, model: the camera's, for what depends on it.
        has_other_order: whether the maker note was found in another byte order, which is said once.
        blocks: tag, offset and size of the embedded structures that have been read.
    """

    def __init__(
        self,
        directories: ifd.Directories,
        document: Document,
        embedded: Embedded,
        kind: str = "",
        section: str = SECTION,
    ) -> None:
        self.embedded = embedded
        self.directories = directories
        self.document = document
        self.kind = kind
        self.section = section
        self.make = self.model = self.software = ""
        self.maker_note: tuple[int, int] | None = None
        self.has_other_order = False
        self.base = directories.reader.base
        self.blocks: set[tuple[int, int, int]] = set()
        self._seen: dict[int, str] = {}
        is_far = is_distant(directories.reader.source)
        self._announcer = Announcer(directories.reader, _POINTERS) if is_far else None
        self._geo: dict[int, Value] = {}

    def run(self) -> None:
        """Every directory from the first on, depth first; then what depends on all of them."""
        self.follow(self.directories.first, "IFD0")
        if self.maker_note is not None:
            self.embedded.maker_note(self, *self.maker_note)
        if _GEO_DIRECTORY in self._geo:
            self.embedded.geo_keys(self._geo, self.document)

    def follow(self, first: int, group: str) -> None:
        """The chain of directories that begins at `first`, with all that they point to."""
        tasks = [_Task(first, group, 0)]
        main = 0
        while tasks:
            task = tasks.pop()
            if task.offset == 0:
                continue
            if task.offset in self._seen:
                # Two pointers to one EXIF directory lose nothing; a cycle ends the chain.
                if task.group.startswith("IFD") or self._seen[task.offset] != task.group:
                    before = self._seen[task.offset]
                    message = (
                        f"{task.group} repeats a directory"
                        if before.startswith(task.group[:3])
                        else f"{task.group} is at the place of {before}"
                    )
                    self._problem(ProblemKind.DAMAGED, message, task.offset)
                continue
            if task.group == "InteropIFD" and any(each[:2] == (task.offset, "GPS") for each in tasks):
                self._problem(ProblemKind.DAMAGED, "InteropIFD is at the place of GPS", task.offset)
                continue
            if len(self._seen) >= Limits.max_directories or task.depth > Limits.max_depth:
                self._problem(ProblemKind.LIMIT, "too many or too deep directories", task.offset)
                return
            self._seen[task.offset] = task.group
            is_in_chain = task.group.startswith("IFD")
            if self._announcer is not None and is_in_chain:
                self._announcer.directory(task.offset)
            try:
                directory = self.directories.read(task.offset, most_unknown=ifd.MAX_UNKNOWN)
            except TruncatedError as error:
                self._problem(ProblemKind.TRUNCATED, f"{task.group} is cut: {error}", task.offset)
                continue
            if self._announcer is not None:
                self._announcer.values(task.offset, directory, is_in_chain=is_in_chain)
            inner = self._directory(task, directory)
            if directory.is_cut:
                self._problem(ProblemKind.TRUNCATED, f"{task.group} is cut", task.offset)
            if task.group.startswith("IFD") and directory.next_offset:
                main += 1
                tasks.append(_Task(directory.next_offset, f"IFD{main}", 0))
            tasks.extend(reversed(inner))

    def _directory(self, task: _Task, directory: ifd.Directory) -> list[_Task]:
        group = task.group
        is_gps = group == "GPS"
        tags = self.embedded.tags.get(group) or (GPS_TAGS if is_gps else EXIF_TAGS)
        if group == "IFD0" and self.kind == "tiff":
            self.kind = raw_names.kind_of(self.directories, directory.entries)
        renamed = raw_names.renamed(self.directories, self.kind, group, directory.entries)
        structures = self.embedded.structures
        inner: list[_Task] = []
        images: dict[str, int] = {}
        document, section, base = self.document, self.section, self.base
        big_endian = self.directories.reader.big_endian
        for entry in directory.entries:
            tag, kind = entry[0], entry[1]
            if kind not in _SIZES:
                continue
            if tag in structures and not is_gps and self._structure(entry, task, inner):
                continue
            spec = renamed.get(tag) if renamed else None
            if spec is None:
                spec = tags.get(tag) or _unknown("GPS" if is_gps else "Exif", tag)
            if (
                entry[2] == 1
                and kind in _SINGLES
                and entry[5]
                and not spec.hidden
                and tag not in _SPECIAL
                and spec.name not in _IMAGE_PLACES
            ):
                # The shortest way for what most entries are: one small number in the entry itself.
                stored = _SINGLES[kind][big_endian](entry[5])[0]
                origin = tuple.__new__(ByteRange, (base + entry[3], entry[4]))
                fields.add(document, section, group, spec, stored, origin)
            else:
                self._entry(entry, group, spec, images)
        if directory.unknown:
            more = directory.unknown > ifd.MAX_UNKNOWN
            told = f"{group} ends after {ifd.MAX_UNKNOWN}" if more else f"{group} has {directory.unknown}"
            self._problem(ProblemKind.DAMAGED, f"{told} entries of unknown types", task.offset)
        for start, (length, name) in _IMAGES.items():
            if images.get(start) and images.get(length):
                self._image(group, name, images[start], images[length])
        return inner

    def _structure(self, entry: ifd.Entry, task: _Task, inner: list[_Task]) -> bool:
        """Follows what the tag points to or holds; False when it is a plain value after all."""
        if entry.tag in _POINTERS and entry.kind != ifd.UNDEFINED:
            inner += self._pointers(entry, task)
            return True
        block = self.embedded.by_tag.get(entry.tag)
        return block is not None and block(self, entry, task.group)

    def _pointers(self, entry: ifd.Entry, task: _Task) -> list[_Task]:
        group = _POINTERS[entry.tag]
        if group == "SubIFD" and self.kind == "arw-a100":
            return []
        try:
            value = self.directories.value(entry, 8 * 64) if entry.kind in ifd.SIZES else None
        except TruncatedError as error:
            self._problem(ProblemKind.TRUNCATED, f"pointer to {group}: {error}", entry.offset)
            return []
        offsets = value if isinstance(value, list) else [value]
        self.document.spend(Limits.pointer_bytes * len(offsets))
        tasks = []
        for index, offset in enumerate(offsets):
            if not isinstance(offset, int):
                self._problem(ProblemKind.DAMAGED, f"pointer to {group} isn't a number", entry.offset)
                continue
            tasks.append(
                _Task(offset, f"{group}{index or ''}" if group == "SubIFD" else group, task.depth + 1)
            )
        return tasks

    def _entry(self, entry: ifd.Entry, group: str, spec: Tag, images: dict[str, int]) -> None:
        tag, kind, count, offset, size, _ = entry
        origin = tuple.__new__(ByteRange, (self.base + offset, size))
        document, section = self.document, self.section
        if spec.hidden or not size:
            if not size and not spec.hidden and kind in {2, 7}:
                document.add(section, Field(spec.name, "", "", spec.unit, None, group, "", origin))
            return
        try:
            if size > _MAX_LIST and (spec.binary or (kind not in {1, 2, 7} and count > _MAX_LIST)):
                self._large(entry, group, spec, origin)
                return
            # One byte more than fits, so that the document itself sees the cut and says so.
            stored = self.directories.value(entry, document.limits.max_value_bytes + 1)
        except TruncatedError as error:
            self._problem(ProblemKind.TRUNCATED, f"{group} {spec.name}: {error}", offset)
            return
        if tag in _SPECIAL or spec.name in _IMAGE_PLACES:
            self._special(entry, group, spec, stored, origin, images)
        else:
            fields.add(document, section, group, spec, stored, origin)

    def _large(self, entry: ifd.Entry, group: str, spec: Tag, origin: ByteRange) -> None:
        """A long list or block: described, once it is certain to be there."""
        tag, kind, count, offset, size, _ = entry
        if offset + size > self.directories.reader.length:
            raise TruncatedError(self.base + offset, size, self.directories.reader.length)
        if tag == _COLOR_MAP or (spec.binary and kind in {1, 2, 7}):
            fields.add_binary(self.document, self.section, group, spec.name, size, origin)
        else:
            self.document.add(
                self.section, Field(spec.name, None, f"({count} values)", "", None, group, "", origin)
            )

    def _special(
        self,
        entry: ifd.Entry,
        group: str,
        spec: Tag,
        stored: Value,
        origin: ByteRange,
        images: dict[str, int],
    ) -> None:
        """Tags that mean more than their value: texts with a charset, places, names of the camera, GeoTIFF keys."""
        tag, name, note = entry.tag, spec.name, ""
        if tag == _COPYRIGHT and isinstance(stored, str):
            stored = copyright_of(self.directories.bytes_of(entry))
        if name in CHARSET_TEXTS:
            stored, note = commented(stored, big_endian=self.directories.reader.big_endian)
        elif tag in _OFFSETS:
            stored = self._absolute(stored)
        length = entry.size_bytes if tag == _COLOR_MAP else 0
        if tag in _LISTS_OF_PARTS and isinstance(stored, list):
            self.document.spend(entry.size_bytes)
            length = fields.printed_length(stored)
            length = length if length > Limits.max_printed_parts else 0
        if length:
            fields.add_binary(self.document, self.section, group, name, length, origin)
            return
        if isinstance(stored, int) and name in _IMAGE_PLACES:
            images[name] = stored
        if tag in _REMEMBERED and isinstance(stored, str):
            setattr(self, _REMEMBERED[tag], stored.strip())
        if tag in _GEO:
            self._geo[tag] = _reals(stored)
        fields.add(self.document, self.section, group, spec, stored, origin, note)

    def _absolute(self, value: Value) -> Value:
        """Stored from the start of this structure, meant from the start of the file."""
        if not self.base:
            return value
        if isinstance(value, int):
            return value + self.base
        if isinstance(value, list):
            return [each + self.base if isinstance(each, int) else each for each in value]
        return value

    def _image(self, group: str, name: str, start: int, length: int) -> None:
        """An embedded picture: where it is and how large, not its bytes."""
        reader, end = self.directories.reader, start + length
        # Some cameras let the segment end within the thumbnail: the file has it all the same.
        goes_on = end <= reader.source.size_bytes and reader.view(0).some(start, 2) == b"\xff\xd8"
        if start < self.base or (end > self.base + reader.length and not goes_on):
            self._problem(ProblemKind.TRUNCATED, f"{name} lies beyond the end", start - self.base)
            return
        fields.add_binary(self.document, self.section, group, name, length, ByteRange(start, length))

    def _problem(self, kind: ProblemKind, message: str, offset: int) -> None:
        self.document.problem(self.section, kind, message, self.base + offset)

    def block(self, entry: ifd.Entry) -> bytes:
        """The bytes of an embedded structure.

        Raises:
            TruncatedError: they lie beyond the end.
        """
        if entry.size_bytes > Limits.max_packet_bytes:
            self._problem(ProblemKind.LIMIT, f"tag {entry.tag} has {entry.size_bytes} bytes", entry.offset)
            return b""
        self.document.spend(entry.size_bytes)
        return self.directories.reader.exact(entry.offset, entry.size_bytes)


_REMEMBERED: Final = {271: "make", 272: "model", 305: "software"}
_GEO: Final = frozenset({33550, 33920, 33922, 34264, 34735, 34736, 34737})
_IMAGE_PLACES: Final = frozenset(_IMAGES) | {length for length, _ in _IMAGES.values()}
_GEO_DIRECTORY: Final = 34735
_SPECIAL: Final = (
    _OFFSETS | _LISTS_OF_PARTS | frozenset(_REMEMBERED) | _GEO | {_COLOR_MAP, _COPYRIGHT, 37510, 27, 28}
)


def _reals(value: Value) -> Value:
    if isinstance(value, list):
        return [each.real() if isinstance(each, Rational) else each for each in value]
    return value
