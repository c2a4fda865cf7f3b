"""The digests of a stream: computed in a thread, in order, while the next chunks arrive."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from extractor_service.sources.hashing import make_hashers

if TYPE_CHECKING:
    from collections.abc import Iterable


class StreamHasher:
    """BLAKE3 and what else is asked for. `with` it: its thread ends."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._hashers = make_hashers({"blake3", *algorithms})
        # One thread a stream keeps its chunks in order without a lock.
        self.thread = ThreadPoolExecutor(1, "hash")

    def update(self, data: bytes | memoryview) -> None:
        """The next bytes. Blocks; meant for the thread."""
        for hasher in self._hashers.values():
            hasher.update(data)

    def digests(self) -> dict[str, str]:
        """Lower-case hexadecimal, by algorithm."""
        return {name: hasher.hexdigest() for name, hasher in self._hashers.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)
