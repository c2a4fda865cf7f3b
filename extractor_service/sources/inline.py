"""A file that came inside a message."""

from __future__ import annotations

import os
import tempfile

from extractor_service.sources.base import BaseInput, base_name
from extractor_service.sources.content import digest_id, hash_bytes


class InlineInput(BaseInput):
    """Bytes in memory; a worker gets them through an anonymous file, which costs a copy only on a miss."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = base_name(name)
        self._data = data
        self.inline_bytes = len(data)
        self._digest = hash_bytes(data)
        self._descriptor = -1

    @property
    def size_bytes(self) -> int:
        """Size of the data."""
        return len(self._data)

    @property
    def head(self) -> bytes:
        """All of it; sniffing takes what it needs."""
        return self._data

    @property
    def content_id(self) -> str:
        """The BLAKE3 digest."""
        return digest_id(self._digest)

    @property
    def digests(self) -> dict[str, str]:
        """BLAKE3."""
        return {"blake3": self._digest}

    def descriptor(self) -> int:
        """An anonymous file with the data."""
        if self._descriptor < 0:
            self._descriptor = _anonymous_file()
            view = memoryview(self._data)
            while view:
                view = view[os.write(self._descriptor, view) :]
        return self._descriptor

    def close(self) -> None:
        """Closes the anonymous file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("metaextract-inline")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
