"""JCAMP-DX spectra: labelled data records of each block; tables of data are passed over, their form is told.

IUPAC/ASTM "JCAMP-DX" 4.24 (Applied Spectroscopy 42, 151, 1988), 5.01 (Pure Appl. Chem. 71, 1765, 1999).
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.text import lines
from extractor_service.formats.reading.damage import tolerant

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "jcamp"
_MOST_BYTES = 8 * 1024 * 1024  # parsed: a tenth of a second
_MOST_VALUE_CHARS = 16 * 1024  # of a record that is no table
_MOST_RECORDS = 20_000  # as many as a document may have, nearly
# Their values are data: of these the first line, which says how it is written.
_TABLES = frozenset(
    {"XYDATA", "XYPOINTS", "PEAKTABLE", "PEAKASSIGNMENTS", "DATATABLE", "RADATA", "ASSIGNMENTS"}
)
_RECORD = re.compile(r"^##([^=\n]*)=", re.MULTILINE)
_NUMBER = re.compile(r"[+-]?(?:\d{1,15}\.?\d{0,17}|\.\d+)(?:[Ee][+-]?\d{1,3})?$")
# Texts by the standard, though they may look like numbers (4.24, tables I to IV).
_TEXTS = frozenset({
    "TITLE", "ORIGIN", "OWNER", "DATATYPE", "DATACLASS", "DATE", "TIME", "LONGDATE", "SOURCEREFERENCE", "CROSSREFERENCE", "SAMPLEDESCRIPTION", "CASNAME", "NAMES", "MOLFORM",
    "CASREGISTRYNO", "WISWESSER", "BEILSTEINLAWSONNO", "SPECTROMETER/DATASYSTEM", "SPECTROMETERDATASYSTEM", "INSTRUMENTPARAMETERS", "SAMPLINGPROCEDURE", "STATE", "DATAPROCESSING",
})  # fmt: skip
_COMMENT = re.compile(r"\$\$.*$", re.MULTILINE)


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """One field a record, in the group of its block; numbers as numbers."""
    text, is_whole = lines.text_of(source, _MOST_BYTES)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = list(islice(_RECORD.finditer(text), _MOST_RECORDS + 1))
    if not found or _label(found[0][1]) not in {"TITLE", "JCAMPDX"}:
        raise CorruptFileError("no record ##TITLE=")
    block = depth = count = 0
    origin = ByteRange(0, min(source.size_bytes, _MOST_BYTES))
    stack: list[str] = []
    for at, match in enumerate(found[:_MOST_RECORDS]):
        written = match[1].strip()
        label = _label(written)
        end = found[at + 1].start() if at + 1 < len(found) else len(text)
        value = text[match.end() : end]
        if label == "TITLE":
            block += 1
            stack.append(f"Block{block}")
        group = stack[-1] if stack else f"Block{max(block, 1)}"
        if label == "END":
            if stack:
                stack.pop()
            depth += 1
            continue
        if not written:
            continue  # ##= is a remark
        count += 1
        document.add(SECTION, Field(written, _value(label, value), group=group, origin=origin))
    document.add(SECTION, Field("BlockCount", block, group="File"))
    document.add(SECTION, Field("RecordCount", count, group="File"))
    if len(found) > _MOST_RECORDS:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_RECORDS} records were read, there are more")
    if not is_whole:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_BYTES} of {source.size_bytes} bytes were read")
    elif depth < block:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"{block - depth} of {block} blocks have no ##END=")


def _label(written: str) -> str:
    """A label as it is compared: without blanks, dashes, slashes and underlines (4.24, 4.1)."""
    return re.sub(r"[\s\-/_]", "", written).upper()


def _value(label: str, value: str) -> Value:
    if label in _TABLES:
        return value.partition("\n")[0].strip()
    value = _COMMENT.sub("", value).strip()
    if label not in _TEXTS and _NUMBER.match(value):
        return int(value) if re.fullmatch(r"[+-]?\d{1,15}", value) else float(value)
    return value[:_MOST_VALUE_CHARS]
