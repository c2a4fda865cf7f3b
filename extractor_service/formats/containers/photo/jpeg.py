"""JPEG: walks the segments up to the scan, and hands each to who knows its meaning.

ITU-T T.81 annex B (markers), JFIF 1.02, EXIF 2.32 section 4.7 (APP1), ICC.1:2022 annex B.4 (APP2 chunks),
XMP specification part 3 section 1.1.3 (APP1, extended packets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.photo import jpeg_apps
from extractor_service.formats.embedded import exif, icc, xmp
from extractor_service.formats.embedded.exif_values import CONVERSIONS
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.embedded import jumbf_fields
    from extractor_service.sources.base import ByteSource


class Limits:
    """Of `_Walk`."""

    max_segments: ClassVar[int] = (
        10_000  # a profile has 255 at most, long XMP some hundred; beyond is a Problem
    )
    max_fill_bytes: ClassVar[int] = (
        65_536  # as far as one segment reaches: how much garbage is searched for a marker
    )
    max_joined_bytes: ClassVar[int] = (
        8 * 1024 * 1024
    )  # ICC, XMP and Photoshop parts held together; further parts are dropped
    full_segment_bytes: ClassVar[int] = (
        65_000  # below it a writer had room left, and what follows is another structure
    )
    max_exif_parts: ClassVar[int] = 64  # 4 MiB, as much as a packet may have


_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_SCAN, _END = 0xDA, 0xD9
_COMMENT: Final = 0xFE  # ITU-T T.81 table B.1
# SOF markers, without DHT (C4), JPG (C8) and DAC (CC), which share the range.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_XMP_REST: Final = b"://ns.adobe.com/xap/1.0/\0"
_EXTENDED_XMP: Final = b"http://ns.adobe.com/xmp/extension/\0"
_ICC: Final = b"ICC_PROFILE\0"
_PHOTOSHOP: Final = b"Photoshop 3.0\0"
_ENCODING: Final = {
    0: "Baseline DCT, Huffman coding",
    1: "Extended sequential DCT, Huffman coding",
    2: "Progressive DCT, Huffman coding",
    3: "Lossless, Huffman coding",
    5: "Sequential DCT, differential Huffman coding",
    6: "Progressive DCT, differential Huffman coding",
    7: "Lossless, Differential Huffman coding",
    9: "Extended sequential DCT, arithmetic coding",
    10: "Progressive DCT, arithmetic coding",
    11: "Lossless, arithmetic coding",
    13: "Sequential DCT, differential arithmetic coding",
    14: "Progressive DCT, differential arithmetic coding",
    15: "Lossless, differential arithmetic coding",
}


def parse(source: ByteSource, document: Document) -> None:
    """The segments before the first scan, and what these say that there is behind the picture."""
    at(source, document, 0, source.size_bytes)
    if _is_more(document):
        from extractor_service.formats.containers.photo import motion  # noqa: PLC0415 - of some phones alone

        with Surviving(document, motion.SECTION, "what stands behind the picture"):
            motion.parse(source, document)
    if "iptc" in document.sections or _has_recipe(document):
        from extractor_service.formats.embedded import trailers  # noqa: PLC0415 - of some programs alone

        trailers.parse(source, document)


def _is_more(document: Document) -> bool:
    """Whether something may stand behind the picture: by a directory of XMP, or a camera of Samsung's."""
    if document.find("xmp", "ContainerDirectory") or document.find("xmp", "MicroVideoOffset"):
        return True
    make = document.find("exif", "Make")
    return make is not None and str(make.value).lower() == "samsung"


def _has_recipe(document: Document) -> bool:
    """Whether Canon's note says that edits stand behind the picture. Other programs that write there write IPTC as well."""
    place = document.find("makernotes", "VRDOffset")
    return place is not None and bool(place.value)


def at(source: ByteSource, document: Document, base: int, length: int) -> None:
    """The JPEG that begins at `base`: a file, or a preview that holds what its raw file doesn't say."""
    walk = _Walk(Reader(source, base=base, length=length), document)
    try:
        walk.run()
    except TruncatedError as error:
        if not document.sections:
            raise CorruptFileError(f"the file ends inside its first segments, at {error.offset}") from error
        document.problem("file", ProblemKind.TRUNCATED, str(error), error.offset)
    walk.finish()


class _Walk:
    """One walk over the segments; what comes in several segments is joined at the end."""

    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader = reader
        self._document = document
        self._icc: dict[int, bytes] = {}
        self._icc_at: int | None = None
        self._photoshop: list[tuple[int, int]] = []
        self._extended: dict[bytes, dict[int, bytes]] = {}
        self._joined_bytes = 0
        self._flashpix: list[tuple[int, int]] = []
        self._boxes: dict[int, list[jumbf_fields.Segment]] = {}
        self._exif_until = -1

    def run(self) -> None:
        reader, document = self._reader, self._document
        offset = 2
        for _ in range(Limits.max_segments):
            head = reader.some(offset, 4)
            if len(head) < 4 or head[0] != 0xFF or head[1] in {0x00, 0xFF}:
                offset = self._find_marker(offset)
                head = reader.exact(offset, 2) + reader.some(offset + 2, 2)
            marker = head[1]
            if marker in {_SCAN, _END}:
                return
            if marker in _STANDALONE:
                offset += 2
                continue
            length = int.from_bytes(head[2:4])
            if length < 2:
                message = f"segment FF{marker:02X} has length {length}"
                document.problem("file", ProblemKind.DAMAGED, message, reader.base + offset)
                offset += 2
                continue
            if marker >= 0xE0 or marker in _FRAMES:
                # A segment that the file's end cuts is read as far as it goes.
                held = max(0, min(length - 2, reader.length - offset - 4))
                with Surviving(document, "file", f"segment FF{marker:02X}", reader.base + offset):
                    self._segment(marker, offset + 4, held)
                if held < length - 2:
                    raise TruncatedError(reader.base + offset, length + 2, reader.base + reader.length)
            offset += 2 + length
        document.problem(
            "file", ProblemKind.LIMIT, f"more than {Limits.max_segments} segments", reader.base + offset
        )

    def finish(self) -> None:
        """What was spread over several segments."""
        document = self._document
        with Surviving(document, "file", "what several segments hold"):
            self._join(document)

    def _join(self, document: Document) -> None:
        if self._photoshop:
            from extractor_service.formats.embedded import photoshop  # noqa: PLC0415 - when first met

            offset, length = self._photoshop[0]
            if len(self._photoshop) == 1:
                photoshop.resources(
                    self._reader.view(self._reader.base + offset, length, big_endian=True),
                    document,
                    exif.parse_bytes,
                )
            else:
                from extractor_service.sources.descriptor import BytesSource  # noqa: PLC0415

                parts = [self._reader.some(start, size) for start, size in self._photoshop]
                photoshop.resources(Reader(BytesSource(b"".join(parts))), document, exif.parse_bytes)
        if self._icc:
            icc.parse(b"".join(self._icc[number] for number in sorted(self._icc)), document, self._icc_at)
        if self._flashpix:
            from extractor_service.formats.containers.photo import flashpix  # noqa: PLC0415 - of old cameras

            flashpix.parse(self._reader, self._flashpix, document)
        if self._boxes:
            from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415

            for segments in self._boxes.values():
                jumbf_fields.in_segments(self._reader.source, segments, document)
        note = document.find("xmp", "HasExtendedXMP", "XMP-xmpNote")
        wanted = note.value if note is not None and isinstance(note.value, str) else ""
        for digest, chunks in self._extended.items():
            if digest.decode("latin-1").upper() != wanted.upper():  # of another picture, left by some program
                message = "an extended packet belongs to none of the file's packets"
                document.problem("xmp", ProblemKind.DAMAGED, message)
                continue
            xmp.parse(b"".join(chunks[start] for start in sorted(chunks)), document)

    def _find_marker(self, offset: int) -> int:
        """The offset of the next marker's FF; skips fill bytes, and garbage with a Problem."""
        reader = self._reader
        window = reader.some(offset, Limits.max_fill_bytes)
        for index in range(len(window) - 1):
            if window[index] == 0xFF and window[index + 1] not in {0x00, 0xFF}:
                if window[:index].strip(b"\xff"):
                    message = f"{index} bytes before a marker"
                    self._document.problem("file", ProblemKind.DAMAGED, message, reader.base + offset)
                return offset + index
        raise TruncatedError(reader.base + offset, 2, reader.base + reader.length)

    def _segment(self, marker: int, offset: int, length: int) -> None:
        reader, document = self._reader, self._document
        if marker in _FRAMES:
            self._frame(marker, offset)
            return
        at = reader.base + offset
        if marker == _COMMENT:
            text = jpeg_apps.comment(reader.some(offset, length))
            document.add("file", Field("Comment", text, origin=ByteRange(at, length)))
            return
        if marker > 0xEF:
            return
        data = reader.some(offset, min(length, 48))
        if marker == 0xE1 and data[:5] == b"Exif\0":
            self._exif(offset, length)
        elif marker == 0xE1 and data.startswith(_XMP):
            packet = reader.exact(offset + len(_XMP), length - len(_XMP))
            xmp.parse(packet, document, ByteRange(at + len(_XMP), length - len(_XMP)))
        elif marker == 0xE1 and _XMP_REST in data:  # written by software that got the name wrong
            start = data.index(_XMP_REST) + len(_XMP_REST)
            document.problem("xmp", ProblemKind.DAMAGED, "the segment's name is misspelt", at)
            xmp.parse(
                reader.exact(offset + start, length - start), document, ByteRange(at + start, length - start)
            )
        elif marker == 0xE1 and data.startswith(_EXTENDED_XMP):
            self._extended_packet(offset + len(_EXTENDED_XMP), length - len(_EXTENDED_XMP))
        elif marker == 0xE2 and data.startswith(_ICC) and length > 14:
            self._joined_bytes += length
            if self._joined_bytes <= Limits.max_joined_bytes:
                self._icc_at = at + 14 if self._icc_at is None else self._icc_at
                self._icc.setdefault(data[12], reader.exact(offset + 14, length - 14))
        elif marker in {0xE2, 0xE4} and data.startswith(b"FPXR\0") and length > 9:
            self._flashpix.append((offset, length))
        elif marker == 0xED and data.startswith(_PHOTOSHOP):
            self._joined_bytes += length
            if self._joined_bytes <= Limits.max_joined_bytes:
                self._photoshop.append((offset + 14, length - 14))
        elif marker == 0xEB and data[:2] == b"JP" and length > 16:
            self._box(at, length, data)
        else:
            jpeg_apps.segment(reader, document, marker, offset, length, data)

    def _box(self, at: int, length: int, data: bytes) -> None:
        """A JUMBF box or a part of one: a box's number, the part's, then the box."""
        from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - when first met

        part = jumbf_fields.Segment(int.from_bytes(data[4:8]), at + 8, length - 8, data[8:24])
        self._boxes.setdefault(int.from_bytes(data[2:4]), []).append(part)

    def _exif(self, offset: int, length: int) -> None:
        """One EXIF structure, or the rest of one that is longer than a segment: then it goes on in the next ones."""
        reader = self._reader
        start, held = (
            offset + 6,
            min(length - 6, reader.length - offset - 6),
        )  # "Exif\0" and a pad byte, which may be FF
        if reader.base + offset <= self._exif_until:
            return
        parts, place = [(start, held)], offset + length
        while length > Limits.full_segment_bytes and len(parts) < Limits.max_exif_parts:
            head = reader.some(place, 14)
            if head[:2] != b"\xff\xe1" or head[4:9] != b"Exif\0" or head[10:12] in {b"II", b"MM"}:
                break
            length = int.from_bytes(head[2:4]) - 2
            parts.append((place + 10, length - 6))
            place += 4 + length
        if len(parts) == 1:
            exif.parse(reader.source, self._document, reader.base + start, held)
            return
        self._exif_until = reader.base + place
        joined = b"".join(reader.some(at, size) for at, size in parts)
        self._document.spend(len(joined))
        exif.parse_bytes(joined, self._document)

    def _extended_packet(self, offset: int, length: int) -> None:
        """A digest of the whole, its size, the place of this part, and the part."""
        head = self._reader.exact(offset, 40)
        self._joined_bytes += length
        if self._joined_bytes <= Limits.max_joined_bytes:
            chunks = self._extended.setdefault(head[:32], {})
            chunks[int.from_bytes(head[36:40])] = self._reader.exact(offset + 40, length - 40)

    def _frame(self, marker: int, offset: int) -> None:
        document = self._document
        data = self._reader.exact(offset, 6)
        precision, components = data[0], data[5]
        height, width = int.from_bytes(data[1:3]), int.from_bytes(data[3:5])
        process = marker - 0xC0
        origin = ByteRange(self._reader.base + offset, 6)
        document.add("file", Field("ImageWidth", width, unit="px", origin=origin))
        document.add("file", Field("ImageHeight", height, unit="px", origin=origin))
        document.add("file", Field("EncodingProcess", process, _ENCODING.get(process, ""), origin=origin))
        document.add("file", Field("BitsPerSample", precision, unit="bit", origin=origin))
        document.add("file", Field("ColorComponents", components, origin=origin))
        if components != 3:
            return
        samples = self._reader.exact(offset + 6, 9)
        across = [samples[index] >> 4 for index in (1, 4, 7)]
        down = [samples[index] & 15 for index in (1, 4, 7)]
        if min(across) and min(down):
            value = f"{across[0] // min(across)} {down[0] // min(down)}"
            printer = CONVERSIONS["YCbCrSubSampling"].printer
            text = printer(value) if printer else ""
            document.add(
                "file", Field("YCbCrSubSampling", value, text, origin=ByteRange(origin.offset_bytes + 6, 9))
            )
