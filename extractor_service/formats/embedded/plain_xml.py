"""XML that is no XMP: its elements as fields, named by their path. iXML (ixml.info), aXML (ITU-R BS.2076)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from extractor_service.document import Field, ProblemKind
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading import names

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from extractor_service.document import ByteRange, Document

SECTION = "xml"
_PLAIN_DOCTYPE = re.compile(r"<!DOCTYPE[^\[<>]*>")  # XML 1.0, 2.8; with a subset it may declare entities
_MAX_DEPTH = 16  # elements in elements: iXML has five levels


def root(data: bytes) -> Element:
    """The tree of a whole document, whose type is left aside where it declares nothing itself.

    Raises:
        ValueError: it isn't well-formed, or declares entities.
    """
    text = xmp.decoded(data).strip("\0 \r\n\t\ufeff")
    try:
        return xmp.tree(_PLAIN_DOCTYPE.sub("", text, count=1))
    except ParseError as error:
        raise ValueError(f"not well-formed: {error}") from error


def parse(
    packet: bytes, document: Document, what: str, origin: ByteRange, *, with_root: bool = False
) -> None:
    """Adds each text of `packet`; trouble becomes a Problem that names `what` it is. Names begin with the root's, if wanted."""
    document.spend(len(packet))
    text = xmp.decoded(packet.rstrip(b"\0")).strip("\0 \r\n\t")
    if not text:
        return
    try:
        root = xmp.tree(text)
    except (ParseError, xmp.RefusedXmlError, ValueError) as error:
        document.problem(
            SECTION, ProblemKind.DAMAGED, f"{what} isn't valid XML: {error}", origin.offset_bytes
        )
        return
    for child in (root,) if with_root else root:
        _element(child, "", document, origin, 0)


def _element(element: Element, path: str, document: Document, origin: ByteRange, depth: int) -> None:
    local = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    if not local or depth > _MAX_DEPTH:
        return
    path += local[:1].upper() + local[1:].lower() if local.isupper() else local[:1].upper() + local[1:]
    for key, value in element.attrib.items():
        name = key.rpartition("}")[2]
        document.add(
            SECTION,
            Field(names.spoken(f"{path}{name[:1].upper()}{name[1:]}"), value, group="XML", origin=origin),
        )
    content = (element.text or "").strip()
    if content:
        document.add(SECTION, Field(names.spoken(path), content, group="XML", origin=origin))
    for child in element:
        _element(child, path, document, origin, depth + 1)
