"""PCX pictures: the header. ZSoft PCX 5 technical reference manual."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.formats.reading import binary
from extractor_service.formats.reading.head import head_of
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "file"


@lru_cache(maxsize=1)
def _table() -> dict[int | str, Tag]:
    return build(raw_table("containers", "PCX::Main"), {})


def parse(source: ByteSource, document: Document) -> None:
    """The header of 128 bytes; its edges become the size."""
    data = head_of(source, 128)
    left, top, right, bottom = (int.from_bytes(data[start : start + 2], "little") for start in (4, 6, 8, 10))
    shown = bytearray(data)
    shown[8:10] = max(0, right - left + 1).to_bytes(4, "little")[:2]
    shown[10:12] = max(0, bottom - top + 1).to_bytes(4, "little")[:2]
    tags = dict(_table())
    if not int.from_bytes(data[70:72], "little"):
        tags = {key: tag for key, tag in tags.items() if key not in {70, 72}}
    binary.parse(
        bytes(shown),
        binary.Layout("int8u", big_endian=False),
        tags,
        binary.Place(document, _SECTION, ""),
        origin=0,
    )
