"""XML elements as fields named by their path, as ExifTool names them: <a><b c="1">2</b></a> is ABC and AB."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.formats.embedded.xmp_namespaces import PREFIXES
from extractor_service.formats.reading import names
from extractor_service.formats.reading.conversions import colon_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from xml.etree.ElementTree import Element

    from extractor_service.document import ByteRange, Document, Value

_MAX_DEPTH = 12  # elements in elements; office files have five levels
_MAX_FIELDS = 5000  # of one member: a book's manifest has hundreds of lines
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,12})?$")
_SCHEMAS = {
    "urn:oasis:names:tc:opendocument:xmlns:meta:1.0": "meta",
    "urn:oasis:names:tc:opendocument:xmlns:office:1.0": "office",
    "http://www.w3.org/2003/g/data-view#": "grddl",
    "http://www.idpf.org/2007/opf": "",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://www.w3.org/1999/xlink": "xlink",
}
_DATE_ELEMENT = "{http://purl.org/dc/elements/1.1/}date"


def local(tag: object) -> str:
    """The name without its namespace; "" of what is no element."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


class Flattener:
    """Adds what it is given to one section of a document."""

    def __init__(
        self,
        document: Document,
        section: str,
        group: str,
        origin: ByteRange | None,
        is_ignored: Callable[[str], bool],
    ) -> None:
        """`is_ignored` says which elements, by local name, leave no trace in names."""
        self._document, self._section, self._group = document, section, group
        self._origin, self._is_ignored = origin, is_ignored
        self._left = _MAX_FIELDS

    def add(self, root: Element) -> None:
        """All below `root`, in the document's order."""
        for path, tag, key, text in _walk(root, "", self._is_ignored, 0):
            if self._left == 0:
                return
            self._left -= 1
            self._put(path, tag, key, text)

    def _put(self, path: str, tag: str, key: str, text: str) -> None:
        uri = tag[1:].partition("}")[0] if tag.startswith("{") else ""
        prefix = _SCHEMAS.get(uri, PREFIXES.get(uri, ""))
        value = typed(text)
        if tag == _DATE_ELEMENT and not key:
            value = colon_date(text)
        group = f"{self._group}-{prefix}" if prefix else self._group
        self._document.add(self._section, Field(names.kept(path), value, group=group, origin=self._origin))


def typed(text: str) -> Value:
    """Numbers and complete dates as such; other texts as they are."""
    if _NUMBER.match(text):
        return float(text) if "." in text else int(text)
    return colon_date(text) if _DATE.match(text) else text


def _walk(
    element: Element, path: str, is_ignored: Callable[[str], bool], depth: int
) -> Iterator[tuple[str, str, str, str]]:
    """(joined path, tag, attribute or "", text) of all attributes and texts."""
    if depth > _MAX_DEPTH or not isinstance(element.tag, str):
        return
    name = local(element.tag)
    if not is_ignored(name):
        path += name[:1].upper() + name[1:]
    for key, value in element.attrib.items():
        shown = local(key)
        if not key.startswith("{http://www.w3.org/XML/") and value and path:
            yield path + shown[:1].upper() + shown[1:], element.tag, key, value
    text = (element.text or "").strip()
    if text and path:
        yield path, element.tag, "", text
    for child in element:
        yield from _walk(child, path, is_ignored, depth + 1)
