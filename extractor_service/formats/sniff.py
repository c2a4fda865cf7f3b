"""Which format a file has, by its first bytes.

A magic at its place beats one that may stand anywhere; then the longest wins, then the table's order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.formats.base import Format


def sniff(head: bytes, formats: Sequence[Format]) -> Format | None:
    """The format of a file that begins with `head` (16 KiB suffice); None when none matches."""
    best: Format | None = None
    best_rank = (False, 0)
    for candidate in formats:
        for magic in candidate.magics:
            rank = (not magic.within, len(magic.data))
            if rank > best_rank and magic.matches(head):
                best, best_rank = candidate, rank
    return best
