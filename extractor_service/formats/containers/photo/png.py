"""PNG: walks the chunks, reading only headers and those that describe the image.

PNG specification, third edition: 5.3 (chunks), 11.2 (critical), 11.3 (ancillary, with eXIf and iCCP); XMP in iTXt
by XMP specification part 3 section 1.1.5.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import exif, icc, xmp
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading.conversions import date_text
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_MAX_CHUNKS: Final = 100_000  # image data often comes in pieces of 8 KiB: 800 MB of it; then a Problem
_MAX_CHUNK_BYTES: Final = 4 * 1024 * 1024  # texts and profiles are read whole; a larger chunk is a Problem
# Deflate may unfold a thousandfold; a longer text or profile is a Problem.
_MAX_INFLATED_BYTES: Final = 4 * 1024 * 1024
_INTENTS: Final = {0: "Perceptual", 1: "Relative Colorimetric", 2: "Saturation", 3: "Absolute Colorimetric"}
_SECTION: Final = "png"


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
            with Surviving(document, _SECTION, "eXIf", offset):
                # Some programs write the prefix of JPEG's segments.
                skip = 6 if reader.some(offset + 8, 6) == b"Exif\0\0" else 0
                exif.parse(source, document, offset + 8 + skip, length - skip)
        elif kind == b"caBX":  # C2PA specification 2.4, A.3.3
            from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - when first met

            jumbf_fields.parse(reader.view(offset + 8, length), document)
        elif handler is not None:
            if length > _MAX_CHUNK_BYTES:
                document.problem(_SECTION, ProblemKind.LIMIT, f"{kind.decode()} has {length} bytes", offset)
            else:
                data = reader.exact(offset + 8, length)
                with Surviving(document, _SECTION, kind.decode(), offset):
                    handler(data, document, ByteRange(offset + 8, length))
        offset += 12 + length
    document.problem(_SECTION, ProblemKind.LIMIT, f"more than {_MAX_CHUNKS} chunks", offset)


@lru_cache(maxsize=16)
def _table(name: str) -> dict[int | str, Tag]:
    plays = Conversion(None, lambda value: "inf" if value == 0 else "")
    return build(raw_table("containers", f"PNG::{name}"), {"AnimationPlays": plays})


def _table_of(
    name: str, group: str = "PNG", unit: str = "int8u"
) -> Callable[[bytes, Document, ByteRange], None]:
    """A reader for chunks of fixed places."""

    def read(data: bytes, document: Document, origin: ByteRange) -> None:
        at = origin.offset_bytes
        binary.parse(
            data,
            binary.Layout(unit, big_endian=True),
            _table(name),
            binary.Place(document, _SECTION, group),
            origin=at,
        )

    return read


def _header(data: bytes, document: Document, origin: ByteRange) -> None:
    if len(data) < 13:
        raise ValueError(f"has {len(data)} bytes, 13 are expected")
    _table_of("ImageHeader")(data, document, origin)


def _gamma(data: bytes, document: Document, origin: ByteRange) -> None:
    stored = int.from_bytes(data[:4])
    value = int(100_000 / stored * 10_000 + 0.5) / 10_000 if stored else None
    document.add(_SECTION, Field("Gamma", value, raw=stored, group="PNG", origin=origin))


def _srgb(data: bytes, document: Document, origin: ByteRange) -> None:
    document.add(
        _SECTION, Field("SRGBRendering", data[0], _INTENTS.get(data[0], ""), group="PNG", origin=origin)
    )


def _numbers(name: str, width: int) -> Callable[[bytes, Document, ByteRange], None]:
    def read(data: bytes, document: Document, origin: ByteRange) -> None:
        values: list[Value] = [
            int.from_bytes(data[i : i + width]) for i in range(0, len(data) - width + 1, width)
        ]
        document.add(
            _SECTION, Field(name, values[0] if len(values) == 1 else values, group="PNG", origin=origin)
        )

    return read


def _binary(name: str) -> Callable[[bytes, Document, ByteRange], None]:
    def read(data: bytes, document: Document, origin: ByteRange) -> None:
        fields.add_binary(document, _SECTION, "PNG", name, len(data), origin)

    return read


def _transparency(data: bytes, document: Document, origin: ByteRange) -> None:
    if len(data) > 6:
        _binary("Transparency")(data, document, origin)
    else:
        width = 2 if len(data) in {2, 6} else 1
        _numbers("Transparency", width)(data, document, origin)


def _chromaticities(data: bytes, document: Document, origin: ByteRange) -> None:
    for key, tag in _table("PrimaryChromaticities").items():
        if isinstance(key, int) and key * 4 + 4 <= len(data):
            value = int.from_bytes(data[key * 4 : key * 4 + 4]) / 100_000
            document.add(
                _SECTION,
                Field(tag.name, value, group="PNG", origin=ByteRange(origin.offset_bytes + key * 4, 4)),
            )


def _offset(data: bytes, document: Document, origin: ByteRange) -> None:
    x, y = (int.from_bytes(data[start : start + 4], signed=True) for start in (0, 4))
    unit = {0: "pixels", 1: "micrometers"}.get(data[8], "")
    document.add(
        _SECTION,
        Field("ImageOffset", f"{x}, {y}" + (f" ({unit})" if unit else ""), group="PNG", origin=origin),
    )


def _scale(data: bytes, document: Document, origin: ByteRange) -> None:
    unit = data[0]
    width, _, height = data[1:].partition(b"\0")
    text = {1: "meters", 2: "radians"}.get(unit, "")
    document.add(_SECTION, Field("SubjectUnits", unit, text, group="PNG", origin=origin))
    document.add(_SECTION, Field("SubjectPixelWidth", width.decode("latin-1"), group="PNG", origin=origin))
    document.add(
        _SECTION,
        Field("SubjectPixelHeight", height.rstrip(b"\0").decode("latin-1"), group="PNG", origin=origin),
    )


def _time(data: bytes, document: Document, origin: ByteRange) -> None:
    year, (month, day, hour, minute, second) = int.from_bytes(data[:2]), data[2:7]
    text = date_text(year, month, day, hour, minute, second)
    document.add(_SECTION, Field("ModifyDate", text, group="PNG", note="UTC", origin=origin))


def _text(data: bytes, document: Document, origin: ByteRange) -> None:
    keyword, _, value = data.partition(b"\0")
    _put_text(document, keyword, value, "latin-1", origin, "")


def _compressed_text(data: bytes, document: Document, origin: ByteRange) -> None:
    keyword, _, rest = data.partition(b"\0")
    _put_text(document, keyword, _inflate(rest[1:], document), "latin-1", origin, "")


def _international_text(data: bytes, document: Document, origin: ByteRange) -> None:
    keyword, _, rest = data.partition(b"\0")
    compressed, rest = rest[0], rest[2:]
    language, _, rest = rest.partition(b"\0")
    _, _, value = rest.partition(b"\0")
    if compressed:
        value = _inflate(value, document)
    _put_text(document, keyword, value, "utf-8", origin, language.decode("ascii", "replace"))


def _put_text(
    document: Document, key: bytes, data: bytes, charset: str, origin: ByteRange, language: str
) -> None:
    if key == b"XML:com.adobe.xmp":
        xmp.parse(data, document, origin)
        return
    if key.startswith(b"Raw profile type ") and _raw_profile(key[17:], data, document):
        return
    name = _keyword(key) + (f"-{language}" if language and language != "x-default" else "")
    value = data.decode(charset, "replace")
    note = f"{charset}, by the chunk" if not data.isascii() else ""
    if name in {"CreationTime", "ModifyDate"}:
        found = _RFC_822.match(value)
        if found and found[2] in _MONTHS:
            day, month, year, clock = found.groups()
            value = (
                f"{year}:{_MONTHS.index(month) + 1:02d}:{int(day):02d} {clock}" + value[found.end() :].strip()
            )
    document.add(_SECTION, Field(name, value, group="PNG", note=note, origin=origin))


def _raw_profile(kind: bytes, data: bytes, document: Document) -> bool:
    """ImageMagick's way to keep profiles: a name, a length, and hexadecimal digits."""
    parts = data.strip().split(b"\n", 2)  # the name may be two words: "IPTC profile"
    if len(parts) < 3 or not parts[1].strip().isdigit():
        return False
    try:
        content = bytes.fromhex(b"".join(parts[2].split()).decode("ascii"))
    except ValueError:
        return False
    if kind in {b"exif", b"APP1"} and content[:6] == b"Exif\0\0":
        exif.parse(BytesSource(content), document, 6, len(content) - 6)
    elif kind == b"xmp" or (kind == b"APP1" and content.startswith(b"http://ns.adobe.com/xap/1.0/")):
        xmp.parse(content[content.find(b"<") :], document)
    elif kind in {b"iptc", b"8bim"}:
        from extractor_service.formats.embedded import iptc, photoshop  # noqa: PLC0415 - rare

        if content[:4] == b"8BIM":
            photoshop.resources(Reader(BytesSource(content)), document, exif.parse_bytes)
        else:
            iptc.parse(content, document)
    elif kind in {b"icc", b"icm"}:
        icc.parse(content, document)
    else:
        return False
    return True


def _profile(data: bytes, document: Document, origin: ByteRange) -> None:
    name, _, rest = data.partition(b"\0")
    document.add(_SECTION, Field("ProfileName", name.decode("latin-1"), group="PNG", origin=origin))
    icc.parse(_inflate(rest[1:], document), document)


_WORD: Final = re.compile(r"[^-\w]+")
_RFC_822: Final = re.compile(r"(?:\w{3}, )?(\d{1,2}) (\w{3}) (\d{4}) (\d\d:\d\d:\d\d) ?")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _keyword(data: bytes) -> str:
    """The keyword as ExifTool writes it: "CreationTime" for "Creation Time", "Datecreate" for "date:create"."""
    words = data.decode("latin-1")
    tag = _table("TextualData").get(words)
    if tag is not None:
        return tag.name
    return (
        "".join(part[:1].upper() + part[1:] for part in (_WORD.sub("", each) for each in words.split()))
        or "Unnamed"
    )


def _inflate(data: bytes, document: Document) -> bytes:
    inflater = zlib.decompressobj()
    inflated = inflater.decompress(data, _MAX_INFLATED_BYTES)
    document.spend(len(inflated))
    if inflater.unconsumed_tail:
        raise ValueError(f"inflates to more than {_MAX_INFLATED_BYTES} bytes")
    return inflated


_CHUNKS: Final[dict[bytes, Callable[[bytes, Document, ByteRange], None]]] = {
    b"IHDR": _header,
    b"PLTE": lambda data, document, origin: (
        _numbers("Palette", 1) if len(data) <= 3 else _binary("Palette")
    )(data, document, origin),
    b"tRNS": _transparency,
    b"bKGD": lambda data, document, origin: _numbers("BackgroundColor", 1 if len(data) == 1 else 2)(
        data, document, origin
    ),
    b"cHRM": _chromaticities,
    b"sBIT": _numbers("SignificantBits", 1),
    b"hIST": _binary("PaletteHistogram"),
    b"oFFs": _offset,
    b"pCAL": _binary("PixelCalibration"),
    b"sCAL": _scale,
    b"sTER": _table_of("StereoImage"),
    b"vpAg": _table_of("VirtualPage"),
    b"cICP": _table_of("CICodePoints", "PNG-cICP"),
    b"pHYs": _table_of("PhysicalPixel", "PNG-pHYs"),
    b"gAMA": _gamma,
    b"sRGB": _srgb,
    b"tIME": _time,
    b"tEXt": _text,
    b"zTXt": _compressed_text,
    b"iTXt": _international_text,
    b"iCCP": _profile,
    b"acTL": _table_of("AnimationControl", unit="int32u"),
}
