"""Where a file of a format ends by its own structure, and what stands behind that."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading import boxes
from extractor_service.formats.reading.picture_parts import gif_blocks, png_chunks
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.modules.content.pictures import jpeg_end

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.sources.base import ByteSource

_HEAD_BYTES = 64 * 1024  # of what follows, to tell what it is
_EOCD, _EOCD_BYTES = b"PK\x05\x06", 22 + 65535  # ZIP's end, with the longest comment
# What is told by its first bytes, and what known writers put behind a picture by the bytes that they end or begin with.
_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive"), (b"%PDF-", "a PDF document"), (b"MZ", "a Windows program"), (b"\x7fELF", "a Linux program"),
    (b"Rar!\x1a\x07", "a RAR archive"), (b"7z\xbc\xaf\x27\x1c", "a 7z archive"), (b"<?php", "PHP code"), (b"<script", "a script"),
    (b"<html", "an HTML page"), (b"<!DOCTYPE", "an HTML page"), (b"\x1f\x8b\x08", "a gzip stream"), (b"#!/", "a script"),
)  # fmt: skip
_OWN = (
    (b"\xff\xd8\xff", "another JPEG picture"),
    (b"AROT", "a maker's trailer"),
    (b"Exif", "a maker's trailer"),
)
_OWN_ENDS = (
    b"SEFT",
    b"QDIOBS",
    b"cbipcbbl",
    b"\xa1\xb2\xc3\xd4",
    b"PrintIM",
    b"MetaInfo",
    b"LIGO",
    b"NIKONCAPTUREFIXED",
)


class Rest(NamedTuple):
    """Bytes behind a file's own end."""

    offset: int
    length: int
    kind: str
    """What it begins with; "" when nothing is known of it."""
    is_foreign: bool
    """Whether it is of a kind that has no business there."""
    is_blank: bool
    """Whether it is zeros, blanks or line ends alone."""


def rest(source: ByteSource, format_name: str) -> Rest | None:
    """What stands behind the end; None where nothing does, or the end isn't told."""
    finder = _ENDS.get(format_name)
    if finder is None:
        return None
    try:
        end = finder(source)
    except (CorruptFileError, TruncatedError):
        return None
    length = source.size_bytes - end
    if length <= 0:
        return None
    head = source.read_range(end, _HEAD_BYTES)
    start = head.lstrip(b"\0\r\n\t ")
    tail = source.read_range(max(end, source.size_bytes - 64), 64)
    foreign = next((name for magic, name in _FOREIGN if start.startswith(magic)), "")
    own = next((name for magic, name in _OWN if start.startswith(magic)), "")
    if head[4:8] == b"ftyp":
        own = "a film"
    if not own and any(each in tail for each in _OWN_ENDS):
        own = "a maker's trailer"
    is_blank = not start and _is_blank(source, end)
    return Rest(end, length, foreign or own, bool(foreign), is_blank)


def zip_end(source: ByteSource) -> int | None:
    """Where a ZIP archive's end of directory stands that reaches the file's end; None without one."""
    size = source.size_bytes
    data = source.read_range(max(0, size - _EOCD_BYTES), _EOCD_BYTES)
    at = data.rfind(_EOCD)
    if at < 0 or at + 22 > len(data):
        return None
    comment = int.from_bytes(data[at + 20 : at + 22], "little")
    return size - len(data) + at if at + 22 + comment == len(data) else None


def _is_blank(source: ByteSource, at: int) -> bool:
    while at < source.size_bytes:
        data = source.read_range(at, _HEAD_BYTES)
        if data.strip(b"\0\r\n\t "):
            return False
        at += len(data)
    return True


def _png(source: ByteSource) -> int:
    return next((part.end for part in png_chunks(Reader(source)) if part.kind == b"IEND"), source.size_bytes)


def _riff(source: ByteSource) -> int:
    length = int.from_bytes(source.read_range(4, 4), "little")
    if length in {0, 0xFFFFFFFF}:  # never written: a stream
        return source.size_bytes
    return 8 + length + length % 2


def _gif(source: ByteSource) -> int:
    return next((part.end for part in gif_blocks(Reader(source)) if part.kind == b";"), source.size_bytes)


def _bmff(source: ByteSource) -> int:
    reader, end = Reader(source), 0
    for box in boxes.walk(reader, 0, reader.length):
        if not box.kind.isalnum() and box.kind[:1] != b"\xa9" and b" " not in box.kind:
            break
        end = box.offset + box.length
    return end


_ENDS: dict[str, Callable[[ByteSource], int]] = {
    "jpeg": jpeg_end, "png": _png, "gif": _gif, "webp": _riff, "wav": _riff,
    **dict.fromkeys(("heic", "avif"), _bmff),
}  # fmt: skip
