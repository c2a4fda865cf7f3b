"""Frames of ID3v2: id3.org, id3v2.4.0-frames and id3v2.4.0-structure section 4; id3v2.3.0 section 3.3; id3v2-00 section 3.2.

Texts of several values (2.4: separated by NUL) are lists. Frames are read one by one in place, pictures by their heads alone.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.embedded import xmp
from extractor_service.formats.embedded.sound import id3_values as values
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

SECTION = "id3"
CHAPTER_START, CHAPTER_TITLE = "ChapterTimeStart", "ChapterString"
"""Of the frames CHAP (id3.org, "ID3v2 Chapter Frame Addendum" 1.0), in groups "Chapter1" and so on; names as Matroska's."""
_MOST_FRAMES = 20_000  # of a tag: bounds one of empty frames
_MOST_FRAME_BYTES = 1024 * 1024  # of a text, lyrics, or what has to be undone; pictures are not read
_PICTURE_HEAD_BYTES = 2048  # MIME type and description
_BY_DATE = frozenset({"TDEN", "TDOR", "TDRC", "TDRL", "TDTG", "XDOR"})
_NAMED = re.compile(rb"[A-Z][A-Z0-9]{2,3}$")
_ANY_NAME = re.compile(rb"[A-Za-z0-9]{3,4}$")
_COMPILATION = Conversion(lambda value: int(value) if isinstance(value, str) and value.isdigit() else value)
_CONVERSIONS = {
    "Compilation": _COMPILATION,
    "Popularimeter": Conversion(None, values.rating_text),
    "Length": Conversion(values.milliseconds, lambda value: f"{value} s", "s"),
}
_TABLES = {
    version: Table(f"sound/ID3::v2_{version}", SECTION, f"ID3v2_{version}", _CONVERSIONS)
    for version in (2, 3, 4)
}
_OTHER = {2: 2, 3: 4, 4: 3}  # a frame of the other version is met, and means the same
_OWN = frozenset(
    {"PRIV", "GEOB", "SYLT", "SLT", "CHAP", "CTOC"}
)  # which no table has; CTOC only orders the chapters
_LYRICS = Table("sound/ID3::SynLyrics", SECTION, "ID3")
_PRIVATE = Table("sound/ID3::Private", SECTION, "ID3")
_CREDENTIALS = frozenset({"application/c2pa", "application/x-c2pa-manifest-store"})
_OBJECT = Table("sound/ID3::GEOB", SECTION, "ID3v2_3")


def synchronised(data: bytes) -> bytes:
    """Undoes unsynchronisation (id3v2.4.0-structure, 6.1): the zero after every FF goes."""
    return data.replace(b"\xff\0", b"\xff")


class Frames:
    """The frames of one tag; `reader` is its window."""

    def __init__(self, reader: Reader, document: Document, version: int, *, is_in_place: bool) -> None:
        self._reader = reader
        self._document = document
        self._version = version
        self._is_in_place = is_in_place
        self._table = _TABLES[version]
        self._chapters = 0
        self._head_bytes = 6 if version == 2 else 10

    def read(self, start: int, *, is_unsynchronised: bool) -> None:
        """All frames from `start` on; padding ends them."""
        at, skipped = start, 0
        for _ in range(_MOST_FRAMES):
            head = self._reader.some(at, self._head_bytes)
            if len(head) < self._head_bytes or not head[0]:
                break
            kind = head[: 3 if self._version == 2 else 4]
            if not _ANY_NAME.match(kind.rstrip(b"\0 ")):
                self._problem(ProblemKind.DAMAGED, f"no frame, but {kind!r}", at)
                break
            length = self._length(head, at)
            flags = 0 if self._version == 2 else int.from_bytes(head[8:10])
            body = at + self._head_bytes
            if body + length > self._reader.length:
                self._problem(ProblemKind.TRUNCATED, f"frame {kind!r} of {length} bytes is cut", at)
                break
            with Surviving(self._document, SECTION, "frame", self._place(at), kind):
                skipped += not self._frame(kind, flags, body, length, is_unsynchronised=is_unsynchronised)
            at = body + length
        if skipped:
            self._document.problem(SECTION, ProblemKind.UNSUPPORTED, f"{skipped} frames of unknown kinds")

    def _length(self, head: bytes, at: int) -> int:
        """What the head says. iTunes wrote plain numbers where 2.4 wants seven bits a byte: what comes after it decides."""
        if self._version == 2:
            return int.from_bytes(head[3:6])
        plain = int.from_bytes(head[4:8])
        if self._version == 3 or plain < 0x80:
            return plain
        if plain & 0x80808080:
            return plain
        safe = (plain & 0x7F) | (plain & 0x7F00) >> 1 | (plain & 0x7F0000) >> 2 | (plain & 0x7F000000) >> 3
        if not self._is_frame(at + 10 + safe) and self._is_frame(at + 10 + plain):
            return plain
        return safe

    def _is_frame(self, at: int) -> bool:
        """Whether a frame, padding or the end is there."""
        if at == self._reader.length:
            return True
        kind = self._reader.some(at, 4)
        return len(kind) == 4 and (kind == b"\0\0\0\0" or _NAMED.match(kind) is not None)

    def _frame(self, kind: bytes, flags: int, at: int, length: int, *, is_unsynchronised: bool) -> bool:
        """Adds one frame; whether it is of a known kind."""
        identity = kind.rstrip(b"\0 ").decode("ascii")
        table = self._table
        if identity not in table.tags and identity not in _OWN:
            table = _TABLES[_OTHER[self._version]]
            if identity not in table.tags:
                return False
        undoing = (
            _nothing_done
            if not flags and not is_unsynchronised
            else _Undoing(self._version, flags, is_unsynchronised=is_unsynchronised)
        )
        if undoing.is_encrypted:
            self._problem(ProblemKind.UNSUPPORTED, f"frame {identity} is encrypted", at)
            return True
        if identity == "CTOC":
            return True
        is_picture = identity in {"PIC", "APIC"}
        is_plain = undoing.is_nothing
        wanted = length if not is_plain else min(length, _PICTURE_HEAD_BYTES if is_picture else length)
        if wanted > _MOST_FRAME_BYTES:
            message = f"frame {identity} of {length} bytes is cut to {_MOST_FRAME_BYTES}"
            self._problem(ProblemKind.LIMIT, message, at)
            wanted = _MOST_FRAME_BYTES
        data = undoing.undo(self._reader.exact(at, wanted))
        origin = ByteRange(self._reader.base + at, length) if self._is_in_place else None
        if identity == "CHAP":
            self._chapter(data, origin)
        elif is_picture:
            if not is_plain:  # its bytes don't stand in the file as they are
                origin = None
            self._picture(identity, data, length if is_plain else len(data), origin, is_plain=is_plain)
        else:
            self._value(table, identity, data, origin)
        return True

    def _chapter(self, data: bytes, origin: ByteRange | None) -> None:
        """Where a chapter begins, and how it is called, in a group of its own."""
        found = values.chapter(data, self._version)
        if found is None:
            return
        self._chapters += 1
        group = f"Chapter{self._chapters}"
        start, title = found
        self._document.add(
            SECTION,
            Field(CHAPTER_START, start / 1000, f"{start / 1000:.3f} s", "s", group=group, origin=origin),
        )
        self._document.add(SECTION, Field(CHAPTER_TITLE, title, group=group, origin=origin))

    def _value(self, table: Table, identity: str, data: bytes, origin: ByteRange | None) -> None:
        """Everything that isn't a picture."""
        document, group = self._document, self._table.group
        name = ""
        value: Value = None
        if identity in {"TXX", "TXXX"}:
            texts = [*values.texts(data), "", ""]
            name, value = texts[0] and values.user_name(texts[0]), texts[1]
        elif identity in {"WXX", "WXXX"}:
            described, value = values.described_url(data)
            if described:
                name = values.user_name(described if "url" in described.lower() else f"{described}_URL")
        elif identity in {"COM", "COMM", "ULT", "USLT", "USER"}:
            value, language = values.in_language(data, has_description=identity != "USER")
            if language:
                name = f"{table.tags[identity].name}-{language}"
        elif identity in {"SLT", "SYLT"}:
            values.synchronised_lyrics(document, _LYRICS, data, origin)
            return
        elif identity == "PRIV":
            self._private(data, origin)
            return
        elif identity == "GEOB":
            self._object(data, origin)
            return
        elif identity in {"TCO", "TCON"}:
            values.add_genre(document, table, identity, values.texts(data), origin, group)
            return
        else:
            value = values.of_frame(identity, data)
            if identity in _BY_DATE:
                value = values.dates(value)
        if value is None:
            if table.tags[identity].binary:
                fields.add_binary(document, SECTION, group, table.tags[identity].name, len(data), origin)
            return
        if name:
            table.put(document, f"{identity} {name}", value, origin, name=lambda: name, group=group)
        else:
            table.put(document, identity, value, origin, group=group)

    def _picture(
        self, identity: str, data: bytes, length: int, origin: ByteRange | None, *, is_plain: bool
    ) -> None:
        """Its kind, MIME type and description; the bytes by place and length."""
        found = values.picture_head(data, has_short_format=identity == "PIC")
        if found is None:
            self._problem(ProblemKind.DAMAGED, f"{identity} has no head", 0)
            return
        document, group, table = self._document, self._table.group, self._table
        told: tuple[Value, ...] = (found.mime, found.kind, found.description)
        for number, value in enumerate(told, 1):
            table.put(document, f"{identity}-{number}", value, origin, group=group)
        size = length - found.length
        content = (
            ByteRange(origin.offset_bytes + found.length, size) if origin is not None and is_plain else None
        )
        fields.add_binary(document, SECTION, group, table.tags[identity].name, size, content)

    def _private(self, data: bytes, origin: ByteRange | None) -> None:
        owner, _, content = data.partition(b"\0")
        identity = owner.decode("latin-1")
        at = None if origin is None else origin.offset_bytes + len(owner) + 1
        place = None if at is None else ByteRange(at, len(content))
        if identity == "XMP":
            xmp.parse(content, self._document, place or ByteRange(0, 0))
            return
        identity = identity.replace("/", "_").replace(" ", "")
        value = values.private(identity, content)
        group = self._table.group
        if value is not None:
            _PRIVATE.put(self._document, identity, value, place, group=group)
            return
        name = identity if re.fullmatch(r"[-\w]{1,24}", identity, re.ASCII) else "private"
        name = name[:1].upper() + name[1:]
        fields.add_binary(self._document, SECTION, group, name, len(content), place)

    def _object(self, data: bytes, origin: ByteRange | None) -> None:
        found = values.object_head(data)
        if found is None:
            self._problem(ProblemKind.DAMAGED, "GEOB has no head", 0)
            return
        group = self._table.group
        for part, text in zip(("Mime", "File", "Desc"), found.texts, strict=True):
            if text:
                _OBJECT.put(self._document, f"GEOB-{part}", text, origin, group=group)
        size = len(data) - found.length
        place = None if origin is None else ByteRange(origin.offset_bytes + found.length, size)
        fields.add_binary(self._document, SECTION, group, "GEOB-Data", size, place)
        if found.texts[0] in _CREDENTIALS:
            from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - rare

            store = Reader(BytesSource(data[found.length :]))
            jumbf_fields.parse(store, self._document, is_located=False)

    def _place(self, at: int) -> int:
        return self._reader.base + at if self._is_in_place else 0

    def _problem(self, kind: ProblemKind, message: str, at: int) -> None:
        self._document.problem(SECTION, kind, message, self._place(at))


class _Undoing:
    """What was done to a frame's bytes, by its flags (id3v2.3.0, 3.3.1; id3v2.4.0-structure, 4.1)."""

    def __init__(self, version: int, flags: int, *, is_unsynchronised: bool) -> None:
        newer = version == 4
        self._has_group = bool(flags & (0x40 if newer else 0x20))
        self._is_compressed = bool(flags & (0x08 if newer else 0x80))
        self.is_encrypted = bool(flags & (0x04 if newer else 0x40))
        self._is_unsynchronised = newer and (bool(flags & 0x02) or is_unsynchronised)
        self._has_length = self._is_compressed or (newer and bool(flags & 0x01))

    @property
    def is_nothing(self) -> bool:
        """Whether the bytes are those of the frame."""
        return not (self._has_group or self._is_compressed or self._is_unsynchronised or self._has_length)

    def undo(self, data: bytes) -> bytes:
        """The frame's content."""
        if self._is_unsynchronised:
            data = synchronised(data)
        data = data[(1 if self._has_group else 0) + (4 if self._has_length else 0) :]
        return zlib.decompressobj().decompress(data, _MOST_FRAME_BYTES) if self._is_compressed else data


_nothing_done = _Undoing(4, 0, is_unsynchronised=False)
