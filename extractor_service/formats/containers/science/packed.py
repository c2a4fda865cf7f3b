"""Volumes that are packed as they are, .nii.gz and .mgz: the header of what is inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.science import mgh, nifti
from extractor_service.formats.reading.damage import NONSENSE
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from extractor_service.document import Document


def describe(data: bytes, document: Document, *, is_whole: bool) -> None:
    """Adds the header of the volume that begins with `data`; nothing for anything else. `is_whole`: whether that is all of it."""
    reader = Reader(BytesSource(data))
    try:
        if data[344:348] == b"n+1\0" or data[4:8] == b"n+2\0":
            nifti.volume(reader, document, is_whole=is_whole)
            document.add("archive", Field("InnerType", "application/x-nifti", group="Archive"))
        elif (
            data[:4] == b"\0\0\0\x01"
            and len(data) >= 284
            and data[20:24] in {bytes((0, 0, 0, kind)) for kind in (0, 1, 3, 4, 10)}
        ):
            mgh.header(reader, document)
            document.add("archive", Field("InnerType", "application/x-mgh", group="Archive"))
    except (CorruptFileError, TruncatedError, *NONSENSE):
        return  # it only looked like one
