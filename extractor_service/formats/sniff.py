"""Which format a file has, by its first bytes: the longest matching magic wins, then the table's order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.formats.base import Format


def sniff(head: bytes, formats: Sequence[Format]) -> Format | None:
    """The format of a file that begins with `head` (16 KiB suffice); None when none matches."""
    best: Format | None = None
    best_length = 0
    for candidate in formats:
        for magic in candidate.magics:
            if len(magic.data) > best_length and magic.matches(head):
                best, best_length = candidate, len(magic.data)
    return best
