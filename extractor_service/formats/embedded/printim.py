"""PrintIM: the version of Epson's Print Image Matching block, which is all that is public of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field

if TYPE_CHECKING:
    from extractor_service.document import Document


def parse(data: bytes, document: Document, at: int) -> None:
    """Adds the version of the block that begins with `data` at `at`; ignores anything else."""
    if data[:7] == b"PrintIM" and len(data) >= 12:
        version = data[8:12].decode("latin-1").rstrip("\0")
        document.add(
            "printim", Field("PrintIMVersion", version, group="PrintIM", origin=ByteRange(at + 8, 4))
        )
