"""The first bytes of a file, without which nothing can be said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.reader import Reader, TruncatedError

if TYPE_CHECKING:
    from extractor_service.sources.base import ByteSource


def head_of(source: ByteSource, length: int) -> bytes:
    """The first `length` bytes; raises CorruptFileError when the file is shorter."""
    try:
        return Reader(source).exact(0, length)
    except TruncatedError as error:
        raise CorruptFileError("the header is cut") from error
