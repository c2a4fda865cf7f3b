"""Well logs in LAS: version, well, curves, parameters; data by its rows alone. Canadian Well Logging Society, LAS 1.2, 2.0, 3.0."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.text import lines
from extractor_service.formats.reading.damage import tolerant

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "well"
_MOST_BYTES = 2 * 1024 * 1024  # of what stands before the data
_MOST_LINES = 20_000  # of the header, which has a hundred
_SECTIONS = {"V": "Version", "W": "Well", "C": "Curves", "P": "Parameters", "O": "Other", "A": "Data"}
# MNEM.UNIT   VALUE : DESCRIPTION. The unit follows the point at once; the last colon ends the value.
_LINE = re.compile(r"\s*(?P<name>[^.]*?)\s*\.(?P<unit>[^\s:]*)(?P<value>.*)$")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?$")
_SWAPPED = frozenset(
    {"STRT", "STOP", "STEP", "NULL"}
)  # in version 1.2 the others have value and description the other way round


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """One field a line of the header; of curves name, unit, code and description."""
    text, is_whole = lines.text_of(source, _MOST_BYTES)
    rows = text.splitlines()
    if not any(each.lstrip().upper().startswith("~V") for each in rows[:200]):
        raise CorruptFileError("no section ~V")
    origin = ByteRange(0, min(source.size_bytes, _MOST_BYTES))
    section, version, others, count = "", "", [], 0
    data_begins: int | None = None
    for number, row in enumerate(rows[:_MOST_LINES]):
        stripped = row.strip()
        if stripped.startswith("~"):
            name = stripped[1:2].upper()
            section = _SECTIONS.get(name, stripped[1:].split("|")[0].strip())
            if (
                name == "A"
                or stripped.upper().startswith("~LOG_DATA")
                or "_DATA" in stripped.upper().split("|")[0]
            ):
                section, data_begins = "Data", number + 1
                if name == "A":
                    break
            elif name == "V" and "LOG" not in stripped.upper():
                section = "Version"
            continue
        if not stripped or stripped.startswith("#") or section == "Data":
            continue
        if section == "Other":
            others.append(stripped)
            continue
        match = _LINE.match(row)
        if match is None:
            continue
        value, _, description = (
            match["value"].rpartition(":") if ":" in match["value"] else (match["value"], "", "")
        )
        value, description, name = value.strip(), description.strip(), match["name"].strip()
        if name.upper() == "VERS":
            version = value
        if section == "Curves":
            count += 1
            entries: tuple[tuple[str, Value], ...] = (
                ("unit", match["unit"]),
                ("code", value),
                ("description", description),
            )
            document.add(SECTION, Field(name, Struct(entries), group="Curves", origin=origin))
            continue
        if section == "Well" and version.startswith("1") and name.upper() not in _SWAPPED:
            value, description = description, value
        document.add(SECTION, Field(name, _value(value), unit=match["unit"], note=description, group=section or "Header", origin=origin))  # fmt: skip
    if others:
        document.add(SECTION, Field("Remarks", "\n".join(others), group="Other", origin=origin))
    document.add(SECTION, Field("CurveCount", count, group="File"))
    if data_begins is None and not is_whole:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_BYTES} of {source.size_bytes} bytes were read")
    elif data_begins is None:
        document.problem(SECTION, ProblemKind.TRUNCATED, "there is no data")


def _value(text: str) -> Value:
    if _NUMBER.match(text):
        return int(text) if re.fullmatch(r"[+-]?(?:0|[1-9]\d{0,14})", text) else float(text)
    return text
