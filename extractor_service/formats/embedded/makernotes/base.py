"""Reads what all maker notes share. A directory has its own base and byte order; its tags hold blocks of values."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - looked at when the class is made, where it is compiled
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.embedded import printim
from extractor_service.formats.embedded.makernotes.tables import Tags, Vendor, Wanted, tags_of
from extractor_service.formats.reading import binary, charsets, fields, ifd, meanings
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import NONSENSE
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from extractor_service.document import Document, Value
    from extractor_service.formats.embedded.walk import Walk
    from extractor_service.formats.reading.reader import Reader
    from extractor_service.formats.reading.tagset import Tag

SECTION: Final = "makernotes"
# Stored from where values count, meant from the start of the file.
_OFFSETS: Final = frozenset({"PreviewImageStart", "ThumbnailOffset", "JpgFromRawStart", "OtherImageStart"})
_PRINT_IM: Final = 0x0E00  # in the notes of several makers


# TIFF types, and their signed counterparts in the listing: cameras rarely bother to tell.
_UNSIGNED: Final = {1: "int8s", 3: "int16s", 4: "int32s"}


class Limits:
    """Of `Notes`."""

    max_value_bytes: ClassVar[int] = (
        64 * 1024
    )  # as long as any value of a document may be; longer ones are binary data
    max_block_bytes: ClassVar[int] = (
        1024 * 1024
    )  # of one block that a vendor packs into a tag; the length may claim 4 GiB
    max_depth: ClassVar[int] = 4  # directories in a note; vendors nest one (`subdirectory`)
    directory_bytes: ClassVar[int] = 64 * 1024  # what a directory may cost that lies on top of others
    max_shown: ClassVar[int] = 40  # values of a list without a type


# Looked at for every entry: a class's attribute costs Python 3.11 five times as much as a module's.
_MAX_VALUE_BYTES, _MAX_SHOWN = Limits.max_value_bytes, Limits.max_shown


def _signed(value: Value, bits: int) -> Value:
    if isinstance(value, list):
        return [_signed(each, bits) for each in value]
    return conv.signed(value, bits) if isinstance(value, int) else value


_POINTED_BYTES: Final = (
    1024  # what following a pointer within a block costs: an enciphered one may have dozens
)


class Block(NamedTuple):
    """A tag whose bytes are values at fixed places: the table, and the unit that its ids count in."""

    table: str
    unit: str = "int8u"
    masks: Mapping[str, int] | None = None
    big_endian: bool | None = None


# TIFF's types by the names that conditions have for them
_FORMATS: Final = {
    1: "int8u", 2: "string", 3: "int16u", 4: "int32u", 5: "rational64u", 6: "int8s", 7: "undef", 8: "int16s", 9: "int32s", 10: "rational64s",
    11: "float", 12: "double", 13: "ifd",
}  # fmt: skip
_TYPES: Final = {name: kind for kind, name in _FORMATS.items() if name not in {"ifd", "string", "undef"}}


def _by_place(item: tuple[int | str, object]) -> int:
    """Blocks in one another are read from the front: what stands behind may depend on it."""
    return item[0] if isinstance(item[0], int) else -1


class Notes:
    """One maker note while it is read.

    Attributes:
        directories: reads directories; offsets of values count from the reader's base.
        values: what was stored, by tag name, for blocks that depend on it.
        mended: makes of a found block's bytes what its table describes, where firmware has moved them.
    """

    def __init__(self, walk: Walk, vendor: Vendor, reader: Reader, shift: int = 0) -> None:
        self.walk = walk
        self.document: Document = walk.document
        self.vendor = vendor
        self.directories = ifd.Directories(reader, shift=shift)
        kind = walk.kind.upper()
        self.mended: Callable[[str, bytes], bytes] | None = None
        self.values: dict[str, Value] = {
            "TIFF_TYPE": kind,
            "FILE_TYPE": "TIFF" if kind else "JPEG",
            "Software": walk.software,
        }

    @property
    def reader(self) -> Reader:
        """The reader of the note."""
        return self.directories.reader

    def table(
        self, name: str, choices: Mapping[int | str, int] | None = None, *, is_found: bool = False
    ) -> Tags:
        """The tags of a table such as "Canon::Main".

        Of one that a structure names (`is_found`) only tags count whose meaning the generated facts say: nobody has looked at it.
        """
        walk = self.walk
        wanted = Wanted(name, tuple((choices or {}).items()), walk.make, walk.model, is_found)
        return tags_of(self.vendor, wanted)

    def directory(
        self,
        offset: int,
        tags: Tags,
        inside: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]],
        group: str = "",
        depth: int = 0,
        gap_bytes: int = 0,
    ) -> int:
        """Adds the fields of the directory at `offset`; returns where the next one is."""
        group = group or self.vendor.group
        self.document.spend(Limits.directory_bytes)
        try:
            directory = self.directories.read(offset, gap_bytes, ifd.MAX_UNKNOWN)
        except TruncatedError as error:
            self.problem(ProblemKind.TRUNCATED, f"the directory is cut: {error}", offset)
            return 0
        if depth > Limits.max_depth:
            return 0
        self._tell_order(offset)
        broken = 0  # zeros count in notes: nobody pads them
        for entry in directory.entries:
            if entry.kind not in ifd.SIZES:
                broken += 1
                if broken > ifd.MAX_UNKNOWN:
                    break
                continue
            try:
                self._entry(entry, tags, inside, group)
            except TruncatedError as cut:
                self.problem(ProblemKind.TRUNCATED, f"tag {entry.tag}: {cut}", entry.offset)
            except NONSENSE as nonsense:
                self.problem(ProblemKind.DAMAGED, f"tag {entry.tag}: {nonsense}", entry.offset)
        if max(broken, directory.unknown) > ifd.MAX_UNKNOWN:
            self.problem(ProblemKind.DAMAGED, "entries of unknown types", offset)
            return 0
        return directory.next_offset

    def _tell_order(self, offset: int) -> None:
        """Says when the first directory of notes has another byte order than EXIF around it."""
        is_big, walk = self.reader.big_endian, self.walk
        if is_big == walk.directories.reader.big_endian or walk.has_other_order:
            return
        walk.has_other_order = True
        order, text = ("MM", "Big-endian (Motorola, MM)") if is_big else ("II", "Little-endian (Intel, II)")
        origin = ByteRange(self.reader.base + offset, 2)
        self.document.add("file", Field("MakerNoteByteOrder", order, text, origin=origin))

    def _entry(
        self,
        entry: ifd.Entry,
        tags: Tags,
        inside: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]],
        group: str,
    ) -> None:
        if entry.tag == _PRINT_IM:
            printim.parse(self.reader.some(entry.offset, 16), self.document, self.reader.base + entry.offset)
            return
        handler = inside.get(entry.tag)
        if handler is not None:
            if isinstance(handler, Block):
                self.document.spend(entry.size_bytes)
                self.block(self.bytes_of(entry), handler, entry.offset, group)
            else:
                self.document.spend(min(entry.size_bytes, Limits.max_block_bytes))
                handler(self, entry)
            return
        alternatives = tags.inner.get(entry.tag)
        if alternatives is not None and self._inner(alternatives, entry):
            return
        tag = tags.get(entry.tag)
        if tag is not None and tag.variants:
            about = self._about(entry)
            tag = next(
                (each for each in tag.variants if meanings.holds(each.condition, about, self.values)), None
            )
        if tag is None or tag.hidden:
            return
        size = entry.size_bytes
        origin = tuple.__new__(ByteRange, (self.reader.base + entry.offset, size))
        if tag.binary or size > _MAX_VALUE_BYTES:
            if entry.offset + size <= self.reader.length:
                length = size
                if tag.binary and entry.kind not in {1, 2, 7} and size <= _MAX_VALUE_BYTES:
                    length = fields.printed_length(self.directories.value(entry, _MAX_VALUE_BYTES))
                fields.add_binary(self.document, SECTION, tag.group or group, tag.name, length, origin)
            return
        stored = self.directories.value(entry, _MAX_VALUE_BYTES)
        if tag.form and tag.form in _TYPES and tag.form != _FORMATS.get(entry.kind):
            data, width = self.bytes_of(entry), ifd.SIZES[_TYPES[tag.form]]
            whole = data[: len(data) // width * width]
            stored = ifd.decode(_TYPES[tag.form], whole, big_endian=self.reader.big_endian)
        elif entry.kind == ifd.UNDEFINED and tag.kind not in {"undef", "?"} and tag.kind in binary.CODES:
            stored = self._retyped(tag, stored)
        elif tag.kind == _UNSIGNED.get(entry.kind):
            stored = _signed(stored, 8 * ifd.SIZES[entry.kind])
        if tag.kind == "?" and isinstance(stored, list) and len(stored) > _MAX_SHOWN:
            length = fields.printed_length(stored)
            fields.add_binary(self.document, SECTION, tag.group or group, tag.name, length, origin)
            return
        if tag.name in _OFFSETS and isinstance(stored, int) and stored:
            stored += self.reader.base + self.directories.shift
        if not size:
            if entry.kind == ifd.ASCII:
                self.document.add(SECTION, Field(tag.name, "", "", "", None, tag.group or group, "", origin))
            return
        self.values[tag.name] = stored
        fields.add(self.document, SECTION, group, tag, stored, origin)

    def _about(self, entry: ifd.Entry) -> meanings.About:
        head = self.reader.some(entry.offset, min(entry.size_bytes, meanings.HEAD_BYTES))
        return meanings.About(entry.count, _FORMATS.get(entry.kind, ""), head)

    def _inner(self, alternatives: Sequence[meanings.Inner], entry: ifd.Entry) -> bool:
        """Reads what a tag holds; False when it is a plain value, or nothing known."""
        inner = self._chosen(alternatives, self._about(entry))
        if inner is None or not inner.table:
            return False
        self.document.spend(min(entry.size_bytes, Limits.max_block_bytes))
        if inner.kind == "directory":
            tags = self.table(inner.table, is_found=True)
            self.directory(self._start_of(entry), tags, {}, depth=1)
        else:
            self._found(self.bytes_of(entry), inner, entry.offset, 0)
        return True

    def _chosen(self, alternatives: Sequence[meanings.Inner], about: meanings.About) -> meanings.Inner | None:
        return next(
            (
                each
                for each in alternatives
                if not each.conditions
                or any(meanings.holds(one, about, self.values) for one in each.conditions)
            ),
            None,
        )

    def found(self, data: bytes, table: str, offset: int, *, big_endian: bool, unit: str = "int8u") -> None:
        """A block of a table whose tags nobody has looked at: what the generated facts say of them counts."""
        inner = meanings.Inner((), table, "block", unit, "BE" if big_endian else "LE", 0)
        self._found(data, inner, offset, 0)

    def _found(self, data: bytes, inner: meanings.Inner, offset: int | None, depth: int) -> None:
        """A block that the generated facts describe, and the blocks within it; without an offset it lies nowhere as it is."""
        big_endian = inner.order == "BE" if inner.order else self.reader.big_endian
        tags = self.table(inner.table, is_found=True)
        if self.mended is not None:
            stored, data = data, self.mended(inner.table, data)
            offset = offset if len(stored) == len(data) else None
        origin = None if offset is None else self.reader.base + offset
        place = binary.Place(self.document, SECTION, inner.table.partition("::")[0])
        layout = binary.Layout(inner.unit, big_endian=big_endian)
        self.values.update(binary.parse(data, layout, tags, place, origin=origin, known=self.values))
        self._within(data, layout, tags, offset, depth)

    def _within(self, data: bytes, layout: binary.Layout, tags: Tags, offset: int | None, depth: int) -> None:
        width, order = binary.CODES[layout.unit][1], "BE" if layout.big_endian else "LE"
        for key, alternatives in sorted(tags.inner.items(), key=_by_place):
            at = (key - layout.first) * width if isinstance(key, int) else -1
            inner = self._chosen(alternatives, meanings.About(1, "", data[at : at + meanings.HEAD_BYTES]))
            if inner is None or not inner.table or not 0 <= at < len(data) or depth > Limits.max_depth:
                continue
            if inner.kind == "pointer":
                at = int.from_bytes(data[at : at + 4], "big" if layout.big_endian else "little")
                if not 0 < at < len(data):
                    continue
            elif inner.kind != "block":
                continue
            part = data[at : at + inner.length] if inner.length else data[at:]
            self.document.spend(_POINTED_BYTES)
            place = None if offset is None else offset + at
            self._found(part, inner._replace(order=inner.order or order), place, depth + 1)

    def _retyped(self, tag: Tag, stored: Value) -> Value:
        """UNDEFINED bytes by the type that the listing gives."""
        if not isinstance(stored, bytes):
            return stored
        width = binary.CODES[tag.kind][1]
        if tag.kind == "string":
            return charsets.text(stored.split(b"\0", 1)[0])
        count = len(stored) // width
        if not count or count > 256:
            return stored
        value = binary.read(stored, 0, tag.kind, count, big_endian=self.reader.big_endian)
        return stored if value is None else value

    def bytes_of(self, entry: ifd.Entry) -> bytes:
        """The bytes of a value.

        Raises:
            TruncatedError: they lie beyond the end.
        """
        return self.reader.exact(entry.offset, min(entry.size_bytes, Limits.max_block_bytes))

    def block(
        self,
        data: bytes,
        block: Block,
        offset: int,
        group: str = "",
        choices: Mapping[int | str, int] | None = None,
    ) -> dict[str, Value]:
        """Adds the values in `data`, which stands at `offset`; returns what was stored."""
        big_endian = self.reader.big_endian if block.big_endian is None else block.big_endian
        layout, tags = binary.Layout(block.unit, big_endian=big_endian), self.table(block.table, choices)
        found = binary.parse(
            data,
            layout,
            tags,
            binary.Place(self.document, SECTION, group or self.vendor.group),
            origin=self.reader.base + offset,
            masks=block.masks,
            known=self.values,
        )
        self.values.update(found)
        if tags.inner:
            self._within(data, layout, tags, offset, 0)
        return found

    def add(self, tag: Tag, stored: Value, offset: int, length: int, group: str = "") -> None:
        """Adds one field."""
        self.values[tag.name] = stored
        origin = ByteRange(self.reader.base + offset, length)
        fields.add(self.document, SECTION, group or self.vendor.group, tag, stored, origin)

    def preview(
        self, name: str = "PreviewImage", start: str = "PreviewImageStart", length: str = "PreviewImageLength"
    ) -> None:
        """Adds the picture whose place and length were found in the note."""
        at, size = self.values.get(start), self.values.get(length)
        if (
            isinstance(at, int)
            and isinstance(size, int)
            and at
            and size
            and at + size <= self.reader.source.size_bytes
        ):
            fields.add_binary(self.document, SECTION, self.vendor.group, name, size, ByteRange(at, size))

    def subdirectory(
        self,
        entry: ifd.Entry,
        table: str,
        inside: Mapping[int, Block | Callable[[Notes, ifd.Entry], None]] | None = None,
        group: str = "",
    ) -> None:
        """A directory inside a tag."""
        self.directory(self._start_of(entry), self.table(table), inside or {}, group, depth=1)

    def _start_of(self, entry: ifd.Entry) -> int:
        """Where a tag's directory is: at the value itself, or where an IFD pointer says."""
        if entry.kind in {4, 13} and entry.count == 1:
            pointed = self.directories.value(entry, 8)
            return pointed if isinstance(pointed, int) else entry.offset
        return entry.offset

    def problem(self, kind: ProblemKind, message: str, offset: int) -> None:
        """Records trouble of this note."""
        self.document.problem(SECTION, kind, f"{self.vendor.group}: {message}", self.reader.base + offset)
