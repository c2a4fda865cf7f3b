"""XML that no other reader knows: its root, namespaces, schema, and how large it is. W3C, XML 1.0; XML Schema part 1, 4.3.2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.parsers import expat

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.text import lines
from extractor_service.formats.reading.damage import tolerant

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "xml"
_GROUP = "XML-document"
_MOST_BYTES = 8 * 1024 * 1024  # parsed: a quarter of a second
_MOST_DECLARATION_CHARS = 1024  # a version, an encoding
_MOST_NAMES = 200  # namespaces that are listed
_TITLES = frozenset({"title", "name", "description", "author", "creator", "generator", "language", "copyright", "version", "date", "subject", "publisher"})  # fmt: skip
_DECLARATION = re.compile(r"<\?xml\s([^?]*)\?>")


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The declaration, the root with its attributes, elements counted, texts near the root that say what it is."""
    text, is_whole = lines.text_of(source, _MOST_BYTES)
    text = text.lstrip("\ufeff \r\n\t")
    handler = _Outline(document, ByteRange(0, min(source.size_bytes, _MOST_BYTES)))
    declaration = _DECLARATION.match(text[:_MOST_DECLARATION_CHARS])
    if declaration is not None:
        for key, value in re.findall(r"(\w+)\s*=\s*[\"']([^\"']*)[\"']", declaration[1]):
            handler.put(
                {"version": "XMLVersion", "encoding": "Encoding", "standalone": "Standalone"}.get(
                    key, key.capitalize()
                ),
                value,
            )
        text = text[declaration.end() :]
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = handler.start, handler.end
    parser.CharacterDataHandler, parser.StartNamespaceDeclHandler = handler.text, handler.namespace
    parser.StartDoctypeDeclHandler, parser.EntityDeclHandler = handler.document_type, handler.entity
    parser.ProcessingInstructionHandler = handler.instruction
    try:
        parser.Parse(text.encode("utf-8", "replace"), is_whole)
    except (expat.ExpatError, _EntitiesError) as error:
        if not handler.elements and not document.sections:
            raise CorruptFileError(f"not well-formed: {error}") from error
        document.problem(SECTION, ProblemKind.DAMAGED, f"not well-formed: {error}")
        is_whole = False
    handler.finish(is_whole=is_whole)
    if not is_whole and source.size_bytes > _MOST_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"{_MOST_BYTES} of {source.size_bytes} bytes were read")


class _EntitiesError(Exception):
    """Entities, which may grow without bound."""


class _Outline:
    """What is kept while expat reads."""

    def __init__(self, document: Document, origin: ByteRange) -> None:
        self._document, self._origin = document, origin
        self.elements = self._depth = self._deepest = 0
        self._names: set[str] = set()
        self._namespaces: dict[str, None] = {}
        self._text: list[str] | None = None
        self._found = 0

    def put(self, name: str, value: Value) -> None:
        """One field."""
        self._document.add(SECTION, Field(name, value, group=_GROUP, origin=self._origin))

    def namespace(self, _prefix: str | None, uri: str | None) -> None:
        """A namespace that is declared."""
        if uri and len(self._namespaces) < _MOST_NAMES:
            self._namespaces[uri] = None

    def document_type(self, name: str, system: str | None, public: str | None, _internal: int) -> None:
        """The document type, by name."""
        self.put("DocType", " ".join(each for each in (name, public or "", system or "") if each)[:500])

    def entity(self, *_arguments: object) -> None:
        """Nothing that grows is read."""
        raise _EntitiesError("the document declares entities")

    def instruction(self, target: str, data: str) -> None:
        """Style sheets; others are left aside."""
        if target == "xml-stylesheet" and not self.elements:
            self.put("StyleSheet", data[:500])

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """One element."""
        uri, _, local = name.rpartition(" ")
        self.elements += 1
        self._depth += 1
        self._deepest = max(self._deepest, self._depth)
        if len(self._names) < 10_000:
            self._names.add(name)
        if self._depth == 1:
            self.put("RootElement", local)
            if uri:
                self.put("RootNamespace", uri)
            for key, value in list(attributes.items())[:50]:
                shown = key.rpartition(" ")[2]
                self.put(f"Root{shown[:1].upper()}{shown[1:40]}", value[:1000])
        elif self._depth <= 3 and local.lower() in _TITLES and self._found < 50:
            self._text = []

    def text(self, data: str) -> None:
        """Text, kept where it says what the document is."""
        if self._text is not None and len(self._text) < 100:
            self._text.append(data)

    def end(self, name: str) -> None:
        """The end of one."""
        if self._text is not None:
            content = " ".join("".join(self._text).split())[:2000]
            local = name.rpartition(" ")[2]
            if content and local.lower() in _TITLES:
                self._found += 1
                self.put(local[:1].upper() + local[1:], content)
            self._text = None
        self._depth -= 1

    def finish(self, *, is_whole: bool) -> None:
        """Counts, where all was read."""
        if self._namespaces:
            self.put("Namespaces", [*self._namespaces])
        if is_whole:
            self.put("ElementCount", self.elements)
            self.put("ElementNames", len(self._names))
            self.put("Depth", self._deepest)
