"""JPEG: walks the segments up to the scan, and hands EXIF, XMP and ICC to those who know their meaning.

ITU-T T.81 annex B (markers), JFIF 1.02, EXIF 2.32 section 4.7 (APP1), ICC.1:2022 annex B.4 (APP2 chunks),
XMP specification part 3 section 1.1.3 (APP1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats import exif, icc, xmp
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_MAX_SEGMENTS = 10_000
_MAX_FILL_BYTES = 65_536
_MAX_ICC_BYTES = 4 * 1024 * 1024

_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_SCAN, _END = 0xDA, 0xD9
_COMMENT = 0xFE
# SOF markers, without DHT (C4), JPG (C8) and DAC (CC), which share the range.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_EXIF = b"Exif\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_ADOBE = b"Adobe"
_DENSITY_UNITS = {0: "None", 1: "inches", 2: "cm"}
_ENCODING = {
    0: "Baseline DCT, Huffman coding",
    1: "Extended sequential DCT, Huffman coding",
    2: "Progressive DCT, Huffman coding",
    3: "Lossless, Huffman coding",
    9: "Extended sequential DCT, arithmetic coding",
    10: "Progressive DCT, arithmetic coding",
    11: "Lossless, arithmetic coding",
}


def parse(source: ByteSource, document: Document) -> None:
    """The segments before the first scan: frame size, JFIF, EXIF, XMP, ICC, Adobe and comments."""
    reader = Reader(source)
    icc_chunks: dict[int, bytes] = {}
    try:
        _walk(reader, source, document, icc_chunks)
    except TruncatedError as error:
        if not document.sections:
            raise CorruptFileError(f"the file ends inside its first segments, at {error.offset}") from error
        document.problem("file", ProblemKind.TRUNCATED, str(error), error.offset)
    if icc_chunks:
        data = b"".join(icc_chunks[number] for number in sorted(icc_chunks))
        icc.parse(data, document)


def _walk(reader: Reader, source: ByteSource, document: Document, icc_chunks: dict[int, bytes]) -> None:
    offset = 2
    for _ in range(_MAX_SEGMENTS):
        offset = _find_marker(reader, offset, document)
        marker = reader.exact(offset + 1, 1)[0]
        if marker in {_SCAN, _END}:
            return
        if marker in _STANDALONE:
            offset += 2
            continue
        length = reader.u16(offset + 2)
        if length < 2:
            document.problem(
                "file", ProblemKind.DAMAGED, f"segment FF{marker:02X} has length {length}", offset
            )
            offset += 2
            continue
        _segment(reader, source, document, marker, offset + 4, length - 2, icc_chunks)
        offset += 2 + length
    document.problem("file", ProblemKind.LIMIT, f"more than {_MAX_SEGMENTS} segments", offset)


def _find_marker(reader: Reader, offset: int, document: Document) -> int:
    """The offset of the next marker's FF; skips fill bytes, and garbage with a Problem."""
    window = reader.some(offset, 2)
    if len(window) == 2 and window[0] == 0xFF and window[1] not in {0x00, 0xFF}:
        return offset
    window = reader.some(offset, _MAX_FILL_BYTES)
    for index in range(len(window) - 1):
        if window[index] == 0xFF and window[index + 1] not in {0x00, 0xFF}:
            if window[:index].strip(b"\xff"):
                document.problem("file", ProblemKind.DAMAGED, f"{index} bytes before a marker", offset)
            return offset + index
    raise TruncatedError(offset, 2, reader.length)


def _segment(
    reader: Reader,
    source: ByteSource,
    document: Document,
    marker: int,
    offset: int,
    length: int,
    icc_chunks: dict[int, bytes],
) -> None:
    if marker in _FRAMES:
        _frame(reader, document, marker, offset)
        return
    if marker == _COMMENT:
        text = reader.some(offset, length).rstrip(b"\0").decode("utf-8", "replace")
        document.add("file", "Comment", text, origin=ByteRange(offset, length))
        return
    if not 0xE0 <= marker <= 0xEF:
        return
    data = reader.some(offset, min(length, 64))
    if marker == 0xE0 and data.startswith(b"JFIF\0"):
        _jfif(reader, document, offset)
    elif marker == 0xE1 and data.startswith(_EXIF):
        start = offset + 6  # "Exif\0" and one pad byte, which some writers set to 0xFF
        exif.parse(source, document, base=start, length=length - 6)
    elif marker == 0xE1 and data.startswith(_XMP):
        packet = reader.exact(offset + len(_XMP), length - len(_XMP))
        xmp.parse(packet, document)
    elif marker == 0xE2 and data.startswith(_ICC) and len(data) > 14:
        if sum(map(len, icc_chunks.values())) + length <= _MAX_ICC_BYTES:
            icc_chunks.setdefault(data[12], reader.exact(offset + 14, length - 14))
    elif marker == 0xEE and data.startswith(_ADOBE) and length >= 12:
        version, flags0, flags1 = reader.unpack("HHH", offset + 5)
        transform = reader.exact(offset + 11, 1)[0]
        for name, value in (
            ("DCTEncodeVersion", version),
            ("APP14Flags0", flags0),
            ("APP14Flags1", flags1),
            ("ColorTransform", transform),
        ):
            document.add("app14", name, value, group="Adobe")


def _frame(reader: Reader, document: Document, marker: int, offset: int) -> None:
    precision = reader.exact(offset, 1)[0]
    height, width = reader.unpack("HH", offset + 1)
    components = reader.exact(offset + 5, 1)[0]
    process = marker - 0xC0
    origin = ByteRange(offset, 6)
    document.add("file", "ImageWidth", width, unit="px", origin=origin)
    document.add("file", "ImageHeight", height, unit="px", origin=origin)
    document.add("file", "EncodingProcess", process, text=_ENCODING.get(process, ""), origin=origin)
    document.add("file", "BitsPerSample", precision, unit="bit", origin=origin)
    document.add("file", "ColorComponents", components, origin=origin)
    if components >= 3:
        first = reader.exact(offset + 7, 1)[0]
        horizontal, vertical = first >> 4, first & 15
        text = {(1, 1): "YCbCr4:4:4", (2, 1): "YCbCr4:2:2", (2, 2): "YCbCr4:2:0", (4, 1): "YCbCr4:1:1"}.get(
            (horizontal, vertical), ""
        )
        document.add(
            "file", "YCbCrSubSampling", f"{horizontal} {vertical}", text=text, origin=ByteRange(offset + 7, 1)
        )


def _jfif(reader: Reader, document: Document, offset: int) -> None:
    major, minor, unit = reader.exact(offset + 5, 3)
    x, y = reader.unpack("HH", offset + 8)
    origin = ByteRange(offset, 12)
    document.add("jfif", "JFIFVersion", f"{major} {minor}", text=f"{major}.{minor:02d}", origin=origin)
    document.add("jfif", "ResolutionUnit", unit, text=_DENSITY_UNITS.get(unit, ""), origin=origin)
    document.add("jfif", "XResolution", x, origin=origin)
    document.add("jfif", "YResolution", y, origin=origin)
