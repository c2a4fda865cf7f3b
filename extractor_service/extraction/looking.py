"""What a request's input is, by its head, and where that isn't enough by its tail or one directory.

Looked at in the front, unlike metadata: a few comparisons in at most 192 KiB, and the answer decides who parses.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from extractor_service.formats.identification.identify import identify, identify_source
from extractor_service.sources.base import SourceError
from extractor_service.sources.spans import Span, SpanSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.formats.base import Format
    from extractor_service.formats.identification.types import Identity
    from extractor_service.sources.base import Input, Puller

_MAX_PULLS = (
    6  # an archive's tail, directory and first member, and some to spare; a table of sectors is a chain
)


async def identify_input(source: Input, formats: Sequence[Format], *, may_pull: bool = True) -> Identity:
    """The type of the input, by its bytes alone; what can't be fetched, or mustn't, leaves it as the head has told."""
    identity = identify(source.head, source.size_bytes, formats)
    if identity.is_final:
        return identity
    try:
        if source.puller is None:
            view = _Descriptor(source.descriptor(), source.size_bytes)
            return await asyncio.to_thread(identify_source, view, formats)  # a disk may be slow
        return await _pulled(source, source.puller, formats, _MAX_PULLS if may_pull else 0) or identity
    except (SourceError, OSError):
        return identity


async def _pulled(
    source: Input, puller: Puller, formats: Sequence[Format], most_pulls: int
) -> Identity | None:
    for pulls in range(most_pulls + 1):
        view = _Sparse(source, SpanSet(puller.present))
        try:
            return identify_source(view, formats)
        except _NotYetError as error:
            if pulls < most_pulls:
                await puller.supply([error.span])
    return None


class _Descriptor:
    """A file that is here."""

    def __init__(self, descriptor: int, size_bytes: int) -> None:
        self._descriptor = descriptor
        self.size_bytes = size_bytes

    def read_range(self, offset: int, length: int) -> bytes:
        return os.pread(self._descriptor, length, offset)


class _NotYetError(Exception):
    """A range isn't at hand."""

    def __init__(self, span: Span) -> None:
        super().__init__("a range isn't at hand")
        self.span = span


class _Sparse(_Descriptor):
    """A file of which some ranges are here."""

    def __init__(self, source: Input, present: SpanSet) -> None:
        super().__init__(source.descriptor(), source.size_bytes)
        self._present = present

    def read_range(self, offset: int, length: int) -> bytes:
        span = Span(offset, max(0, min(length, self.size_bytes - offset)))
        if span.length and self._present.missing(*span):
            raise _NotYetError(span)
        return super().read_range(offset, length)
