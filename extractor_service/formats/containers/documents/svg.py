"""SVG: the attributes of the drawing, its title and description, and an XMP packet inside. SVG 1.1 section 5."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_SECTION = "svg"
_WINDOW_BYTES = 64 * 1024  # what describes a drawing stands before the drawing
_NAMES: Mapping[str, str] = {
    "width": "ImageWidth",
    "height": "ImageHeight",
    "version": "SVGVersion",
    "id": "ID",
}
_LOCAL_PREFIXES: Mapping[str, str] = {
    "http://www.inkscape.org/namespaces/inkscape": "SVG-inkscape",
    "http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd": "SVG-sodipodi",
}

_SIZES = frozenset({"ImageWidth", "ImageHeight"})
_PIXELS = re.compile(
    r"(\d+(?:\.\d+)?)px"
)  # a length's unit; without one it stays as it is written (SVG 1.1, 7.10)


def parse(source: ByteSource, document: Document) -> None:
    """What stands in the first 64 KiB: the root's attributes, title, desc, and metadata."""
    data = Reader(source).some(0, _WINDOW_BYTES)
    text = xmp.decoded(data)
    handler = _Handler(document, len(data))
    from xml.parsers import expat  # noqa: PLC0415 - in workers only

    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.characters
    parser.EntityDeclHandler = handler.refuse
    try:
        # Not the end of the document: what is cut by the window is no mistake of the file.
        parser.Parse(_without_declaration(text).encode("utf-8", "replace"), len(data) == source.size_bytes)
    except _RefusedError as error:
        document.problem(_SECTION, ProblemKind.DAMAGED, str(error))
    except expat.ExpatError as error:
        if not document.sections:
            raise CorruptFileError(f"not well-formed: {error}") from error
        document.problem(_SECTION, ProblemKind.DAMAGED, f"not well-formed: {error}")
    packet = text.find("<x:xmpmeta")
    if packet < 0:
        packet = text.find("<rdf:RDF")
    end = max(text.rfind("</x:xmpmeta>"), text.rfind("</rdf:RDF>"))
    if 0 <= packet < end and "xmpmeta" in text[packet : packet + 20]:
        xmp.parse(text[packet : text.index(">", end) + 1].encode("utf-8", "replace"), document)


def _without_declaration(text: str) -> str:
    text = text.lstrip("\ufeff \r\n\t")
    return text[text.find("?>") + 2 :] if text.startswith("<?xml") else text


class _RefusedError(Exception):
    """Entities, which may grow without bound."""


class _Handler:
    """Collects while expat reads; nothing is kept of the drawing itself."""

    def __init__(self, document: Document, length: int) -> None:
        self._document = document
        self._origin = ByteRange(0, length)
        self._path: list[str] = []
        self._words: list[str] = []

    def refuse(self, *_arguments: object) -> None:
        raise _RefusedError("the document declares entities")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name.rpartition(" ")[2])
        self._words = []
        if len(self._path) == 2 and self._path[1] == "metadata" and "id" in attributes:
            self._add("MetadataID", attributes["id"], "SVG")
        if len(self._path) > 1:
            return
        uri = name.rpartition(" ")[0]
        rows = list(attributes.items())
        if uri:
            rows.append(("xmlns", uri))
        for key, value in rows:
            prefix, _, local = key.rpartition(" ")
            shown = _NAMES.get(local) or local[:1].upper() + local[1:]
            group = "SVG" if not prefix else _LOCAL_PREFIXES.get(prefix, "SVG")
            if prefix and group != "SVG":
                shown = local[:1].upper() + local[1:]
            self._add(shown, value, group)

    def characters(self, data: str) -> None:
        if 2 <= len(self._path) <= 3 and len(self._words) < 1000:
            self._words.append(data)

    def end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        text = "".join(self._words).strip()
        if len(self._path) == 2 and local in {"title", "desc"} and text:
            self._add(local[:1].upper() + local[1:], text, "SVG")
        self._words = []
        self._path.pop()

    def _add(self, name: str, value: str, group: str) -> None:
        pixels = _PIXELS.fullmatch(value) if name in _SIZES else None
        if pixels is not None:
            number = float(pixels[1])
            size = int(number) if number.is_integer() else number
            self._document.add(_SECTION, Field(name, size, unit="px", group=group, origin=self._origin))
            return
        self._document.add(_SECTION, Field(name, value, group=group, origin=self._origin))
