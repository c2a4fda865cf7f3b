"""What models consist of: tensors, listed up to a bound, parameters counted over all."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.formats.reading.shapes import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import ByteRange, Document, Value

SECTION: Final = "model"
_MOST_LISTED: Final = 5000  # a tenth of a document's fields


class Tally:
    """Tensors of one file."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._types: Counter[str] = Counter()
        self.count = self._parameters = 0

    def add(
        self, name: str, kind: str, shape: Sequence[int], entries: tuple[tuple[str, Value], ...], origin: ByteRange
    ) -> None:  # fmt: skip
        """One tensor. Raises ValueError on a shape that none has."""
        self.count += 1
        self._parameters += count_of(shape)
        self._types[kind] += 1
        if self.count <= _MOST_LISTED:
            self._document.add(SECTION, Field(name, Struct(entries), group="Tensors", origin=origin))

    def finish(self) -> None:
        """Sums."""
        for name, value in (
            ("TensorCount", self.count),
            ("ParameterCount", self._parameters),
            ("TensorTypes", Struct(tuple(self._types.items()))),
        ):
            self._document.add(SECTION, Field(name, value, group="Model"))
        if self.count > _MOST_LISTED:
            self._document.problem(
                SECTION, ProblemKind.LIMIT, f"{_MOST_LISTED} of {self.count} tensors are listed"
            )
