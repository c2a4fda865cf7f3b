"""What a document says, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.document import Document, Value


def values(document: Document, section: str) -> dict[str, Value]:
    """Values of a section by name; of several fields of a name the last."""
    return {field.name: field.value for field in document.sections.get(section, ())}
