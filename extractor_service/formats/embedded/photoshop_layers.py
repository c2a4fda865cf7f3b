"""Photoshop's layers: in PSD and PSB files, and in the document data that it leaves in TIFF files.

Adobe Photoshop File Formats Specification (2019), "Layer and Mask Information Section", "Additional Layer Information", and
"Photoshop TIFF Technical Notes" (2002), "ImageSourceData". The time of a layer ("shmd") by exiftool.org/TagNames/Photoshop.html#Layers.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.embedded.photoshop import SECTION, table, unicode_text
from extractor_service.formats.reading.conversions import unix_time
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

_MAX_LAYERS = 1000  # the 16-bit count allows 32,768; each adds to several lists, the rest is left out
_MAX_BLOCKS = 200  # of a layer, of which each has a dozen, or of a document; later ones are unread
_MAX_TEXT_BYTES = 65_536  # of a layer's name, or of its descriptor of metadata
_SIGNATURES = frozenset({b"8BIM", b"8B64"})
# Blocks whose length has 64 bits in large documents.
_LONG = frozenset(b"LMsk Lr16 Lr32 Layr Mt16 Mt32 Mtrn Alph FMsk lnk2 FEid FXid PxSD".split())
_LAYERS = frozenset({b"Layr", b"Lr16", b"Lr32"})
_LEAST_EXTRA_BYTES = 12  # a layer's mask and blending ranges by their lengths, and a name of none
_TIFF_HEADS = {
    b"Adobe Photoshop Document Data Block\0": False,
    b"Adobe Photoshop Document Data V0002\0": True,
}
_ORDER = ("_xrct", "_xbnd", "_xopc", "_xvis", "_xnam", "luni", "lclr", "lsct", "shmd")
_TIMES = {b"layerTimedoub": ">d", b"layerTimebuod": "<d"}  # as the document's byte order has the word


class Shape(NamedTuple):
    """How a document writes its numbers."""

    is_large: bool
    """Of more than 30,000 pixels (PSB): some lengths have 64 bits."""
    is_little: bool = False
    """In TIFF files of that byte order, where four letters stand the other way round, too."""


def layers(reader: Reader, document: Document, shape: Shape) -> None:
    """The layers of a PSD file, whose layer and mask information fills `reader`'s window; deep pictures have them in a block behind."""
    wide = 8 if shape.is_large else 4
    length = reader.u64(0) if shape.is_large else reader.u32(0)
    if length:
        _list(reader.view(reader.base + wide, length), document, shape)
        return
    masks = reader.u32(wide)
    behind = wide + 4 + masks
    for kind, at, size in _blocks(reader, behind, reader.length, shape):
        if kind in _LAYERS:
            _list(reader.view(reader.base + at, size), document, shape)
            return


def in_tiff(reader: Reader, document: Document) -> None:
    """The layers in the tag ImageSourceData, whose value fills `reader`'s window."""
    head = reader.some(0, 40)
    is_large = _TIFF_HEADS.get(head[:36])
    if is_large is None:
        return
    shape = Shape(is_large, is_little=head[36:40] not in _SIGNATURES)
    ordered = reader.view(reader.base, reader.length, big_endian=not shape.is_little)
    for kind, at, size in _blocks(ordered, 36, ordered.length, shape):
        if kind in _LAYERS:
            _list(ordered.view(ordered.base + at, size), document, shape)


def _word(data: bytes, shape: Shape) -> bytes:
    return data[::-1] if shape.is_little else data


def _blocks(reader: Reader, offset: int, end: int, shape: Shape) -> Iterator[tuple[bytes, int, int]]:
    """Key, place and length of each block of additional information; ends where there is none."""
    for _ in range(_MAX_BLOCKS):
        if offset + 12 > end or _word(reader.exact(offset, 4), shape) not in _SIGNATURES:
            return
        kind = _word(reader.exact(offset + 4, 4), shape)
        is_long = shape.is_large and kind in _LONG
        size = reader.u64(offset + 8) if is_long else reader.u32(offset + 8)
        at = offset + (16 if is_long else 12)
        if at + size > end:
            raise TruncatedError(reader.base + at, size, reader.base + end)
        yield kind, at, size
        offset = at + (size + 3) // 4 * 4


def _list(reader: Reader, document: Document, shape: Shape) -> None:
    """Adds names, places, blend modes and opacities of the layers, each as one list."""
    count = abs(reader.unpack("h", 0)[0])
    document.add(SECTION, Field("LayerCount", count, group="Photoshop", origin=ByteRange(reader.base, 2)))
    found: dict[str, list[Value]] = {}
    offset = 2
    try:
        for index in range(min(count, _MAX_LAYERS)):
            offset = _layer(reader, offset, _Collected(found, index), shape)
    except TruncatedError as error:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"layers are cut: {error}", error.offset)
    except _DamagedLayerError as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"layers of {count}: {error}", reader.base + offset)
    told = len(found.get("_xvis", ()))  # layers whose fixed part is whole
    if count > _MAX_LAYERS:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MAX_LAYERS} of {count} layers were read")
    tags = table("Layers")
    for key in _ORDER if told else ():
        values = found.get(key)
        if values:
            del values[told:]
            values += [_missing(key)] * (told - len(values))
            tag = tags[key]
            texts = [tag.text(each) for each in values]
            text = ", ".join(texts) if any(texts) else ""
            document.add(SECTION, Field(tag.name, values, text, group="Photoshop"))


class _DamagedLayerError(Exception):
    """A layer record that can't be one; what follows can't be found."""


class _Collected(NamedTuple):
    """Values of all layers by key, and which layer is being read."""

    values: dict[str, list[Value]]
    place: int

    def put(self, key: str, value: Value) -> None:
        """Layers before that have no such value get an empty one, so that places in all lists mean the same layer."""
        values = self.values.setdefault(key, [])
        if len(values) > self.place:
            return  # a layer has one of each: the first
        values += [_missing(key)] * (self.place - len(values))
        values.append(value)


def _missing(key: str) -> Value:
    return 0 if key == "lsct" else ""


def _layer(reader: Reader, offset: int, found: _Collected, shape: Shape) -> int:
    """Reads one layer; returns where the next begins."""
    found.put("_xrct", " ".join(map(str, reader.unpack("IIII", offset))))
    channels = reader.u16(offset + 16)
    offset += 18 + channels * (10 if shape.is_large else 6)
    if _word(reader.exact(offset, 4), shape) not in _SIGNATURES:
        raise _DamagedLayerError("one has no signature")
    found.put("_xbnd", _word(reader.exact(offset + 4, 4), shape).decode("latin-1"))
    found.put("_xopc", reader.u8(offset + 8) * 100 / 255)
    found.put("_xvis", reader.u8(offset + 10) & 2)
    extra = reader.u32(offset + 12)
    position, end = offset + 16, offset + 16 + extra
    if extra < _LEAST_EXTRA_BYTES:
        raise _DamagedLayerError(f"one has {extra} bytes for its mask, ranges and name")
    for _ in range(2):  # the mask, then the blending ranges
        position += 4 + reader.u32(position)
    length = reader.u8(position)
    if position + 1 + length > end:
        raise _DamagedLayerError("one is longer than it says")
    found.put("_xnam", reader.exact(position + 1, length).decode("mac-roman"))
    position += (length + 4) // 4 * 4
    for key, at, size in _blocks(reader, position, end, shape):
        read = _READERS.get(key)
        if read is not None and size <= _MAX_TEXT_BYTES:
            value = read(reader, at, size)
            if value is not None:
                found.put(key.decode(), value)
    return end


def _time(reader: Reader, at: int, size: int) -> Value:
    """When the layer was changed, as its descriptor of metadata says; seconds since 1970."""
    data = reader.exact(at, size)
    for mark, form in _TIMES.items():
        place = data.find(mark)
        if 0 <= place <= len(data) - 21:
            (seconds,) = struct.unpack_from(form, data, place + len(mark))
            if 0 < seconds < 1 << 33:  # the year 2242; also no number at all
                return f"{unix_time(int(seconds))}+00:00"
    return ""


_READERS: dict[bytes, Callable[[Reader, int, int], Value]] = {
    b"luni": lambda reader, at, size: unicode_text(reader.exact(at, size), 0)[0],
    b"lclr": lambda reader, at, size: reader.u16(at) if size >= 2 else None,
    b"lsct": lambda reader, at, size: reader.u32(at) if size >= 4 else None,
    b"shmd": _time,
}
