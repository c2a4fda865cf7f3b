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
_REST = re.compile(r"(?P<unit>[^\s:]*)(?P<value>.*)$")
_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})$")
_REAL = re.compile(r"[+-]?(?:(?:0|[1-9]\d{0,14})?\.\d{0,15}|[1-9]\d{0,14}(?=[Ee]))(?:[Ee][+-]?\d{1,3})?$")
_FORMAT = re.compile(r"\{[^{}]*\}$")  # of LAS 3.0, behind a value
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
            section = _section(stripped)
            if section == "Data":
                data_begins = number + 1
                if "_" not in stripped:
                    break
            continue
        if not stripped or stripped.startswith("#") or section == "Data":
            continue
        if section == "Other":
            others.append(stripped)
            continue
        name, point, rest = stripped.partition(".")
        match = _REST.match(rest)
        if not point or match is None:
            continue
        value, _, description = (
            match["value"].rpartition(":") if ":" in match["value"] else (match["value"], "", "")
        )
        value, description, name = _FORMAT.sub("", value.strip()).strip(), description.strip(), name.strip()
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


def _section(line: str) -> str:
    """A section by its first letter; those of LAS 3.0 by their whole name, of which the log's are the usual ones."""
    name = line[1:].partition("|")[0].strip()
    kind = name.partition("[")[0].lower()
    if "_" not in kind:
        return _SECTIONS.get(name[:1].upper(), name)
    if kind.endswith("_data"):
        return "Data"
    return {"log_definition": "Curves", "log_parameter": "Parameters"}.get(kind, name)


def _value(text: str) -> Value:
    """A number, where nothing of it is lost: identifiers have zeros in front, or more digits than a number keeps."""
    if _INTEGER.match(text):
        return int(text)
    return float(text) if _REAL.match(text) else text
