"""The box of content credentials: what it is for, then a store of JUMBF boxes. C2PA specification 2.4, A.5.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.reading.reader import Reader

_PURPOSES = frozenset({b"manifest", b"update", b"original"})
_HEAD_BYTES = 20  # the identifier, a version and flags
_MAX_PURPOSE_BYTES = 16  # the longest is "manifest", with a NUL behind it


def parse(reader: Reader, document: Document, offset: int, length: int) -> None:
    """Adds the fields of the store in the box whose content begins at `offset`."""
    from extractor_service.formats.embedded import jumbf_fields  # noqa: PLC0415 - when first met

    head = reader.some(offset + _HEAD_BYTES, min(length - _HEAD_BYTES, _MAX_PURPOSE_BYTES))
    purpose, end, _ = head.partition(b"\0")
    start = _HEAD_BYTES + len(purpose) + 1 + 8  # behind it the place of another box
    if purpose in _PURPOSES and end and start < length:
        view = reader.view(reader.base + offset + start, length - start, big_endian=True)
        jumbf_fields.parse(view, document)
