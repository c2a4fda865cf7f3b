"""Which elements that identify a patient are present, and what the profile of de-identification does with them. DICOM PS3.15, E.1-1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, Struct
from extractor_service.formats.containers.dicom import names
from extractor_service.formats.tags import dicom

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.containers.dicom.dataset import DataSet

SECTION = "deidentification"
_GROUP = "PS3.15 E.1"
_REMOVED, _METHOD, _BURNED_IN = 0x00120062, 0x00120063, 0x00280301


def report(data: DataSet, document: Document) -> None:
    """Adds the report: keyword and action of each element that has a value, nested ones too; values aren't repeated."""
    found = {tag: _action(tag) for tag in sorted(data.tally.present)}
    entries = tuple((names.of(tag, ""), action) for tag, action in found.items() if action)
    if not data.tally.present:
        return
    document.add(
        SECTION, Field("IdentifyingElements", Struct(entries), f"{len(entries)} elements", group=_GROUP)
    )
    document.add(SECTION, Field("PrivateElementCount", data.tally.private, group=_GROUP))
    for name, tag in (
        ("PatientIdentityRemoved", _REMOVED),
        ("DeidentificationMethod", _METHOD),
        ("BurnedInAnnotation", _BURNED_IN),
    ):
        if data.text(tag):
            document.add(SECTION, Field(name, data.text(tag), group=_GROUP))


def _action(tag: int) -> str:
    told: str | None = dicom.ACTIONS.get(tag)
    if told is None:
        told = next(
            (action for (value, mask), action in dicom.MASKED_ACTIONS.items() if tag & mask == value & mask),
            "",
        )
    return told or ""
