"""The boxes of JPEG 2000 (JP2, JPX) and JPEG XL files, which share them.

ISO/IEC 15444-1 annex I (JP2); ISO/IEC 18181-2 (JPEG XL).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Rational
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.photo import j2c, jxl_codestream
from extractor_service.formats.embedded import exif, icc, xmp
from extractor_service.formats.reading import binary, boxes, fields
from extractor_service.formats.reading.brotli_stream import unbrotli
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_SECTION = "jpeg2000"
_WHOLE = frozenset(
    {b"uuid", b"xml ", b"XML ", b"Exif", b"brob", b"jp2i", b"colr"}
)  # boxes that are read at once
_CODESTREAM_COST = 16_384  # bytes, of each without a size of its own: a file may be full of them
_RESOLUTION_BYTES = 10  # two fractions and their powers of ten (I.5.3.7.1)
_MAX_PACKET_BYTES = 8 * 1024 * 1024  # boxes are read whole (XMP, EXIF, profiles); larger ones are passed over
_MAX_DEPTH = 8  # of boxes in boxes; associations may hold associations
_PARENTS = frozenset(
    {b"jp2h", b"res ", b"uinf", b"jpch", b"jplh", b"asoc", b"drep"}
)  # 15444-1 annex I, 15444-2 annex M
_PACKED = frozenset({b"Exif", b"xml ", b"jumb"})
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_UUIDS = frozenset({b"JpgTiffExif->JP2", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e")})
_IPTC_UUIDS = frozenset(
    {
        bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"),
        bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"),  # Adobe's plug-in of 2002, as the next
    }
)
_PHOTOSHOP_UUID = bytes.fromhex("2c4c0100850440b9a03e562148d6dfeb")
_GEO_UUID = bytes.fromhex("b14bf8bd083d4b43a5ae8cd7d5a6ce03")


def _bits_text(value: Value) -> str:
    if not isinstance(value, int):
        return ""
    if value == 0xFF:
        return "Variable"
    return f"{(value & 0x7F) + 1} Bits, {'Signed' if value & 0x80 else 'Unsigned'}"


@lru_cache(maxsize=8)
def _table(name: str) -> dict[int | str, Tag]:
    return build(
        raw_table("containers", f"Jpeg2000::{name}"), {"BitsPerComponent": Conversion(None, _bits_text)}
    )


def parse(source: ByteSource, document: Document) -> None:
    """A JP2, JPX or JPEG XL file in boxes."""
    reader = Reader(source)
    try:
        _boxes(reader, document, 0, source.size_bytes, 0)
    except TruncatedError as error:
        if not document.sections:
            raise CorruptFileError("no box could be read") from error
        document.problem(_SECTION, ProblemKind.TRUNCATED, str(error), error.offset)


def _boxes(reader: Reader, document: Document, start: int, end: int, depth: int) -> None:
    for box in boxes.walk(reader, start, end):
        kind, offset, length = box
        if kind in _PARENTS and depth < _MAX_DEPTH:
            _boxes(reader, document, offset, offset + length, depth + 1)
        elif kind in {b"jp2c", b"jxlc"} or (kind == b"jxlp" and not reader.u32(offset) & 0x7FFFFFFF):
            with Surviving(document, _SECTION, "the codestream", reader.base + offset):
                _image(reader, document, box)
        elif length <= _MAX_PACKET_BYTES or kind == b"jumb":
            with Surviving(document, _SECTION, "box", reader.base + offset, kind):
                _box(reader, document, box)
        elif kind in _WHOLE:
            message = f"box {kind!r} has {length} bytes"
            document.problem(_SECTION, ProblemKind.LIMIT, message, reader.base + offset)


def _image(reader: Reader, document: Document, box: boxes.Box) -> None:
    """What the picture's own header says; damage there leaves the other boxes."""
    kind, offset, length = box
    try:
        if kind != b"jp2c":
            skipped = 4 if kind == b"jxlp" else 0
            jxl_codestream.size(reader, document, offset + skipped, length - skipped)
        elif document.find(_SECTION, "ImageWidth") is None:
            document.spend(_CODESTREAM_COST)
            j2c.segments(reader.view(reader.base + offset, length), document)
    except CorruptFileError as error:
        document.problem(_SECTION, ProblemKind.DAMAGED, str(error), reader.base + offset)


def _box(reader: Reader, document: Document, box: boxes.Box) -> None:
    kind, offset, length = box
    at = reader.base + offset
    if kind == b"ftyp":
        _file_type(reader.exact(offset, length), document, at)
    elif kind == b"ihdr":
        binary.parse(reader.exact(offset, length), binary.Layout("int8u", big_endian=True), _table("ImageHeader"), binary.Place(document, _SECTION, "Jpeg2000"), origin=at)  # fmt: skip
    elif kind == b"colr":
        _color(reader.exact(offset, length), document, at)
    elif kind in {b"resc", b"resd"}:
        name = "CaptureResolution" if kind == b"resc" else "DisplayResolution"
        if length < _RESOLUTION_BYTES:
            raise TruncatedError(at, _RESOLUTION_BYTES, at + length)
        _resolution(
            reader.exact(offset, _RESOLUTION_BYTES),
            document,
            at,
            name.removesuffix("Resolution"),
            _table(name),
        )
    elif kind == b"uuid" and length >= 16:
        _uuid(reader, document, reader.exact(offset, 16), offset + 16, length - 16)
    elif kind in {b"xml ", b"XML "}:
        _xml(reader.exact(offset, length), document, at, length)
    elif kind == b"Exif" and length > 8:
        skip = 4 + reader.u32(offset)
        if skip < length:
            exif.parse(reader.source, document, at + skip, length - skip)
    elif kind == b"brob" and length > 4:
        _brotli(reader, document, offset, length)
    elif kind == b"jp2i":
        xmp.parse(reader.exact(offset, length), document, ByteRange(at, length))
    elif kind == b"jumb":
        from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - when first met

        jumbf_fields.parse(reader.view(at, length), document)
    elif kind == b"lbl ":
        text = reader.exact(offset, length).rstrip(b"\0").decode("utf-8", "replace")
        document.add(_SECTION, Field("Label", text, group="Jpeg2000", origin=ByteRange(at, length)))
    elif kind == b"url ":
        text = reader.exact(offset, length)[4:].rstrip(b"\0").decode("utf-8", "replace")
        document.add(_SECTION, Field("URL", text, group="Jpeg2000", origin=ByteRange(at, length)))


def _brotli(reader: Reader, document: Document, offset: int, length: int) -> None:
    """A packed box (18181-2, 9.7): its type, then its content as Brotli has it."""
    kind, at = reader.exact(offset, 4), reader.base + offset
    if kind not in _PACKED:
        return
    try:
        data = unbrotli(reader.exact(offset + 4, length - 4), _MAX_PACKET_BYTES + 1, document.spend)
    except ImportError:
        message = f"box {kind!r} is packed by Brotli, which isn't installed"
        document.problem(_SECTION, ProblemKind.UNSUPPORTED, message, at)
        return
    except ValueError as error:
        document.problem(_SECTION, ProblemKind.DAMAGED, f"box {kind!r} can't be unpacked: {error}", at)
        return
    if len(data) > _MAX_PACKET_BYTES:
        message = f"box {kind!r} unpacks to more than {_MAX_PACKET_BYTES} bytes"
        document.problem(_SECTION, ProblemKind.LIMIT, message, at)
    elif kind == b"Exif" and len(data) > 8:
        exif.parse_bytes(data[4 + int.from_bytes(data[:4]) :], document)
    elif kind == b"xml ":
        xmp.parse(data, document, ByteRange(at, length))
    elif kind == b"jumb":
        from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - when first met

        jumbf_fields.parse(Reader(BytesSource(data)), document, is_located=False)


def _file_type(data: bytes, document: Document, at: int) -> None:
    if len(data) < 8:
        raise TruncatedError(at, 8, at + len(data))
    tags = _table("FileType")
    brand = data[:4].decode("latin-1")
    minor = int.from_bytes(data[4:8])
    listed = (data[index : index + 4] for index in range(8, len(data) - 3, 4))
    brands: list[Value] = [each.decode("latin-1") for each in listed if 0 not in each]  # zeros fill a list up
    document.add(
        _SECTION, Field("MajorBrand", brand, tags[0].text(brand), group="Jpeg2000", origin=ByteRange(at, 4))
    )
    version = f"{minor >> 16:x}.{minor >> 8 & 255:x}.{minor & 255:x}"
    document.add(_SECTION, Field("MinorVersion", version, group="Jpeg2000", origin=ByteRange(at + 4, 4)))
    document.add(
        _SECTION, Field("CompatibleBrands", brands, group="Jpeg2000", origin=ByteRange(at + 8, len(data) - 8))
    )


def _color(data: bytes, document: Document, at: int) -> None:
    if len(data) < 3:
        raise TruncatedError(at, 3, at + len(data))
    tags = _table("ColorSpec")
    values: list[tuple[int, int]] = [
        (index, int.from_bytes(data[index : index + 1], signed=True)) for index in range(3)
    ]
    for index, value in values:
        document.add(_SECTION, Field(tags[index].name, value, tags[index].text(value), group="Jpeg2000",
                     origin=ByteRange(at + index, 1)))  # fmt: skip
    method = values[0][1]
    if method == 1 and len(data) >= 7:
        value = int.from_bytes(data[3:7])
        document.add(
            _SECTION,
            Field("ColorSpace", value, tags[3].text(value), group="Jpeg2000", origin=ByteRange(at + 3, 4)),
        )
    elif method in {2, 3}:
        icc.parse(data[3:], document, at + 3)
    elif method > 3 and len(data) > 3:
        place = ByteRange(at + 3, len(data) - 3)
        fields.add_binary(document, _SECTION, "Jpeg2000", "ColorSpecData", len(data) - 3, place)


def _resolution(data: bytes, document: Document, at: int, name: str, tags: dict[int | str, Tag]) -> None:
    for index, axis in enumerate("YX"):
        top, bottom = (int.from_bytes(data[index * 4 + step : index * 4 + step + 2]) for step in (0, 2))
        value = top / bottom if bottom else None
        document.add(
            _SECTION,
            Field(
                f"{name}{axis}Resolution",
                value,
                raw=Rational(top, bottom),
                group="Jpeg2000",
                origin=ByteRange(at + index * 4, 4),
            ),
        )
    for index, axis in enumerate("YX"):
        unit = int.from_bytes(data[8 + index : 9 + index], signed=True)
        text = tags[8 + index].text(unit)
        document.add(
            _SECTION,
            Field(
                f"{name}{axis}ResolutionUnit",
                unit,
                text,
                group="Jpeg2000",
                origin=ByteRange(at + 8 + index, 1),
            ),
        )


def _uuid(reader: Reader, document: Document, uuid: bytes, offset: int, length: int) -> None:
    at = reader.base + offset
    if uuid == _XMP_UUID:
        xmp.parse(reader.exact(offset, length), document, ByteRange(at, length))
    elif uuid in _EXIF_UUIDS:
        skip = 6 if reader.some(offset, 6) == b"Exif\0\0" else 0
        exif.parse(reader.source, document, at + skip, length - skip)
    elif uuid in _IPTC_UUIDS:
        from extractor_service.formats.embedded import iptc  # noqa: PLC0415 - rare

        iptc.parse(reader.exact(offset, length), document, at)
    elif uuid == _PHOTOSHOP_UUID:
        from extractor_service.formats.embedded import photoshop  # noqa: PLC0415 - rare

        photoshop.resources(reader.view(at, length, big_endian=True), document, exif.parse_bytes)
    elif uuid == _GEO_UUID:
        exif.parse(reader.source, document, at, length)


def _xml(data: bytes, document: Document, at: int, length: int) -> None:
    if b"xpacket" in data[:200] or b"<x:xmpmeta" in data[:400] or b"rdf:RDF" in data[:2000]:
        xmp.parse(data, document, ByteRange(at, length))
    else:
        from extractor_service.formats.embedded import plain_xml  # noqa: PLC0415 - rare

        plain_xml.parse(data, document, "the box of XML", ByteRange(at, length), with_root=True)
