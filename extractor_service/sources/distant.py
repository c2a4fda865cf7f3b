"""A request's file that is elsewhere: at a client, in the cache's chunks, or behind a URI.

Ranges are fetched on demand into a sparse file, whose descriptor the worker reads: bytes never pass through a queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.sources.base import BaseInput, SourceError, base_name
from extractor_service.sources.spans import Span

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from extractor_service.sources.sparse import SparseFile

    Fetch = Callable[[Sequence[Span]], Awaitable[None]]

HEAD_BYTES = 16 * 1024  # what telling the format needs (`sniff`), and one block


class DistantInput(BaseInput):
    """Fetches by `fetch`, which puts ranges into `file` and raises SourceError when it can't.

    Attributes:
        pulls: times that ranges had to be fetched.
        has_failed: ranges couldn't be had.
    """

    def __init__(
        self,
        name: str,
        size_bytes: int,
        file: SparseFile,
        fetch: Fetch,
        *,
        content_id: str = "",
        source: str = "",
        claim_space: str = "",
    ) -> None:
        """Without a `content_id`, nothing is cached, unless `complete` is set, and finds one when the parse is over."""
        self.name = base_name(name)
        self.file = file
        self._size_bytes = size_bytes
        self._fetch = fetch
        self.content_id = content_id
        self.may_be_cached = bool(content_id)
        self.source = source
        self.claim_space = claim_space
        self.digests: dict[str, str] = {}
        self.pulls = 0
        self.is_changed = False
        self.has_failed = False
        self.hold_seconds: Callable[[], float] = lambda: 0.0
        self.on_found: Callable[[bytes], None] = lambda _: None
        self.puller = self
        self.is_passing = False

    @property
    def size_bytes(self) -> int:
        """Size of the whole file."""
        return self._size_bytes

    @property
    def head(self) -> bytes:
        """The first bytes; valid after `prepare`."""
        return self.file.read(0, min(HEAD_BYTES, self._size_bytes))

    @property
    def present(self) -> list[Span]:
        """What is at hand."""
        return list(self.file.present)

    async def prepare(self, head_bytes: int = HEAD_BYTES, tail_bytes: int = 0) -> None:
        """Fetches the first bytes, and the last ones along with them; raises SourceError."""
        size = self._size_bytes
        head = min(max(HEAD_BYTES, head_bytes), size)
        if not self.file.missing([Span(0, min(HEAD_BYTES, size))]):
            return
        tail = min(tail_bytes, size - head)
        await self.supply([span for span in (Span(0, head), Span(size - tail, tail)) if span.length])

    async def supply(self, spans: list[Span]) -> None:
        """Returns once `spans` are at hand; raises SourceError."""
        missing = self.file.missing(spans)
        if missing:
            self.pulls += 1
            try:
                await self._fetch(missing)
            except SourceError:
                self.has_failed = True
                raise

    def found(self, fragment: bytes) -> None:
        """Passes on what a worker has found so far."""
        self.on_found(fragment)

    def descriptor(self) -> int:
        """The sparse file."""
        return self.file.descriptor

    def has_changed(self) -> bool:
        """Whether who sends it said so."""
        return self.is_changed

    def close(self) -> None:
        """Frees the sparse file."""
        self.file.close()
