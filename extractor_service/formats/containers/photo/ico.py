"""Icons and cursors: the directory. Microsoft's ICO format (ICONDIR, ICONDIRENTRY)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.reading.head import head_of
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "file"
_MAX_ICONS = 500  # the 16-bit count may claim 65,535; icons have a handful of sizes


@lru_cache(maxsize=1)
def _table() -> dict[int | str, Tag]:
    return build(raw_table("containers", "ICO::Main"), {})


def parse(source: ByteSource, document: Document) -> None:
    """The directory of icons or cursors."""
    head = head_of(source, 6)
    kind, count = int.from_bytes(head[2:4], "little"), int.from_bytes(head[4:6], "little")
    tags = _table()
    document.add(_SECTION, Field("ImageType", kind, tags[2].text(kind), origin=ByteRange(2, 2)))
    document.add(_SECTION, Field("ImageCount", count, origin=ByteRange(4, 2)))
    reader = Reader(source, big_endian=False)
    for index in range(min(count, _MAX_ICONS)):
        at = 6 + index * 16
        row = reader.some(at, 16)
        if len(row) < 16:
            document.problem(_SECTION, ProblemKind.TRUNCATED, "the directory is cut", at)
            return
        names = ("HotspotX", "HotspotY") if kind == 2 else ("ColorPlanes", "BitsPerPixel")
        rows = (
            ("ImageWidth", row[0] or 256, 0, 1), ("ImageHeight", row[1] or 256, 1, 1), ("NumColors", row[2] or 256, 2, 1),
            (names[0], int.from_bytes(row[4:6], "little"), 4, 2), (names[1], int.from_bytes(row[6:8], "little"), 6, 2),
            ("ImageLength", int.from_bytes(row[8:12], "little"), 8, 4),
        )  # fmt: skip
        for name, value, start, length in rows:
            document.add(
                _SECTION,
                Field(
                    name,
                    value,
                    group=f"Icon{index}" if index else "",
                    origin=ByteRange(at + start, length),
                ),
            )
