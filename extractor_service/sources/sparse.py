"""Keeps a distant file's ranges that have come. They are in an unnamed file with holes, within the spool's budget."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from extractor_service.sources.spans import Span, SpanSet
from extractor_service.sources.spool import SpoolFullError, unnamed_file

if TYPE_CHECKING:
    from pathlib import Path

    from extractor_service.sources.spool import SpoolBudget


class SparseFile:
    """Takes ranges in any order; it disappears with the process.

    Attributes:
        present: the ranges that are there.
    """

    def __init__(self, directory: Path, budget: SpoolBudget) -> None:
        """Opens the file.

        Raises:
            SpoolFullError: too many files, or the folder can't be written.
        """
        budget.open_upload()
        self._budget = budget
        self._reserved_bytes = 0
        self.present = SpanSet()
        try:
            self._descriptor = unnamed_file(directory)
        except OSError as error:
            budget.close_upload()
            raise SpoolFullError(f"the upload spool can't be written: {error.strerror}") from error

    @property
    def descriptor(self) -> int:
        """Readable and seekable; it stays this object's own."""
        return self._descriptor

    def write(self, offset: int, data: bytes | memoryview) -> None:
        """Puts bytes at their place; blocks for a moment when they are many.

        Raises:
            SpoolFullError: budget or disk is full.
        """
        if self._descriptor < 0:
            raise SpoolFullError("the file is closed")
        self._budget.reserve(len(data))
        self._reserved_bytes += len(data)
        view, position = memoryview(data), offset
        try:
            while view:
                written = os.pwrite(self._descriptor, view, position)
                view, position = view[written:], position + written
        except OSError as error:
            raise SpoolFullError(f"writing to the upload spool: {error.strerror}") from error
        self.present.add(offset, len(data))

    def read(self, offset: int, length: int) -> bytes:
        """The bytes of a range that is there."""
        return os.pread(self._descriptor, length, offset)

    def missing(self, spans: list[Span]) -> list[Span]:
        """What of `spans` isn't there."""
        return [gap for span in spans for gap in self.present.missing(*span)]

    def close(self) -> None:
        """Frees disk and budget; may be called again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._budget.release(self._reserved_bytes)
            self._budget.close_upload()
