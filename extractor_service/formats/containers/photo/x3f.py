"""Sigma X3F (Foveon): a header, and sections that a directory at the end of the file names.

By Foveon's "X3F Raw Image File Format Specification" 2.0 (2003) and exiftool.org/TagNames/SigmaRaw.html.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.photo import jpeg
from extractor_service.formats.reading import binary, fields
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.formats.reading.tagset import Conversion, Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_SECTION, _GROUP = "sigmaraw", "SigmaRaw"
_MAX_SECTIONS = 64  # cameras write fewer than ten
_MAX_PROPERTIES = 1000  # cameras write fewer than 100
_MAX_PROPERTY_BYTES = 1024 * 1024  # cameras write a few KiB
_PREVIEW = struct.pack("<4s3I", b"SECi", 0x20000, 2, 18)  # a picture of version 2.0, for preview, as JPEG
_PREVIEW_HEAD_BYTES = 28  # of a picture, before its data (Foveon's specification, section "Image data")
_NUMBERS = frozenset(
    {"FNumber", "ExposureCompensation", "NetExposureCompensation", "IntegrationTime", "FocalLength", "FocalLengthIn35mmFormat",
     "SensorTemperature", "ISO", "ExposureTime", "DateTimeOriginal", "FlashExpComp"}
)  # fmt: skip


def _version(value: Value) -> Value:
    return f"{value >> 16}.{value & 0xFFFF}" if isinstance(value, int) else value


def _lens(value: Value) -> Value:
    """A number in hexadecimal digits, or a lens's own name."""
    try:
        return int(value, 16) if isinstance(value, str) else value
    except ValueError:
        return value


def _bits(value: Value) -> str:
    numbers = [number for number in range(32) if isinstance(value, int) and value >> number & 1]
    return ", ".join(f"[{number}]" for number in numbers) or "(none)"


_CONVERSIONS = {
    "MarkBits": Conversion(None, _bits),
    "FileVersion": Conversion(_version),
    "ImageUniqueID": Conversion(lambda value: value.hex() if isinstance(value, bytes) else value),
    "IntegrationTime": Conversion(lambda value: value * 1e-6 if isinstance(value, (int, float)) else value, conv.exposure_text, "s"),
    "ExposureTime": Conversion(None, conv.exposure_text, "s"),
    "FNumber": Conversion(None, conv.f_number_text),
    "ExposureCompensation": Conversion(None, conv.fraction_text, "EV"),
    "NetExposureCompensation": Conversion(None, conv.fraction_text, "EV"),
    "FocalLength": Conversion(None, conv.fixed("{:.1f} mm"), "mm"),
    "FocalLengthIn35mmFormat": Conversion(None, conv.fixed("{:.1f} mm"), "mm"),
    "SensorTemperature": Conversion(None, conv.fixed("{:.10g} C"), "°C"),
    "FlashMode": Conversion(None, lambda value: f"{value}".capitalize()),
    "LensType": Conversion(_lens),
    "DateTimeOriginal": Conversion(conv.unix_time),
    **dict.fromkeys(
        ("ExposureAdjust", "Contrast", "Shadow", "Highlight", "Saturation", "Sharpness", "RedAdjust", "GreenAdjust", "BlueAdjust", "X3FillLight"),
        Conversion(None, conv.fixed("{:.1f}")),
    ),
}  # fmt: skip


class _Version(NamedTuple):
    """What the header's layout depends on."""

    major: int
    minor: int

    @property
    def table(self) -> str:
        return "Header4" if self.major >= 4 else "Header"

    @property
    def header_bytes(self) -> int:
        """Versions 2.1 on name the white balance, 2.3 on also the kind of scene."""
        if self.major >= 4:
            return 0x300
        if self <= (2, 0):
            return 40
        return 104 if self > (2, 2) else 72

    @property
    def is_extended(self) -> bool:
        """Whether 32 kinds and 32 values follow."""
        return (2, 0) < self < (4, 0)


@lru_cache(maxsize=8)
def _table(name: str) -> dict[int | str, Tag]:
    return build(raw_table("raw", f"SigmaRaw::{name}"), _CONVERSIONS)


def parse(source: ByteSource, document: Document) -> None:
    """The header, the properties, and all that the JPEG inside says."""
    reader = Reader(source, big_endian=False)
    try:
        _header(reader, document)
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
    with Surviving(document, _SECTION, "the directory"):
        start = reader.u32(source.size_bytes - 4)
        if reader.exact(start, 4) != b"SECd":
            document.problem(_SECTION, ProblemKind.DAMAGED, "no directory where the end points to", start)
            return
        for index in range(min(reader.u32(start + 8), _MAX_SECTIONS)):
            at, size, kind = struct.unpack("<II4s", reader.exact(start + 12 + 12 * index, 12))
            with Surviving(document, _SECTION, f"section {kind.decode('latin-1')}", at):
                if kind == b"PROP":
                    _properties(reader, document, at, size)
                elif kind in {b"IMAG", b"IMA2"}:
                    _picture(reader, document, at, size, may_be_whole=kind == b"IMA2")


def _header(reader: Reader, document: Document) -> None:
    number = reader.u32(4)
    version = _Version(number >> 16, number & 0xFFFF)
    data = reader.exact(0, version.header_bytes)
    place = binary.Place(document, _SECTION, _GROUP)
    binary.parse(data, binary.Layout("int32u", big_endian=False), _table(version.table), place, origin=0)
    if not version.is_extended:
        return
    start = version.header_bytes
    kinds = reader.exact(start, 32)
    for index, kind in enumerate(kinds):
        tag = _table("HeaderExt").get(kind) if kind else None
        if tag is not None:
            at = start + 32 + 4 * index
            value = binary.read(reader.exact(at, 4), 0, "float", 1, big_endian=False)
            fields.add(document, _SECTION, _GROUP, tag, value, ByteRange(at, 4))


def _properties(reader: Reader, document: Document, at: int, size: int) -> None:
    """Pairs of texts in UTF-16; a list of their places stands before them."""
    magic, _, count, form, _, length = struct.unpack("<4s5I", reader.exact(at, 24))
    if magic != b"SECp" or form != 0 or count > _MAX_PROPERTIES:
        document.problem(_SECTION, ProblemKind.DAMAGED, "the properties have another layout", at)
        return
    document.spend(min(size, _MAX_PROPERTY_BYTES))
    start = at + 24 + 8 * count
    texts = reader.exact(start, min(2 * length, max(0, at + size - start), _MAX_PROPERTY_BYTES))
    places = struct.unpack(f"<{2 * count}I", reader.exact(at + 24, 8 * count))
    tags = _table("Properties")
    for name_at, value_at in zip(places[::2], places[1::2], strict=True):
        tag = tags.get(_text(texts, name_at))
        if tag is None or tag.hidden:
            continue
        text = _text(texts, value_at)
        origin = ByteRange(start + 2 * value_at, 2 * len(text))
        fields.add(document, _SECTION, _GROUP, tag, _number(text) if tag.name in _NUMBERS else text, origin)


def _text(texts: bytes, place: int) -> str:
    end = next(
        (at for at in range(2 * place, len(texts) - 1, 2) if texts[at : at + 2] == b"\0\0"), len(texts)
    )
    return texts[2 * place : end].decode("utf-16-le", "replace")


def _number(text: str) -> Value:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() and "." not in text else value


def _picture(reader: Reader, document: Document, at: int, size: int, *, may_be_whole: bool) -> None:
    """A JPEG for preview; one with EXIF is what the camera would have written instead of the raw file."""
    if not reader.exact(at, _PREVIEW_HEAD_BYTES).startswith(_PREVIEW):
        return
    start, length = at + _PREVIEW_HEAD_BYTES, size - _PREVIEW_HEAD_BYTES
    is_whole = may_be_whole and reader.exact(start, 4) == b"\xff\xd8\xff\xe1"
    if is_whole:
        try:
            jpeg.at(reader.source, document, start, length)
        except CorruptFileError as error:
            document.problem(_SECTION, ProblemKind.DAMAGED, f"the JPEG inside: {error}", start)
    name = "JpgFromRaw" if is_whole else "PreviewImage"
    fields.add_binary(document, _SECTION, _GROUP, name, length, ByteRange(start, length))
