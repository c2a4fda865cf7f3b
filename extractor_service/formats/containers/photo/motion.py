"""What phones write behind a photograph: films, gain maps, depths. Found, sized and, films, described.

developer.android.com, "Motion Photo format" 1.0 (directory of items in XMP, MicroVideo before it). Samsung's "SEFT" by
exiftool.org/TagNames/Samsung.html#Trailer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Struct
from extractor_service.formats.containers.isobmff import inside
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "trailer"
DIRECTORY, OFFSET = "ContainerDirectory", "MicroVideoOffset"
"""The fields of XMP that say so, today's and the older one."""
_GROUP = "Google"
_NAMES = {
    "MotionPhoto": "MotionPhotoVideo", "GainMap": "GainMapImage", "Depth": "DepthMapImage", "Confidence": "ConfidenceMapImage",
    "android/depthmap": "DepthMapImage", "android/confidencemap": "ConfidenceMapImage",
}  # fmt: skip
_BEGINNINGS = {"image/jpeg": (0, b"\xff\xd8\xff"), "video/mp4": (4, b"ftyp"), "video/quicktime": (4, b"ftyp")}
_MOST_ITEMS = 64  # a picture has five
_SAMSUNG = Table("others/Samsung::Trailer", "makernotes", "Samsung")
_SAMSUNG_END, _SAMSUNG_HEAD = b"SEFT", b"SEFH"
_MOST_DIRECTORY_BYTES = 64 * 1024  # of twelve an entry: thousands
_MOST_TEXT_BYTES = 1024  # of names, versions, codes
_VIDEO, _VIDEO_NAME = 0x0A30, b"MotionPhoto_Data"


def parse(source: ByteSource, document: Document) -> None:
    """What the XMP packet says that there is behind the picture, and Samsung's directory at the end; asked where either may be."""
    _samsung(source, document)
    directory, video = document.find("xmp", DIRECTORY), document.find("xmp", OFFSET)
    if directory is not None:
        _items(source, document, directory.value)
    elif video is not None:
        offset = _number(video.value)
        if 0 < offset < source.size_bytes:
            _add(source, document, "MotionPhoto", "video/mp4", source.size_bytes - offset, offset)


def _items(source: ByteSource, document: Document, directory: Value) -> None:
    """The directory's items lie one behind the other up to the file's end; the first is the picture itself."""
    at = source.size_bytes
    for entry in reversed(directory[1:_MOST_ITEMS] if isinstance(directory, list) else ()):
        inner = dict(entry.entries).get("Item", entry) if isinstance(entry, Struct) else None
        if not isinstance(inner, Struct):
            return
        item = dict(inner.entries)
        length = _number(item.get("Length"))
        at -= length + _number(item.get("Padding"))
        if at <= 0 or not length:
            return
        _add(source, document, str(item.get("Semantic")), str(item.get("Mime")), at, length)


def _add(source: ByteSource, document: Document, meaning: str, kind: str, at: int, length: int) -> None:
    place, mark = _BEGINNINGS.get(kind, (0, b""))
    if mark and source.read_range(at + place, len(mark)) != mark:
        return  # other software has cut it off, or moved it
    name = _NAMES.get(meaning) or "".join(each for each in meaning if each.isalnum()) + "Item"
    fields.add_binary(document, SECTION, _GROUP, name, length, ByteRange(at, length))
    if mark == b"ftyp":
        inside.describe(source, document, at, length)


def _samsung(source: ByteSource, document: Document) -> None:
    """A directory at the file's end, of blocks before it by their distance: type, name, content."""
    reader = Reader(source, big_endian=False)
    tail = reader.some(reader.length - 8, 8)
    size = int.from_bytes(tail[:4], "little")
    start = reader.length - 8 - size
    if tail[4:] != _SAMSUNG_END or not 12 <= size <= _MOST_DIRECTORY_BYTES or start < 0:
        return
    directory = reader.exact(start, size)
    if directory[:4] != _SAMSUNG_HEAD:
        return
    for index in range(min(int.from_bytes(directory[8:12], "little"), (size - 12) // 12)):
        entry = directory[12 + 12 * index : 24 + 12 * index]
        kind = int.from_bytes(entry[2:4], "little")
        at, length = start - int.from_bytes(entry[4:8], "little"), int.from_bytes(entry[8:12], "little")
        if at < 0 or length < 8 or at + length > start:
            continue
        name = reader.exact(at + 8, min(reader.u32(at + 4), length - 8, _MOST_TEXT_BYTES))
        content = at + 8 + len(name)
        _samsung_block(source, document, kind, name, content, length - 8 - len(name))


def _samsung_block(
    source: ByteSource, document: Document, kind: int, name: bytes, at: int, length: int
) -> None:
    key, origin = f"0x{kind:04x}", ByteRange(at, length)
    _SAMSUNG.put(
        document, f"{key}-name", name.decode("utf-8", "replace"), ByteRange(at - len(name), len(name))
    )
    if kind == _VIDEO and length > 12:
        fields.add_binary(document, "makernotes", "Samsung", "EmbeddedVideoFile", length, origin)
        if name == _VIDEO_NAME:
            inside.describe(source, document, at, length)
        return
    tag = _SAMSUNG.tags.get(key)
    if tag is None:
        return
    if tag.binary:
        fields.add_binary(document, "makernotes", "Samsung", tag.name, length, origin)
    elif kind != _VIDEO and length <= _MOST_TEXT_BYTES:
        text = source.read_range(at, length).split(b"\0")[0]
        _SAMSUNG.put(document, key, text.decode("utf-8", "replace"), origin)


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
