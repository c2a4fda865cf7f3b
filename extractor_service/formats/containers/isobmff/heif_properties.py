"""Properties of HEIF items: sizes, rotation, colour, and the configurations of the codecs.

ISO/IEC 23008-12 section 6.5; ISO/IEC 14496-15 section 8.3.3 (HEVC); AV1-ISOBMFF section 2.3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.embedded import icc
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.boxes import Box
    from extractor_service.formats.reading.reader import Reader

_SECTION = "quicktime"
_MAX_PROFILE_BYTES = 4 * 1024 * 1024  # a colour profile is the largest; longer properties are passed over
# By number (ITU-T H.265 annex A.3); bit 31 - n of the flags stands for profile n.
_PROFILES = {
    0: "No Profile", 1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Format Range Extensions", 5: "High Throughput",
    6: "Multiview Main", 7: "Scalable Main", 8: "3D Main", 9: "Screen Content Coding Extensions", 10: "Scalable Format Range Extensions",
    11: "High Throughput Screen Content Coding Extensions",
}  # fmt: skip
_ROTATION = {0: "Horizontal (normal)", 1: "Rotate 270 CW", 2: "Rotate 180", 3: "Rotate 90 CW"}


@lru_cache(maxsize=8)
def _labels(table: str) -> dict[str, Tag]:
    return {tag.name: tag for tag in build(raw_table("containers", f"QuickTime::{table}"), {}).values()}


def parse(reader: Reader, box: Box, document: Document) -> None:
    """Adds what the property `box` says; properties without public meaning are passed over."""
    handler = _PROPERTIES.get(box.kind)
    if handler is not None and box.length <= _MAX_PROFILE_BYTES:
        handler(reader.exact(box.offset, box.length), document, box.offset)


def _add(
    document: Document, table: str, name: str, value: Value, at: int, length: int, text: str | None = None
) -> None:
    if text is None:
        tag = _labels(table).get(name) if table else None
        text = tag.text(value) if tag else ""
    document.add(_SECTION, Field(name, value, text, group="QuickTime", origin=ByteRange(at, length)))


def _hevc(data: bytes, document: Document, at: int) -> None:
    rows: tuple[tuple[str, Value, int], ...] = (
        ("HEVCConfigurationVersion", data[0], 0),
        ("GeneralProfileSpace", data[1] >> 6, 1),
        ("GeneralTierFlag", data[1] >> 5 & 1, 1),
        ("GeneralProfileIDC", data[1] & 31, 1),
        ("GenProfileCompatibilityFlags", int.from_bytes(data[2:6]), 2),
        ("ConstraintIndicatorFlags", [*data[6:12]], 6),
        ("GeneralLevelIDC", data[12], 12),
        ("MinSpatialSegmentationIDC", int.from_bytes(data[13:15]) & 0xFFF, 13),
        ("ParallelismType", data[15] & 3, 15),
        ("ChromaFormat", data[16] & 3, 16),
        ("BitDepthLuma", (data[17] & 7) + 8, 17),
        ("BitDepthChroma", (data[18] & 7) + 8, 18),
        ("AverageFrameRate", int.from_bytes(data[19:21]) / 256, 19),
        ("ConstantFrameRate", data[21] >> 6, 21),
        ("NumTemporalLayers", data[21] >> 3 & 7, 21),
        ("TemporalIDNested", data[21] >> 2 & 1, 21),
    )
    for name, value, start in rows:
        text = None
        if name == "GeneralLevelIDC" and isinstance(value, int):
            text = f"{value} (level {value / 30:.1f})"
        elif name == "GenProfileCompatibilityFlags" and isinstance(value, int):
            text = ", ".join(
                _PROFILES[31 - bit] for bit in range(32) if value >> bit & 1 and 31 - bit in _PROFILES
            )
        _add(document, "HEVCConfig", name, value, at + start, 1, text)


def _av1(data: bytes, document: Document, at: int) -> None:
    flags = data[2]
    _add(document, "AV1Config", "AV1ConfigurationVersion", data[0] & 127, at, 1)
    _add(document, "AV1Config", "ChromaFormat", flags >> 2 & 7, at + 2, 1)
    _add(document, "AV1Config", "ChromaSamplePosition", flags & 3, at + 2, 1)


def _extent(data: bytes, document: Document, at: int) -> None:
    width, height = int.from_bytes(data[4:8]), int.from_bytes(data[8:12])
    _add(document, "", "ImageSpatialExtent", [width, height], at + 4, 8, f"{width}x{height}")
    if document.find("file", "ImageWidth") is None:
        document.add("file", Field("ImageWidth", width, unit="px", origin=ByteRange(at + 4, 4)))
        document.add("file", Field("ImageHeight", height, unit="px", origin=ByteRange(at + 8, 4)))


def _rotation(data: bytes, document: Document, at: int) -> None:
    value = data[0] & 3
    _add(document, "", "Rotation", value, at, 1, _ROTATION[value])


def _depth(data: bytes, document: Document, at: int) -> None:
    values: list[Value] = [*data[5 : 5 + data[4]]]
    _add(document, "", "ImagePixelDepth", values[0] if len(values) == 1 else values, at + 5, len(values), "")


def _aspect(data: bytes, document: Document, at: int) -> None:
    across, down = int.from_bytes(data[:4]), int.from_bytes(data[4:8])
    _add(document, "", "PixelAspectRatio", f"{across}:{down}", at, 8, "")


def _mirror(data: bytes, document: Document, at: int) -> None:
    value = data[0] & 1
    _add(document, "", "Mirroring", value, at, 1, "Horizontal" if value else "Vertical")


def _color(data: bytes, document: Document, at: int) -> None:
    kind = data[:4]
    if kind in {b"prof", b"rICC"}:
        icc.parse(data[4:], document, at + 4)
        return
    _add(document, "", "ColorProfiles", kind.decode("latin-1"), at, 4, "")
    if kind in {b"nclx", b"nclc"} and len(data) >= 10:
        for index, name in enumerate(("ColorPrimaries", "TransferCharacteristics", "MatrixCoefficients")):
            value = int.from_bytes(data[4 + index * 2 : 6 + index * 2])
            _add(document, "ColorRep", name, value, at + 4 + index * 2, 2)
        if kind == b"nclx" and len(data) >= 11:
            _add(document, "ColorRep", "VideoFullRangeFlag", data[10] >> 7, at + 10, 1)


def _auxiliary(data: bytes, document: Document, at: int) -> None:
    text = data[4:].split(b"\0")[0].decode("latin-1")
    _add(document, "", "AuxiliaryImageType", text, at + 4, len(text), "")


_PROPERTIES: dict[bytes, Callable[[bytes, Document, int], None]] = {
    b"hvcC": _hevc, b"av1C": _av1, b"ispe": _extent, b"irot": _rotation, b"pixi": _depth, b"pasp": _aspect, b"imir": _mirror,
    b"colr": _color, b"auxC": _auxiliary,
}  # fmt: skip
