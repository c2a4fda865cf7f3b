"""The interfaces of sources: `ByteSource` for parsers, `Input` for the front process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from service_runtime.shown import shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from extractor_service.sources.spans import Span


_MAX_SEARCHED_CHARS = 8192  # twice the longest path of Linux; a message may be larger
_MAX_NAME_CHARS = 255  # of Linux, Windows and macOS, in bytes or characters
_ENDING_CHARS = 16  # what tells the type


class SourceError(Exception):
    """Reading failed for a reason outside the file's content, so nothing may be said about the content."""


class PullLimitError(SourceError):
    """Reading on would take more round trips than anybody should wait for."""


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


def will_read(source: ByteSource, spans: Iterable[tuple[int, int]]) -> None:
    """Hints that a parser reads these ranges soon. A source far away fetches them together with the next miss."""
    prefetch = getattr(source, "prefetch", None)
    if prefetch is not None:
        prefetch(spans)


def is_distant(source: ByteSource) -> bool:
    """Whether hints are worth their while: of a file that is here they change nothing, and cost a photograph's reader a twentieth."""
    return getattr(source, "is_distant", False)


class Puller(Protocol):
    """Fetches ranges of a file that isn't here as a whole."""

    @property
    def present(self) -> list[Span]:
        """What is at hand."""
        ...

    async def supply(self, spans: list[Span]) -> None:
        """Returns once `spans` are at hand; raises SourceError when they can't be had."""
        ...

    is_passing: bool
    """Whether it comes in order, once: what was passed can't be had."""

    hold_seconds: Callable[[], float]
    """Longest that a worker waits for a range now, before it is given back. Set by who runs the job."""

    def found(self, fragment: bytes) -> None:
        """Told what a worker has found so far: an encoded document, which may be anything."""
        ...


class Input(Protocol):
    """A request's file in the front process: identity, first bytes, and a descriptor for a worker."""

    puller: Puller | None
    """How to get what isn't behind the descriptor; None: everything is."""
    complete: Callable[[], Awaitable[None]] | None
    """What has to be awaited after parsing for the content to have its identity; None: it has it."""

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

    alias: tuple[str, str] | None
    """Content id and space of a claim under which results are to be found as well."""

    @property
    def claim_space(self) -> str:
        """The space of results whose identity a client claimed; "" where the server knows it itself."""
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


class BaseInput:
    """What most inputs have in common."""

    puller: Puller | None = None
    complete: Callable[[], Awaitable[None]] | None = None
    claim_space: str = ""
    alias: tuple[str, str] | None = None
    may_be_cached: bool = True
    inline_bytes: int = 0
    source: str = ""

    def has_changed(self) -> bool:
        """Never: nobody else can reach it."""
        return False


def base_name(name: str) -> str:
    """`name` without folders, in the ways of Unix and Windows, fit to be shown; at most 255 characters, with its ending."""
    plain = name[-_MAX_SEARCHED_CHARS:].replace("\\", "/").rpartition("/")[2]
    return shown(plain, _MAX_NAME_CHARS, _ENDING_CHARS)


def sayable(name: str) -> str:
    """`name` as messages can carry it. File systems take any bytes; what isn't UTF-8 is written as in URIs, `%E9`."""
    if name.isascii():
        return name
    return "".join(f"%{ord(each) - 0xDC00:02X}" if "\udc80" <= each <= "\udcff" else each for each in name)
