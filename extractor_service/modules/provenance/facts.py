"""What the rules of observation look at: the document's fields, by name, with where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Evidence, Observation, Severity

if TYPE_CHECKING:
    from extractor_service.document import Document, Field
    from extractor_service.sources.base import ByteSource

_MAX_TEXT_CHARS = 200  # of a value that is quoted


class Facts:
    """A document under observation."""

    def __init__(self, source: ByteSource, document: Document, format_name: str) -> None:
        self.source = source
        self.document = document
        self.format_name = format_name

    def text(self, section: str, name: str, group: str | None = None) -> str:
        """A field's text; "" without one."""
        field = self.document.find(section, name, group)
        return field.value.strip("\0 ") if field is not None and isinstance(field.value, str) else ""

    def evidence(self, section: str, name: str, group: str | None = None) -> Evidence:
        """A field as evidence."""
        field = self.document.find(section, name, group)
        return evidence_of(section, field) if field is not None else Evidence(f"{section}.{name}", "")

    def observe(
        self, kind: str, severity: Severity, statement: str, evidence: tuple[Evidence, ...], disproof: str
    ) -> None:
        """Adds an observation."""
        self.document.observations.append(Observation(kind, severity, statement, evidence, disproof))


def evidence_of(section: str, field: Field) -> Evidence:
    """A field as evidence, its value as people write it."""
    return Evidence(
        f"{section}.{field.name}", (field.text or str(field.value))[:_MAX_TEXT_CHARS], field.origin
    )


NOTE, WARNING, ALERT = Severity.NOTE, Severity.WARNING, Severity.ALERT
