"""The interfaces of sources: `ByteSource` for parsers, `Input` for the front process."""

from __future__ import annotations

from typing import Protocol


class SourceError(Exception):
    """Reading failed for a reason outside the file's content, so nothing may be said about the content."""


class ByteSource(Protocol):
    """Random access to the bytes of one file."""

    @property
    def size_bytes(self) -> int:
        """Size of the whole file."""
        ...

    def read_range(self, offset: int, length: int) -> bytes:
        """The bytes from `offset` on; shorter than `length` only at the end of the file.

        Raises:
            SourceError: the bytes exist but can't be read.
            ValueError: offset or length is negative.
        """
        ...


class Input(Protocol):
    """A request's file in the front process: identity, first bytes, and a descriptor for a worker."""

    @property
    def name(self) -> str:
        """Name for the reply, without folders; may be empty."""
        ...

    @property
    def size_bytes(self) -> int:
        """Size of the whole file."""
        ...

    @property
    def head(self) -> bytes:
        """The first bytes, for sniffing."""
        ...

    @property
    def content_id(self) -> str:
        """Identity of the content: "b3:<hex>", or "v1:<hex>" for a source version."""
        ...

    @property
    def inline_bytes(self) -> int:
        """Bytes of it that are in memory already, as a message."""
        ...

    @property
    def source(self) -> str:
        """Where content known by a version is read from, for invalidation by prefix; "" for all other content."""
        ...

    @property
    def may_be_cached(self) -> bool:
        """Whether `content_id` is safe to store results under."""
        ...

    @property
    def digests(self) -> dict[str, str]:
        """Digests known without reading anything again, by algorithm name."""
        ...

    def descriptor(self) -> int:
        """A readable, seekable file descriptor; it stays the input's own."""
        ...

    def has_changed(self) -> bool:
        """Whether the content may have changed since the input was opened."""
        ...

    def close(self) -> None:
        """Gives everything back."""
        ...


def base_name(name: str) -> str:
    """`name` without folders, in the ways of Unix and Windows."""
    return name.replace("\\", "/").rpartition("/")[2]
