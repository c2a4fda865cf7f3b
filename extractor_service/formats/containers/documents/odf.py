"""OpenDocument: texts, tables, presentations, drawings. OASIS, Open Document Format 1.3 part 2 (packages), part 3 (4.3, metadata)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.containers.archives import zip as zip_archive
from extractor_service.formats.containers.archives.zip_directory import Directory
from extractor_service.formats.containers.documents.flat import Flattener, local, typed
from extractor_service.formats.embedded import plain_xml, xmp
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.fields import add_binary
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.archives.zip_directory import Member
    from extractor_service.sources.base import ByteSource

SECTION, FACTS = "xmp", "odf"
_USERS = "user-defined"
_ENVELOPE = frozenset({"document-meta", "meta", "document"})
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_MANIFEST = "{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}"
_MOST_FLAT_BYTES = 1024 * 1024  # metadata stands before the body
_PREVIEWS = {"Thumbnails/thumbnail.png": "PreviewPNG", "Thumbnails/thumbnail.jpg": "PreviewImage"}


@tolerant(FACTS)
def parse(source: ByteSource, document: Document) -> None:
    """What meta.xml says, then encryption, macros, signatures and embedded objects, then the members."""
    directory = Directory(Reader(source), document, FACTS)
    members = directory.by_name
    manifest, meta = (members.get(name) for name in ("META-INF/manifest.xml", "meta.xml"))
    directory.prefetch(each for each in (manifest, meta) if each is not None)
    encrypted = _encrypted(directory, manifest, document)
    if meta is not None and "meta.xml" not in encrypted:
        _metadata(directory, meta, document)
    for name, shown in _PREVIEWS.items():
        if name in members:
            each = members[name]
            add_binary(document, "file", "File", shown, each.size_bytes, ByteRange(each.local_at, each.compressed_bytes))  # fmt: skip
    _facts(directory, encrypted, document)
    zip_archive.add_members(directory, document)


@tolerant(FACTS)
def parse_flat(source: ByteSource, document: Document) -> None:
    """The same of a document that is one XML file: what stands before its body."""
    data = Reader(source).some(0, _MOST_FLAT_BYTES)
    end = data.find(b"</office:meta>")
    head = xmp.decoded(data[: end + len(b"</office:meta>")] if end >= 0 else data)
    begin = head.find("<office:document")
    if end < 0 or begin < 0:
        document.problem(FACTS, ProblemKind.DAMAGED, "no metadata before the body")
        return
    root = plain_xml.root((head[begin:] + "</office:document>").encode())
    _add_metadata(root, document, ByteRange(begin, end - begin))
    kind = root.get(_OFFICE + "mimetype")
    if kind:
        document.add(FACTS, Field("MIMEType", kind, group="ODF"))


def _root(directory: Directory, member: Member, document: Document) -> Element | None:
    data = directory.content(member)
    if not data:
        return None
    try:
        return plain_xml.root(data)
    except ValueError as error:
        document.problem(FACTS, ProblemKind.DAMAGED, f"{member.name}: {error}", member.local_at)
        return None


def _metadata(directory: Directory, member: Member, document: Document) -> None:
    root = _root(directory, member, document)
    if root is None:
        return
    _add_metadata(root, document, ByteRange(member.local_at, member.compressed_bytes))


def _add_metadata(root: Element, document: Document, origin: ByteRange) -> None:
    version = root.get(_OFFICE + "version")
    if version:
        document.add(FACTS, Field("ODFVersion", version, group="ODF", origin=origin))
    flattener = Flattener(document, SECTION, "XMP", origin, _ENVELOPE.__contains__)
    meta = next((each for each in root if local(each.tag) == "meta"), None)
    for child in meta if meta is not None else ():
        if child.attrib and (local(child.tag) == _USERS or not (child.text or "").strip()):
            _structure(child, document, origin)
        else:
            flattener.add(child)
    for key, value in root.attrib.items():
        if local(key) == "transformation":
            document.add(SECTION, Field("Transformation", value, group="XMP-grddl", origin=origin))


def _structure(element: Element, document: Document, origin: ByteRange) -> None:
    """Statistics, and what users add: several values that belong together."""
    entries: list[tuple[str, Value]] = []
    for key, value in element.attrib.items():
        name = local(key)
        entries.append((name[:1].upper() + name[1:], typed(value)))
    text = (element.text or "").strip()
    name = local(element.tag)
    if text or name == _USERS:  # ExifTool has each by itself; ours are together
        shown = name[:1].upper() + name[1:]
        values: list[tuple[str, Value]] = [("", typed(text))] if text else []
        for part, each in (*values, *entries):
            document.add(SECTION, Field(shown + part, each, group="XMP-meta", origin=origin))
        if text:
            entries.append(("Value", typed(text)))
        document.add(FACTS, Field("UserDefined", Struct(tuple(entries)), group="ODF", origin=origin))
        return
    if entries:
        document.add(SECTION, Field(name[:1].upper() + name[1:], Struct(tuple(entries)), group="XMP-meta", origin=origin))  # fmt: skip


def _encrypted(directory: Directory, manifest: Member | None, document: Document) -> frozenset[str]:
    """Names of the encrypted members (part 2, 4.8.4)."""
    root = _root(directory, manifest, document) if manifest is not None else None
    if root is None:
        return frozenset()
    return frozenset(
        entry.get(_MANIFEST + "full-path") or ""
        for entry in root
        if any(local(child.tag) == "encryption-data" for child in entry)
    )


def _facts(directory: Directory, encrypted: frozenset[str], document: Document) -> None:
    members = directory.by_name
    facts: list[tuple[str, Value]] = [
        ("PartCount", directory.member_count),
        ("Encrypted", bool(encrypted)),
        ("HasMacros", any(name.startswith(("Basic/", "Scripts/")) and not name.endswith("/") for name in members)),
        ("DigitallySigned", "META-INF/documentsignatures.xml" in members),
        ("EmbeddedMedia", sum(name.startswith(("Pictures/", "media/")) and not name.endswith("/") for name in members)),
        ("EmbeddedObjects", sum(name.startswith("Object ") and name.endswith("/content.xml") for name in members)),
    ]  # fmt: skip
    if encrypted:
        facts.append(("EncryptedParts", len(encrypted)))
        document.problem(FACTS, ProblemKind.UNSUPPORTED, "the document needs a password")
    for name, value in facts:
        document.add(FACTS, Field(name, value, group="ODF"))
