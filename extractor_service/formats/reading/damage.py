"""Says what damaged files raise, and how a reader goes on. Lost parts are named, the rest of the file is read."""

from __future__ import annotations

import struct
import zlib
from functools import wraps
from typing import TYPE_CHECKING, Final

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from extractor_service.document import Document
    from extractor_service.formats.base import Parser
    from extractor_service.sources.base import ByteSource

NONSENSE: Final = (
    ArithmeticError,
    ValueError,
    TypeError,
    LookupError,
    struct.error,
    zlib.error,
    RecursionError,
)
"""What arithmetic, indexing, unpacking and decoding raise on values that no writer writes."""


def tolerant(section: str) -> Callable[[Parser], Parser]:
    """Of a parser: what damage raises out of it is a Problem, or CorruptFileError where nothing had been read."""

    def decorate(parse: Parser) -> Parser:
        @wraps(parse)
        def survive(source: ByteSource, document: Document) -> None:
            try:
                parse(source, document)
            except (TruncatedError, *NONSENSE) as error:
                if not document.sections:
                    raise CorruptFileError(f"{type(error).__name__}: {error}") from error
                is_cut = isinstance(error, TruncatedError)
                kind = ProblemKind.TRUNCATED if is_cut else ProblemKind.DAMAGED
                document.problem(
                    section, kind, f"the file is damaged: {error}", getattr(error, "offset", None)
                )

        return survive

    return decorate


class Surviving:
    """A block that a damaged part of the file may end, with a Problem; budgets and failing sources pass through."""

    __slots__ = ("_document", "_kind", "_offset", "_section", "_what")

    def __init__(
        self, document: Document, section: str, what: str, offset: int | None = None, kind: bytes | str = b""
    ) -> None:
        """`what` may be damaged, of that `kind` if it has one: written out only where it is."""
        self._document = document
        self._section = section
        self._what = what
        self._offset = offset
        self._kind = kind

    def __enter__(self) -> None:
        """Nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Whether the error was one of damage, which is now a Problem."""
        if error is None:
            return False
        what = f"{self._what} {self._kind!r}" if self._kind else self._what
        if isinstance(error, TruncatedError):
            message = f"{what} is cut: {error}"
            self._document.problem(self._section, ProblemKind.TRUNCATED, message, error.offset)
            return True
        if isinstance(error, NONSENSE):
            message = f"{what}: {type(error).__name__}: {error}"
            self._document.problem(self._section, ProblemKind.DAMAGED, message, self._offset)
            return True
        return False
