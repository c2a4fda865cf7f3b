"""XMP packets: properties, structures, bags and language alternatives as typed fields.

XMP specification part 1 (ISO 16684-1) sections 6 and 7. Field names are ExifTool's, in the group "XMP-<prefix>"; a
language other than the default is a field of its own ("Title-fr"). The XML comes from strangers: a packet with a
document type or entities is refused before it is parsed, and everything is bounded.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element, ParseError, XMLParser

from extractor_service.document import Field, ProblemKind, Struct
from extractor_service.formats.embedded.exif_values import CONVERSIONS
from extractor_service.formats.embedded.xmp_namespaces import PREFIXES
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.conversions import colon_date
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.tagset import label, plain_text, xmp_properties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import ByteRange, Document, Value

_SECTION: Final = "xmp"
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XML_LANG: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_IGNORED: Final = (_RDF, "{http://www.w3.org/XML/", "{http://www.w3.org/2000/xmlns/")
_MAX_DEPTH: Final = 12  # structures in structures: keeps recursion, and protobuf's hundred messages, safe
_MAX_DIGITS: Final = 100  # longer numbers stay texts
_MAX_TAGS: Final = (
    800_000  # opening and closing: 400,000 elements, the most in 64 MiB (make faults ONLY=decoder_bombs)
)
_MAX_ATTRIBUTES: Final = 120_000  # and equals signs in texts; likewise
# The tree takes a multiple of it in a worker; longer packets are a Problem.
_MAX_PACKET_BYTES: Final = 8 * 1024 * 1024
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_CLOSINGS: Final = ("</x:xmpmeta>", "</x:xapmeta>", "</rdf:RDF>")  # the end of what a packet holds
_DECLARED: Final = re.compile(r"xmlns:([\w.-]+)\s*=\s*[\"']([^\"']*)[\"']")
_COMPLETE_DATE: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_FRACTION: Final = re.compile(r"(-?\d+)/(-?\d+)$")
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$")
_COORDINATE: Final = re.compile(r"(\d+),(\d+(?:\.\d+)?)(?:,(\d+(?:\.\d+)?))?([NSEW])$")
_GOOGLE_NOTES: Final = frozenset({"HdrPlusMakernote", "hdrp_makernote"})
_PLUS: Final = "http://ns.useplus.org/ldf/vocab/"
_APEX: Final = frozenset({"ShutterSpeedValue", "ApertureValue", "MaxApertureValue"})
_FRACTIONS: Final = frozenset({"LensInfo", "LensSpecification"})
_INTEGERS, _REALS = frozenset({"integer"}), frozenset({"rational", "real"})
_EXIF_PREFIXES: Final = frozenset({"exif", "exifEX", "aux", "tiff"})
_COORDINATES: Final = frozenset({"GPSLatitude", "GPSLongitude", "GPSDestLatitude", "GPSDestLongitude"})


class TooLargeXmlError(ValueError):
    """XML with more elements or attributes than memory allows."""


class RefusedXmlError(ValueError):
    """XML that declares a document type or entities."""


def parse(packet: bytes, document: Document, origin: ByteRange | None = None) -> None:
    """Adds the properties of `packet`; trouble becomes Problems of section "xmp"."""
    at = None if origin is None else origin.offset_bytes
    if len(packet) > _MAX_PACKET_BYTES:
        document.problem(_SECTION, ProblemKind.LIMIT, f"the packet has {len(packet)} bytes", at)
        return
    document.spend(len(packet))
    text = decoded(packet)
    start, end = text.find("<"), text.rfind(">")
    if start < 0:
        document.problem(_SECTION, ProblemKind.DAMAGED, "the packet holds no XML", at)
        return
    try:
        # A packet padded with NULs, or without its closing processing instruction, is common and harmless.
        root = _root(text[start : end + 1], document, at)
    except TooLargeXmlError as refusal:
        document.problem(_SECTION, ProblemKind.LIMIT, f"the packet isn't read: {refusal}", at)
        return
    except (ParseError, RefusedXmlError, ValueError) as error:
        document.problem(_SECTION, ProblemKind.DAMAGED, f"the packet isn't valid XML: {error}", at)
        return
    rdf = root if root.tag == _RDF + "RDF" else root.find(f".//{_RDF}RDF")
    if rdf is None:
        document.problem(_SECTION, ProblemKind.DAMAGED, "the packet holds no RDF", at)
        return
    _Packet(document, text, origin).read(root, rdf)


def _root(text: str, document: Document, at: int | None) -> Element:
    """The tree; what XML forbids, and what stands behind the packet's end, costs a Problem and nothing else."""
    try:
        return tree(text)
    except ParseError as error:
        cleaned = _FORBIDDEN.sub("", text)
        closing = max(cleaned.rfind(each) + len(each) if each in cleaned else 0 for each in _CLOSINGS)
        if closing:
            cleaned = cleaned[:closing]
        if cleaned == text:
            raise
        root = tree(cleaned)
        document.problem(_SECTION, ProblemKind.DAMAGED, f"the packet isn't clean XML: {error}", at)
        return root


def decoded(packet: bytes) -> str:
    """The packet as text: UTF-8 in practice, UTF-16 and UTF-32 by their first bytes (part 1, section 7.3)."""
    head = packet.lstrip(b"\0")[:4] if packet[:1] == b"\0" else packet[:4]
    if head[:3] == b"\xef\xbb\xbf":
        return packet.decode("utf-8-sig", "replace")
    if head[:2] in {b"\xfe\xff", b"\xff\xfe"}:
        return packet.decode("utf-16", "replace")
    if packet[:2] == b"\0<":
        return packet.decode("utf-16-be", "replace")
    if packet[:2] == b"<\0":
        return packet.decode("utf-16-le", "replace")
    try:
        return packet.decode()
    except UnicodeDecodeError:
        return packet.decode("cp1252" if b"\xc2" not in packet else "utf-8", "replace")


def tree(text: str) -> Element:
    """The XML in `text`.

    Raises:
        RefusedXmlError: it declares a document type or entities, which no packet may.
        TooLargeXmlError: it has too many elements: 8 MiB of the smallest take 230 MiB as a tree.
        ParseError: it isn't well-formed.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise RefusedXmlError("it declares a document type")
    if text.startswith(("<?xpacket", "<?adobe")):
        text = text[text.find("?>") + 2 :].lstrip()
    if text.startswith("<?xml"):
        text = text[
            text.find("?>") + 2 :
        ].lstrip()  # its encoding is that of the bytes, which are text by now
    if text.count("<") > _MAX_TAGS or text.count("=") > _MAX_ATTRIBUTES:
        raise TooLargeXmlError("it has too many elements or attributes")
    parser = XMLParser()  # noqa: S314 - without document type and entities there is nothing left to attack with
    parser.feed(text.replace("\0", ""))
    root: Element = parser.close()
    return root


class _Packet:
    """One packet while it is read."""

    def __init__(
        self, document: Document, text: str, origin: ByteRange | None, section: str = _SECTION
    ) -> None:
        self._document = document
        self._origin = origin
        self._section = section
        self._members: dict[tuple[str, str], tuple[str, str, str]] = {}
        self._own = {uri: prefix for prefix, uri in _DECLARED.findall(text)}

    def read(self, root: Element, rdf: Element) -> None:
        for key, value in root.attrib.items():
            if key.endswith(("}xmptk", "}xaptk")):
                self._put("XMPToolkit", value, "", "XMP-x")
        for child in rdf:
            if child.tag == _RDF + "Description":
                self._description(child)
            elif isinstance(child.tag, str):
                self._property(child.tag, child)

    def _description(self, description: Element) -> None:
        for key, text in description.attrib.items():
            if key in {_RDF + "about", "about"}:
                if text:
                    self._put("About", text, "", "XMP-rdf")
            elif not key.startswith(_IGNORED):
                self._add(key, text.strip(), "")
        for element in description:
            if isinstance(element.tag, str):
                self._property(element.tag, element)

    def _property(self, qualified: str, element: Element) -> None:
        alternative = element.find(_RDF + "Alt")
        if alternative is None:
            value = self._value(element, 0, _split(qualified)[1])
            self._add(qualified, value, element.get(_XML_LANG) or "")
            return
        items = alternative.findall(_RDF + "li")
        if not any(item.get(_XML_LANG) for item in items):
            values = [self._value(item, 1) for item in items]
            self._add(qualified, values[0] if len(values) == 1 else values, "")
            return
        for item in items:
            language = item.get(_XML_LANG) or "x-default"
            self._add(qualified, self._value(item, 1), "" if language == "x-default" else language)

    def _value(self, element: Element, depth: int, parent: str = "") -> Value:
        """Text, a list for Bag, Seq and Alt, a struct for a resource."""
        if depth > _MAX_DEPTH:
            return None
        resource = element.get(_RDF + "resource")
        if resource is not None:
            return resource
        if element.get(_RDF + "parseType") == "Resource":
            return self._struct(element, depth, parent)
        if len(element) == 0:
            own = self._attributes(element, parent)
            return Struct(tuple(own)) if own else (element.text or "").strip()
        child = element[0]
        if child.tag in {_RDF + "Bag", _RDF + "Seq", _RDF + "Alt"}:
            return [self._value(item, depth + 1, parent) for item in child.findall(_RDF + "li")]
        if child.tag == _RDF + "Description":
            return self._struct(child, depth, parent, self._attributes(element, parent))
        return self._struct(element, depth, parent)

    def _struct(
        self, element: Element, depth: int, parent: str, before: list[tuple[str, Value]] | None = None
    ) -> Value:
        entries = [*(before or []), *self._attributes(element, parent)]
        for child in element:
            if child.tag == _RDF + "value":  # a value with qualifiers: the value is what is meant
                return self._value(child, depth + 1)
            prefix, shown, known = self._member(child.tag, parent)
            alternative = child.find(_RDF + "Alt")
            if alternative is not None and any(item.get(_XML_LANG) for item in alternative):
                for item in alternative:
                    language = item.get(_XML_LANG) or "x-default"
                    suffix = "" if language == "x-default" else f"-{language}"
                    entries.append((shown + suffix, self._value(item, depth + 1)))
                continue
            value = self._value(child, depth + 1, _split(child.tag)[1])
            entries.append((shown, _typed(prefix, known, value)))
        return Struct(tuple(entries))

    def _attributes(self, element: Element, parent: str = "") -> list[tuple[str, Value]]:
        entries: list[tuple[str, Value]] = []
        for key, text in element.attrib.items():
            if not key.startswith(_IGNORED):
                prefix, shown, known = self._member(key, parent)
                entries.append((shown, _typed(prefix, known, text)))
        return entries

    def _member(self, qualified: str, parent: str) -> tuple[str, str, str]:
        """Prefix and name of a structure's field, and the name under which its type stands in the listing.

        That may be the joined one ("FlashFired"). Histories repeat a few fields a thousand times, so they are kept.
        """
        found = self._members.get((qualified, parent))
        if found is None:
            namespace, name = _split(qualified)
            prefix, shown = self._prefix(namespace), _field(name)
            joined = parent + shown
            found = (prefix, shown, joined if joined in xmp_properties(prefix) else name)
            self._members[qualified, parent] = found
        return found

    def _prefix(self, namespace: str) -> str:
        return PREFIXES.get(namespace) or self._own.get(namespace) or "other"

    def _add(self, qualified: str, value: Value, language: str) -> None:
        with Surviving(self._document, self._section, _split(qualified)[1][:60]):
            self._add_property(qualified, value, language)

    def _add_property(self, qualified: str, value: Value, language: str) -> None:
        namespace, name = _split(qualified)
        prefix = self._prefix(namespace)
        row = xmp_properties(prefix).get(name)
        shown = row[0] if row else _field(name)
        labels = row[2] if row else None
        if name in _GOOGLE_NOTES and isinstance(value, str):
            self._google(shown, value, f"XMP-{prefix}")
            return
        meant = _typed(prefix, name, value)
        if isinstance(meant, str) and meant.startswith(_PLUS):
            meant = meant.removeprefix(_PLUS)
        if shown in _APEX and isinstance(meant, (int, float)):
            convert = CONVERSIONS[shown].convert
            meant = convert(meant) if convert else meant
        text = ""
        if labels is not None and not isinstance(meant, Struct):
            texts = [_labelled(labels, each) for each in (meant if isinstance(meant, list) else [meant])]
            text = ", ".join(texts)
        elif prefix in _EXIF_PREFIXES:
            printer = CONVERSIONS[shown].printer if shown in CONVERSIONS else None
            is_signed = shown in _COORDINATES and isinstance(meant, float)
            seen: Value = abs(meant) if is_signed and isinstance(meant, float) else meant
            text = printer(seen) if printer and not isinstance(meant, Struct) else ""
            if is_signed and isinstance(meant, float):
                text = f"{text} {('NS' if 'Latitude' in shown else 'EW')[meant < 0]}"
        if language:
            shown = f"{shown}-{language}"
        self._put(shown, meant, text, f"XMP-{prefix}")

    def _google(self, name: str, text: str, group: str) -> None:
        """Google's own notes, in base64."""
        from extractor_service.formats.embedded.makernotes import google  # noqa: PLC0415 - rare

        data = base64.b64decode(text)
        fields.add_binary(self._document, self._section, group, name, len(data), self._origin)
        with Surviving(self._document, "makernotes", "Google's note"):
            google.read(data, self._document, self._origin)

    def _put(self, name: str, value: Value, text: str, group: str) -> None:
        self._document.add(self._section, Field(name, value, text, group=group, origin=self._origin))


def _labelled(labels: Mapping[int | str, str], value: Value) -> str:
    """The label of a value; a number without one is just itself, where numbers are the rule."""
    if isinstance(value, bool):
        return labels.get(str(value), str(value))
    if isinstance(value, Struct):
        return ""
    text = label(labels, value)
    return plain_text(value) if isinstance(value, float) and text.startswith("Unknown") else text


def _field(name: str) -> str:
    return name[:1].upper() + name[1:]


def _typed(prefix: str, name: str, value: Value) -> Value:
    """The value by its property's type; texts of unknown properties stay texts, but for complete dates."""
    if isinstance(value, list):
        return [_typed(prefix, name, each) for each in value]
    if not isinstance(value, str):
        return value
    row = xmp_properties(prefix).get(name)
    kind = row[1] if row else ""
    if kind == "rational" and " " in value:
        return [_number(each) for each in value.split()]
    if name in _FRACTIONS:
        return [_number(each) for each in value.split()]
    if kind in _REALS or kind in _INTEGERS:
        return _number(value)
    if kind == "boolean" and value in {"True", "False"}:
        return value == "True"
    if kind == "date" or (not row and _COMPLETE_DATE.match(value)):
        return colon_date(value)
    if prefix == "exif" and name.startswith("GPS"):
        found = _COORDINATE.match(value)
        if found:
            degrees, minutes, seconds, side = found.groups()
            angle = int(degrees) + float(minutes) / 60 + float(seconds or 0) / 3600
            return -angle if side in "SW" else angle
        if name in _COORDINATES and len(value) <= _MAX_DIGITS and _NUMBER.match(value.strip()):
            return float(value)  # signed degrees, as other standards write them
    return value


def _number(text: str) -> Value:
    found = _FRACTION.match(text) if len(text) <= _MAX_DIGITS else None
    if found:
        bottom = int(found[2])
        if not bottom:
            return "inf" if int(found[1]) else "undef"
        return int(found[1]) / bottom
    if len(text) <= _MAX_DIGITS and _NUMBER.match(text):
        return int(text) if text.lstrip("+-").isdigit() and len(text) < 19 else float(text)
    return text


def _split(qualified: str) -> tuple[str, str]:
    if qualified.startswith("{"):
        namespace, _, name = qualified[1:].partition("}")
        return namespace, name
    return "", qualified
