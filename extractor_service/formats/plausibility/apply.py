"""Runs the checks over a document that was read: one look at each field, and more only where one is for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.document import ProblemKind
from extractor_service.formats.plausibility.around import Around
from extractor_service.formats.plausibility.checks import CHECKS, Check, Verdict

if TYPE_CHECKING:
    from extractor_service.document import Document, Field


def _by_section() -> dict[str, dict[str, list[Check]]]:
    table: dict[str, dict[str, list[Check]]] = {}
    for check in CHECKS:
        for section in check.sections:
            for name in check.names:
                table.setdefault(section, {}).setdefault(name, []).append(check)
    return table


_TABLE: Final = _by_section()


def apply(document: Document, size_bytes: int) -> None:
    """Takes what can't be out of the document, or adds a Problem about it; `size_bytes` is the file's."""
    around = Around(document, size_bytes)
    for section, fields in document.sections.items():
        table = _TABLE.get(section)
        if table is None:
            continue
        dropped = [
            place
            for place, field in enumerate(fields)
            if (checks := table.get(field.name)) is not None
            and _is_dropped(document, section, field, checks, around)
        ]
        if dropped:
            document.remove(section, dropped)
    for section in [name for name, fields in document.sections.items() if not fields]:
        del document.sections[section]


def _is_dropped(document: Document, section: str, field: Field, checks: list[Check], around: Around) -> bool:
    """Whether the field goes; what is to be said of it is said."""
    for check in checks:
        reason = check.test(section, field, around)
        if not reason:
            continue
        offset = field.origin.offset_bytes if field.origin is not None else None
        fate = " (left out)" if check.verdict is Verdict.DROP else ""
        document.problem(section, ProblemKind.DAMAGED, f"{field.name}: {reason}{fate}", offset)
        if check.verdict is Verdict.DROP:
            return True
    return False
