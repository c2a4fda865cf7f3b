"""Readers that never end, to be compiled by a test (`tests/test_accelerated.py`)."""

from __future__ import annotations

from extractor_service.document import Document, Field
from extractor_service.sources.base import ByteSource


def spin(source: ByteSource, document: Document) -> None:
    """Calls nothing."""
    document.add("loop", Field("Action", "spin"))
    number = 0
    while number >= 0:
        number ^= 1


def spend(source: ByteSource, document: Document) -> None:
    """Goes through embedded structures of no size."""
    document.add("loop", Field("Action", "spend"))
    while True:
        document.spend(0)


def read(source: ByteSource, document: Document) -> None:
    """Reads the same bytes."""
    document.add("loop", Field("Action", "read"))
    total = 0
    while total >= 0:
        total += len(source.read_range(0, 4))
