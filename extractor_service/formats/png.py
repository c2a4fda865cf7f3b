"""PNG: walks the chunks, reading only headers and those that describe the image.

PNG specification, third edition: 5.3 (chunks), 11.2 (critical), 11.3 (ancillary, with eXIf and iCCP); XMP in iTXt
by XMP specification part 3 section 1.1.5.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats import exif, icc, xmp
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_MAX_CHUNKS = 100_000
_MAX_CHUNK_BYTES = 4 * 1024 * 1024
_MAX_INFLATED_BYTES = 4 * 1024 * 1024
_COLOR_TYPES = {
    0: "Grayscale", 2: "RGB", 3: "Palette", 4: "Grayscale with Alpha", 6: "RGB with Alpha",
}  # fmt: skip
_INTENTS = {0: "Perceptual", 1: "Relative Colorimetric", 2: "Saturation", 3: "Absolute Colorimetric"}
_SECTION = "png"


def parse(source: ByteSource, document: Document) -> None:
    """Header, text, time, physical size, colour and EXIF chunks."""
    reader = Reader(source)
    try:
        _walk(reader, source, document)
    except TruncatedError as error:
        if not document.sections:
            raise CorruptFileError("the file ends inside its header") from error
        document.problem(_SECTION, ProblemKind.TRUNCATED, str(error), error.offset)


def _walk(reader: Reader, source: ByteSource, document: Document) -> None:
    offset = 8
    for _ in range(_MAX_CHUNKS):
        length = reader.u32(offset)
        kind = reader.exact(offset + 4, 4)
        if kind == b"IEND":
            return
        if not kind.isalpha():
            document.problem(_SECTION, ProblemKind.DAMAGED, f"chunk type {kind!r}", offset)
            if not document.sections:
                raise CorruptFileError("no chunk could be read")
            return
        handler = _CHUNKS.get(kind)
        if kind == b"eXIf":
            exif.parse(source, document, base=offset + 8, length=length)
        elif handler is not None:
            if length > _MAX_CHUNK_BYTES:
                document.problem(_SECTION, ProblemKind.LIMIT, f"{kind.decode()} has {length} bytes", offset)
            else:
                data = reader.exact(offset + 8, length)
                try:
                    handler(data, document, ByteRange(offset + 8, length))
                except (IndexError, ValueError, zlib.error) as error:
                    document.problem(_SECTION, ProblemKind.DAMAGED, f"{kind.decode()}: {error}", offset)
        offset += 12 + length
    document.problem(_SECTION, ProblemKind.LIMIT, f"more than {_MAX_CHUNKS} chunks", offset)


def _header(data: bytes, document: Document, origin: ByteRange) -> None:
    if len(data) < 13:
        raise ValueError(f"has {len(data)} bytes, 13 are expected")
    width, height = int.from_bytes(data[:4]), int.from_bytes(data[4:8])
    depth, color, compression, filtering, interlace = data[8:13]
    document.add(_SECTION, "ImageWidth", width, unit="px", origin=origin)
    document.add(_SECTION, "ImageHeight", height, unit="px", origin=origin)
    document.add(_SECTION, "BitDepth", depth, unit="bit", origin=origin)
    document.add(_SECTION, "ColorType", color, text=_COLOR_TYPES.get(color, ""), origin=origin)
    document.add(_SECTION, "Compression", compression, text="Deflate/Inflate", origin=origin)
    document.add(_SECTION, "Filter", filtering, text="Adaptive", origin=origin)
    text = {0: "Noninterlaced", 1: "Adam7 Interlace"}.get(interlace, "")
    document.add(_SECTION, "Interlace", interlace, text=text, origin=origin)


def _physical(data: bytes, document: Document, origin: ByteRange) -> None:
    unit = data[8]
    for name, start in (("PixelsPerUnitX", 0), ("PixelsPerUnitY", 4)):
        document.add(_SECTION, name, int.from_bytes(data[start : start + 4]), origin=origin, group="PNG-pHYs")
    text = {0: "Unknown", 1: "meters"}.get(unit, "")
    document.add(_SECTION, "PixelUnits", unit, text=text, origin=origin, group="PNG-pHYs")


def _gamma(data: bytes, document: Document, origin: ByteRange) -> None:
    stored = int.from_bytes(data[:4])
    value = round(100_000 / stored, 9) if stored else None
    document.add(_SECTION, "Gamma", value, raw=stored, origin=origin)


def _srgb(data: bytes, document: Document, origin: ByteRange) -> None:
    document.add(_SECTION, "SRGBRendering", data[0], text=_INTENTS.get(data[0], ""), origin=origin)


def _time(data: bytes, document: Document, origin: ByteRange) -> None:
    year, (month, day, hour, minute, second) = int.from_bytes(data[:2]), data[2:7]
    text = f"{year:04d}:{month:02d}:{day:02d} {hour:02d}:{minute:02d}:{second:02d}"
    document.add(_SECTION, "ModifyDate", text, note="UTC", origin=origin)


def _text(data: bytes, document: Document, origin: ByteRange) -> None:
    keyword, _, value = data.partition(b"\0")
    document.add(_SECTION, _keyword(keyword), value.decode("latin-1"), group="tEXt", origin=origin)


def _compressed_text(data: bytes, document: Document, origin: ByteRange) -> None:
    keyword, _, rest = data.partition(b"\0")
    value = _inflate(rest[1:]).decode("latin-1")
    document.add(_SECTION, _keyword(keyword), value, group="zTXt", origin=origin)


def _international_text(data: bytes, document: Document, origin: ByteRange) -> None:
    keyword, _, rest = data.partition(b"\0")
    compressed, rest = rest[0], rest[2:]
    language, _, rest = rest.partition(b"\0")
    _, _, value = rest.partition(b"\0")
    if compressed:
        value = _inflate(value)
    if keyword == b"XML:com.adobe.xmp":
        xmp.parse(value, document)
        return
    note = language.decode("ascii", "replace")
    document.add(
        _SECTION, _keyword(keyword), value.decode("utf-8", "replace"), group="iTXt", note=note, origin=origin
    )


def _profile(data: bytes, document: Document, origin: ByteRange) -> None:
    name, _, rest = data.partition(b"\0")
    document.add(_SECTION, "ProfileName", name.decode("latin-1"), origin=origin)
    icc.parse(_inflate(rest[1:]), document)


def _animation(data: bytes, document: Document, origin: ByteRange) -> None:
    document.add(_SECTION, "AnimationFrames", int.from_bytes(data[:4]), origin=origin)
    document.add(_SECTION, "AnimationPlays", int.from_bytes(data[4:8]), origin=origin)


def _keyword(data: bytes) -> str:
    """The keyword as ExifTool writes it: "CreationTime" for "Creation Time"."""
    return "".join(part[:1].upper() + part[1:] for part in data.decode("latin-1").split()) or "Unnamed"


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    inflated = inflater.decompress(data, _MAX_INFLATED_BYTES)
    if inflater.unconsumed_tail:
        raise ValueError(f"inflates to more than {_MAX_INFLATED_BYTES} bytes")
    return inflated


_CHUNKS = {
    b"IHDR": _header,
    b"pHYs": _physical,
    b"gAMA": _gamma,
    b"sRGB": _srgb,
    b"tIME": _time,
    b"tEXt": _text,
    b"zTXt": _compressed_text,
    b"iTXt": _international_text,
    b"iCCP": _profile,
    b"acTL": _animation,
}
