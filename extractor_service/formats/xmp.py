"""XMP packets: properties, structures, bags and language alternatives as typed fields.

XMP specification part 1 (ISO 16684-1) sections 6 and 7. Field names are ExifTool's: the property with its first
letter in upper case, in the group "XMP-<prefix>". The XML comes from strangers: no DTD, no entities, bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError

from extractor_service.document import ProblemKind, Struct

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

_SECTION = "xmp"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MAX_DEPTH = 12
_MAX_PACKET_BYTES = 8 * 1024 * 1024
_PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/xap/1.0/bj/": "xmpBJ",
    "http://ns.adobe.com/xap/1.0/t/pg/": "xmpTPg",
    "http://ns.adobe.com/xmp/1.0/DynamicMedia/": "xmpDM",
    "http://ns.adobe.com/xap/1.0/sType/ResourceRef#": "stRef",
    "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#": "stEvt",
    "http://ns.adobe.com/pdf/1.3/": "pdf",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/camera-raw-settings/1.0/": "crs",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/exif/1.0/aux/": "aux",
    "http://cipa.jp/exif/1.0/": "exifEX",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://ns.adobe.com/lightroom/1.0/": "lr",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "iptcCore",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "iptcExt",
    "http://ns.useplus.org/ldf/xmp/1.0/": "plus",
    "http://ns.microsoft.com/photo/1.0/": "MicrosoftPhoto",
    "http://ns.google.com/photos/1.0/panorama/": "GPano",
    "http://www.aiim.org/pdfa/ns/id/": "pdfaid",
}


def parse(packet: bytes, document: Document) -> None:
    """Adds the properties of `packet`; trouble becomes Problems of section "xmp"."""
    if len(packet) > _MAX_PACKET_BYTES:
        document.problem(_SECTION, ProblemKind.LIMIT, f"the packet has {len(packet)} bytes")
        return
    from defusedxml import DefusedXmlException, ElementTree  # noqa: PLC0415 - in workers, on first use

    start, end = packet.find(b"<"), packet.rfind(b">")
    if start < 0:
        document.problem(_SECTION, ProblemKind.DAMAGED, "the packet holds no XML")
        return
    try:
        # A packet padded with NULs, or without its closing processing instruction, is common and harmless.
        root: Element = ElementTree.fromstring(packet[start : end + 1], forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        document.problem(_SECTION, ProblemKind.DAMAGED, f"the packet isn't valid XML: {error}")
        return
    rdf = root if root.tag == _RDF + "RDF" else root.find(f".//{_RDF}RDF")
    if rdf is None:
        document.problem(_SECTION, ProblemKind.DAMAGED, "the packet holds no RDF")
        return
    for key, value in root.attrib.items():
        if key.endswith("}xmptk"):
            document.add(_SECTION, "XMPToolkit", value, group="XMP-x")
    for description in rdf.findall(_RDF + "Description"):
        _description(description, document)


def _description(description: Element, document: Document) -> None:
    for key, text in description.attrib.items():
        if key == _RDF + "about":
            if text:
                document.add(_SECTION, "About", text, group="XMP-rdf")
        elif not key.startswith((_RDF, "{http://www.w3.org/")):
            _add(document, key, text, note="")
    for element in description:
        note = ""
        value = _value(element, 0)
        language = element.get(_XML_LANG)
        if language:
            note = language
        _add(document, element.tag, value, note)


def _add(document: Document, qualified: str, value: Value, note: str) -> None:
    namespace, name = _split(qualified)
    prefix = _PREFIXES.get(namespace, "other")
    document.add(_SECTION, name[:1].upper() + name[1:], value, group=f"XMP-{prefix}", note=note)


def _value(element: Element, depth: int) -> Value:
    """Text, a list for Bag and Seq, the default text or a struct for Alt, a struct for a resource."""
    if depth > _MAX_DEPTH:
        return None
    resource = element.get(_RDF + "resource")
    if resource is not None:
        return resource
    if element.get(_RDF + "parseType") == "Resource":
        return _struct(element, depth)
    if len(element) == 0:
        own = _attributes(element)
        return Struct(tuple(own)) if own else (element.text or "").strip()
    child = element[0]
    if child.tag in {_RDF + "Bag", _RDF + "Seq"}:
        return [_value(item, depth + 1) for item in child.findall(_RDF + "li")]
    if child.tag == _RDF + "Alt":
        return _alternatives(child, depth)
    if child.tag == _RDF + "Description":
        return _struct(child, depth)
    return _struct(element, depth)


def _alternatives(alternative: Element, depth: int) -> Value:
    items = [(item.get(_XML_LANG, ""), _value(item, depth + 1)) for item in alternative.findall(_RDF + "li")]
    if not items:
        return ""
    if len(items) == 1 and items[0][0] in {"", "x-default"}:
        return items[0][1]
    if any(language for language, _ in items):
        return Struct(tuple(items))
    return [value for _, value in items]


def _struct(element: Element, depth: int) -> Struct:
    entries = _attributes(element)
    for child in element:
        _, name = _split(child.tag)
        entries.append((name[:1].upper() + name[1:], _value(child, depth + 1)))
    return Struct(tuple(entries))


def _attributes(element: Element) -> list[tuple[str, Value]]:
    entries: list[tuple[str, Value]] = []
    for key, text in element.attrib.items():
        if not key.startswith((_RDF, "{http://www.w3.org/")):
            _, name = _split(key)
            entries.append((name[:1].upper() + name[1:], text))
    return entries


def _split(qualified: str) -> tuple[str, str]:
    if qualified.startswith("{"):
        namespace, _, name = qualified[1:].partition("}")
        return namespace, name
    return "", qualified
