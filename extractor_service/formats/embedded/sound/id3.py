"""ID3 tags: where they stand, and what is around their frames. id3.org: id3v2-00, id3v2.3.0, id3v2.4.0-structure; Lyrics3."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.embedded.sound import id3_frames
from extractor_service.formats.reading import charsets
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "id3"
_MOST_UNSYNCHRONISED_BYTES = 8 * 1024 * 1024  # such a tag has to be read whole; beyond that a Problem
_MOST_TAGS = 8  # one behind the other
_FIRST_BYTES, _OLD_BYTES, _ENHANCED_BYTES = 10, 128, 227
_LYRICS_BYTES = 5100  # the most that Lyrics3 v1 takes
_LYRIC = re.compile(rb"([A-Z0-9]{3})(\d{5})")


_OLD = Table("sound/ID3::v1", SECTION, "ID3v1")
_ENHANCED = Table("sound/ID3::v1_Enh", SECTION, "ID3v1_Enh")
_LYRICS = Table("sound/ID3::Lyrics3", SECTION, "Lyrics3")


def around(source: ByteSource, document: Document) -> tuple[int, int]:
    """Where the sound begins and ends that tags stand before and behind; adds what they say."""
    start = _leading(source, document, 0)
    end = _trailing(source, document, source.size_bytes)
    if start or end < source.size_bytes:
        document.add("file", Field("ID3Size", start + source.size_bytes - end, group="File"))
    return start, max(start, end)


def leading(source: ByteSource, document: Document, at: int) -> None:
    """Adds what the tag at `at` says, as some containers have one in a chunk."""
    length = _leading(source, document, at)
    if length:
        document.add("file", Field("ID3Size", length, group="File"))


def trailing_only(source: ByteSource, document: Document) -> None:
    """Adds what stands behind a file that has no tag before it."""
    end = _trailing(source, document, source.size_bytes)
    if end < source.size_bytes:
        document.add("file", Field("ID3Size", source.size_bytes - end, group="File"))


def _leading(source: ByteSource, document: Document, at: int) -> int:
    """Bytes of the ID3v2 tags that stand at `at`, one behind the other."""
    start = at
    for _ in range(_MOST_TAGS):
        length = _tag(source, document, at)
        if not length:
            break
        at += length
    return at - start


def _trailing(source: ByteSource, document: Document, end: int) -> int:
    """Where the sound ends that is followed by ID3v1, Lyrics3 or an appended ID3v2.4 tag up to `end`."""
    old = _tail(source, end, _OLD_BYTES)
    if old[:3] == b"TAG":
        end -= _OLD_BYTES
        with Surviving(document, SECTION, "ID3v1", end):
            _first_version(document, old, end)
        enhanced = _tail(source, end, _ENHANCED_BYTES)
        if enhanced[:4] == b"TAG+":
            end -= _ENHANCED_BYTES
            _ENHANCED.block(document, enhanced, end)
    with Surviving(document, SECTION, "Lyrics3", end):
        end = _lyrics(source, document, end)
    footer = _tail(source, end, _FIRST_BYTES)
    if footer[:3] == b"3DI":
        size = syncsafe(footer[6:10])
        if size is not None and size + 20 <= end:
            end -= size + 20
            _tag(source, document, end)
    return end


def syncsafe(data: bytes) -> int | None:
    """A number of seven bits a byte; None when it is none."""
    value = 0
    for byte in data:
        if byte & 0x80:
            return None
        value = value << 7 | byte
    return value


def _tag(source: ByteSource, document: Document, at: int) -> int:
    reader = Reader(source, base=at)
    head = reader.some(0, _FIRST_BYTES)
    if head[:3] != b"ID3" or len(head) < _FIRST_BYTES:
        return 0
    version, flags, size = head[3], head[5], syncsafe(head[6:10])
    if size is None or version not in {2, 3, 4}:
        document.problem(SECTION, ProblemKind.UNSUPPORTED, f"ID3v2.{version} of an unknown form", at)
        return 0
    length = _FIRST_BYTES + size + (_FIRST_BYTES if version == 4 and flags & 0x10 else 0)
    if at + _FIRST_BYTES + size > source.size_bytes:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"a tag of {size} bytes is cut", at)
        size = max(0, source.size_bytes - at - _FIRST_BYTES)
    if version == 2 and flags & 0x40:
        document.problem(SECTION, ProblemKind.UNSUPPORTED, "a compressed ID3v2.2 tag", at)
        return length
    with Surviving(document, SECTION, "ID3v2", at):
        _frames(Reader(source, base=at + _FIRST_BYTES, length=size), document, version, flags)
    return length


def _frames(reader: Reader, document: Document, version: int, flags: int) -> None:
    is_in_place = True
    if flags & 0x80 and version < 4:  # the whole tag; frames of 2.4 say it themselves
        if reader.length > _MOST_UNSYNCHRONISED_BYTES:
            message = f"an unsynchronised tag of {reader.length} bytes isn't read"
            document.problem(SECTION, ProblemKind.LIMIT, message, reader.base)
            return
        document.spend(reader.length)
        data = id3_frames.synchronised(reader.exact(0, reader.length))
        reader, is_in_place = Reader(BytesSource(data)), False
    start = 0
    if flags & 0x40 and version > 2:
        stated = reader.exact(0, 4)
        start = (syncsafe(stated) or 0) if version == 4 else int.from_bytes(stated) + 4
    frames = id3_frames.Frames(reader, document, version, is_in_place=is_in_place)
    frames.read(start, is_unsynchronised=bool(flags & 0x80) and version == 4)


def _tail(source: ByteSource, end: int, length: int) -> bytes:
    return source.read_range(end - length, length) if end >= length else b""


def _first_version(document: Document, data: bytes, at: int) -> None:
    """128 bytes. Where the comment ends with a NUL and a number, the number is the track (ID3v1.1)."""
    tags = _OLD.tags
    for key, tag in tags.items():
        place, length = int(key), {"Track": 2, "Genre": 1, "Year": 4}.get(tag.name, 30)
        content = data[place : place + length]
        value: Value
        if tag.name == "Track":
            if content[0] or not content[1]:
                continue
            value = content[1]
        elif tag.name == "Genre":
            value = content[0]
        else:
            value = charsets.text(content.split(b"\0", 1)[0])
        _OLD.put(document, key, value, ByteRange(at + place, length))


def _lyrics(source: ByteSource, document: Document, end: int) -> int:
    tail = _tail(source, end, 15)
    if not tail.endswith((b"LYRICS200", b"LYRICSEND")):
        return end
    if tail.endswith(b"LYRICSEND"):
        data = source.read_range(max(0, end - _LYRICS_BYTES), min(end, _LYRICS_BYTES))
        begin = data.rfind(b"LYRICSBEGIN")
        if begin < 0:
            return end
        start = end - len(data) + begin
        _LYRICS.put(
            document, "LYR", data[begin + 11 : -9].decode("cp1252", "replace"), ByteRange(start, end - start)
        )
        return start
    if not tail[:6].isdigit():
        return end
    size = int(tail[:6])
    start = end - 15 - size
    data = _tail(source, end - 15, min(size, 1 << 20))
    if start < 0 or not data.startswith(b"LYRICSBEGIN"):
        return end
    place = 11
    while (found_at := _LYRIC.match(data, place)) is not None:
        length = int(found_at[2])
        content = data[found_at.end() : found_at.end() + length]
        kind = found_at[1].decode()
        _LYRICS.put(
            document, kind, content.decode("cp1252", "replace"), ByteRange(start + found_at.end(), length),
            name=partial(str, f"Lyrics3_{kind}"),
        )  # fmt: skip
        place = found_at.end() + length
    return start
