"""mzML: files, samples, software, instruments, processing, the run; up to the first spectrum, whose lists say how many come.

HUPO-PSI, "mzML 1.1.0 Specification"; terms of the PSI-MS vocabulary are named as the file names them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "mzml"
_WINDOW_BYTES = 64 * 1024  # of the file, parsed at once
_MOST_BYTES = 16 * 1024 * 1024  # before the first spectrum, which comes within kilobytes
_MOST_FIELDS = 5000  # a tenth of a document's fields
_MOST_TERMS = 1000  # of one owner, which has a dozen
_MOST_DEPTH = 200  # of elements
# Elements with an id of their own, whose terms are told together.
_OWNERS = frozenset({
    "sourceFile", "sample", "software", "instrumentConfiguration", "dataProcessing", "scanSettings", "referenceableParamGroup", "contact", "fileContent",
    "processingMethod", "source", "analyzer", "detector", "cv", "run", "target",
})  # fmt: skip
_LISTS = {"spectrumList": "SpectrumCount", "chromatogramList": "ChromatogramCount"}


class _EnoughError(Exception):
    """The first spectrum has come."""


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Everything before the spectra, in the order of the file."""
    reader, outline = Reader(source), _Outline(document)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = outline.start, outline.end
    parser.EntityDeclHandler = outline.entity
    at = 0
    try:
        while at < min(reader.length, _MOST_BYTES):
            window = reader.some(at, _WINDOW_BYTES)
            outline.origin = ByteRange(at, len(window))
            at += len(window)
            parser.Parse(window, at >= reader.length)
    except _EnoughError:
        return
    except expat.ExpatError as error:
        if not document.sections:
            raise CorruptFileError(f"not well-formed: {error}") from error
        document.problem(SECTION, ProblemKind.DAMAGED, f"not well-formed: {error}", at)
        return
    if at >= _MOST_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"{at} bytes were read, and no spectrum has come")
    if not document.sections:
        raise CorruptFileError("no mzML")


class _Outline:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._owners: list[tuple[str, list[tuple[str, Value]], int]] = []
        self._depth = self._fields = 0
        self.origin = ByteRange(0, 0)

    def _put(self, name: str, value: Value, group: str) -> None:
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            self._document.problem(SECTION, ProblemKind.LIMIT, f"more than {_MOST_FIELDS} entries")
            raise _EnoughError
        self._document.add(SECTION, Field(name, value, group=group, origin=self.origin))

    def entity(self, *_: object) -> None:
        """MzML has none; they may grow without bound."""
        raise ValueError("entities are declared")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ValueError("nested too deeply")
        name = name.rpartition(" ")[2]
        if name == "mzML":
            for key in ("version", "id", "accession"):
                if key in attributes:
                    self._put(f"mzML{key.capitalize()}", attributes[key], "File")
        elif name in _LISTS:
            if attributes.get("count", "").isdigit():
                self._put(_LISTS[name], int(attributes["count"]), "Run")
            self._flush("run")
            if name == "chromatogramList":
                raise _EnoughError
        elif name in {"spectrum", "chromatogram"}:
            raise _EnoughError
        elif name in {"cvParam", "userParam"} and self._owners:
            self._term(attributes)
        elif name in _OWNERS:
            self._owners.append((name, list(attributes.items()), self._depth))
        elif name.endswith("Ref") and self._owners and attributes:
            key = name[:-3] if name != "referenceableParamGroupRef" else "params"
            self._owners[-1][1].append((key, next(iter(attributes.values()))))

    def _term(self, attributes: dict[str, str]) -> None:
        value = attributes.get("value", "")
        unit = attributes.get("unitName", "")
        told = f"{value} {unit}".strip() if value else ""
        entries = self._owners[-1][1]
        if len(entries) == _MOST_TERMS:
            self._document.problem(
                SECTION, ProblemKind.LIMIT, f"{_MOST_TERMS} terms of one {self._owners[-1][0]} are read"
            )
        if len(entries) > _MOST_TERMS:
            return
        entries.append((attributes.get("name", ""), told or attributes.get("accession", "")))

    def end(self, name: str) -> None:
        """An element ends."""
        if (
            self._owners
            and self._owners[-1][2] == self._depth
            and self._owners[-1][0] == name.rpartition(" ")[2]
        ):
            owner, entries, _ = self._owners.pop()
            self._tell(owner, entries)
        self._depth -= 1

    def _flush(self, owner: str) -> None:
        """Tells of what is still open: the run, whose end comes behind all spectra."""
        for index, (name, entries, _) in enumerate(self._owners):
            if name == owner:
                self._tell(name, entries)
                del self._owners[index]
                return

    def _tell(self, owner: str, entries: list[tuple[str, Value]]) -> None:
        label = owner[:1].upper() + owner[1:]
        told: dict[str, Value] = {}
        for key, value in entries:  # a term may come twice
            before = told.get(key)
            told[key] = value if before is None else f"{before}; {value}"
        self._put(label, Struct(tuple(told.items())), label)
