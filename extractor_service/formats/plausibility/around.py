"""What a value is checked against beside itself: other fields of the document, and the file's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.document import Document, Field, Value


class Around:
    """One document while it is checked; what was asked for once is remembered."""

    def __init__(self, document: Document, size_bytes: int) -> None:
        self._document = document
        self._found: dict[tuple[str, str, str], Field | None] = {}
        self.size_bytes = size_bytes

    def field(self, section: str, name: str, group: str = "") -> Field | None:
        """The first field of that name, in that group if one is given."""
        key = (section, name, group)
        if key not in self._found:
            self._found[key] = self._document.find(section, name, group or None)
        return self._found[key]

    def text(self, section: str, name: str) -> str:
        """A field as text; "" for none."""
        field = self.field(section, name)
        return field.value if field is not None and isinstance(field.value, str) else ""

    def number(self, section: str, name: str, group: str = "") -> float | None:
        """A field as a number; None for none."""
        field = self.field(section, name, group)
        return number(field.value) if field is not None else None


def number(value: Value) -> float | None:
    """The number that a value is; None for anything else."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
