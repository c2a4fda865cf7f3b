"""ICC profiles: the header, and the texts of the tag table. ICC.1:2022 sections 7.2, 7.3, 10.15, 10.24."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.reader import Reader, TruncatedError
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from extractor_service.document import Document

_SECTION = "icc_profile"
_MAX_TAGS = 200
_TEXT_TAGS = {
    b"desc": "ProfileDescription",
    b"cprt": "ProfileCopyright",
    b"dmnd": "DeviceMfgDesc",
    b"dmdd": "DeviceModelDesc",
    b"vued": "ViewingCondDesc",
}
_INTENTS = {
    0: "Perceptual",
    1: "Media-Relative Colorimetric",
    2: "Saturation",
    3: "ICC-Absolute Colorimetric",
}


def parse(data: bytes, document: Document) -> None:
    """Adds header and texts of the profile `data`; trouble becomes Problems."""
    reader = Reader(BytesSource(data))
    try:
        _header(reader, document)
        for index in range(min(reader.u32(128), _MAX_TAGS)):
            signature = reader.exact(132 + index * 12, 4)
            offset, length = reader.unpack("II", 136 + index * 12)
            if signature in _TEXT_TAGS:
                text = _text(reader.exact(offset, length))
                document.add(_SECTION, _TEXT_TAGS[signature], text, group="ICC_Profile")
    except TruncatedError as error:
        document.problem(_SECTION, ProblemKind.TRUNCATED, f"the profile is cut: {error}")


def _header(reader: Reader, document: Document) -> None:
    def text(offset: int) -> str:
        return reader.exact(offset, 4).rstrip(b"\0").decode("latin-1")

    major, minor = reader.exact(8, 2)
    year, month, day, hour, minute, second = reader.unpack("6H", 24)
    intent = reader.u32(64)
    rows: tuple[tuple[str, str | int, str], ...] = (
        ("ProfileCMMType", text(4), ""),
        ("ProfileVersion", major << 8 | minor, f"{major}.{minor >> 4}.{minor & 15}"),
        ("ProfileClass", text(12), ""),
        ("ColorSpaceData", text(16), ""),
        ("ProfileConnectionSpace", text(20), ""),
        ("ProfileDateTime", f"{year:04d}:{month:02d}:{day:02d} {hour:02d}:{minute:02d}:{second:02d}", ""),
        ("ProfileFileSignature", text(36), ""),
        ("PrimaryPlatform", text(40), ""),
        ("CMMFlags", reader.u32(44), ""),
        ("DeviceManufacturer", text(48), ""),
        ("DeviceModel", text(52), ""),
        ("RenderingIntent", intent, _INTENTS.get(intent, "")),
        ("ProfileCreator", text(80), ""),
    )
    for name, value, printed in rows:
        document.add(_SECTION, name, value, text=printed, group="ICC-header")


def _text(data: bytes) -> str:
    kind = data[:4]
    if kind == b"text":
        return data[8:].split(b"\0")[0].decode("latin-1")
    if kind == b"desc":  # version 2: a count, then ASCII
        count = int.from_bytes(data[8:12])
        return data[12 : 12 + count].split(b"\0")[0].decode("latin-1")
    if kind == b"mluc" and len(data) >= 28:  # version 4: records of language, country, length, offset
        length, offset = int.from_bytes(data[20:24]), int.from_bytes(data[24:28])
        return data[offset : offset + length].decode("utf-16-be", "replace").rstrip("\0")
    return ""
