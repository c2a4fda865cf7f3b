"""EPUB: the package document of a book. W3C, EPUB 3.3 (5, package document; 4.2, container); OPF 2.0.1; calibre's series.

What the package document says has ExifTool's names (section "xml"); what it means is section "epub".
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives import zip as zip_archive
from extractor_service.formats.containers.archives.zip_directory import Directory
from extractor_service.formats.containers.documents.flat import Flattener, local
from extractor_service.formats.embedded import plain_xml
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION, FACTS = "xml", "epub"
_IGNORED = frozenset({"package", "metadata", "dc-metadata", "x-metadata"})
_CONTAINER = "META-INF/container.xml"


@tolerant(FACTS)
def parse(source: ByteSource, document: Document) -> None:
    """The book's facts, the package document as it stands, then the members."""
    directory = Directory(Reader(source), document, FACTS)
    try:
        path = _package_path(directory)
        member = directory.by_name.get(path)
        if member is None:
            document.problem(FACTS, ProblemKind.DAMAGED, f"the package document {path[:100]!r} is missing")
        else:
            root = plain_xml.root(directory.content(member))
            origin = ByteRange(member.local_at, member.compressed_bytes)
            _Book(directory, document, root, path, origin).add()
            Flattener(document, SECTION, "XML", origin, _IGNORED.__contains__).add(root)
    except ValueError as error:
        document.problem(FACTS, ProblemKind.DAMAGED, f"the package document: {error}")
    zip_archive.add_members(directory, document)


def _package_path(directory: Directory) -> str:
    """Where the package document is; any of the kind where the container doesn't say."""
    data = directory.text(_CONTAINER, 64 * 1024)
    if data:
        for each in plain_xml.root(data).iter():
            if local(each.tag) == "rootfile" and each.get("full-path"):
                return unquote(each.get("full-path") or "")
    found = next((name for name in directory.by_name if name.endswith(".opf")), "")
    if not found:
        raise CorruptFileError("no package document")
    return found


class _Book:
    """The facts of one package document."""

    def __init__(
        self, directory: Directory, document: Document, root: Element, path: str, origin: ByteRange
    ) -> None:
        self._directory, self._document, self._root, self._path = directory, document, root, path
        self._origin = origin
        self._metadata = [each for each in root.iter() if local(each.tag) in {"metadata", "dc-metadata"}]
        self._elements = [each for parent in self._metadata for each in parent if local(each.tag)]
        self._refined: dict[str, dict[str, str]] = {}
        for each in self._elements:
            about = each.get("refines")
            if local(each.tag) == "meta" and about and each.text:
                self._refined.setdefault(about.lstrip("#"), {})[each.get("property") or ""] = (
                    each.text.strip()
                )

    def add(self) -> None:
        """Adds them."""
        self._fact("EPUBVersion", self._root.get("version"))
        for tag, shown in (("creator", "Creator"), ("contributor", "Contributor")):
            for each in self._named(tag):
                self._fact(shown, self._person(each))
        self._identifiers()
        self._series()
        for name in ("title", "language", "publisher", "date", "rights", "description", "subject", "type"):
            texts: list[Value] = [text for each in self._named(name) if (text := "".join(each.itertext()).strip())]  # fmt: skip
            if texts:
                self._fact(name.capitalize(), texts if len(texts) > 1 else texts[0])
        for each in self._elements:
            if local(each.tag) == "meta" and not each.get("refines"):
                if each.get("property") == "dcterms:modified":
                    self._fact("Modified", (each.text or "").strip())
                elif each.get("property") == "rendition:layout":
                    self._fact("Layout", (each.text or "").strip())
        items = {each.get("id") or "": each for each in self._root.iter() if local(each.tag) == "item"}
        self._fact("ManifestItems", len(items))
        self._fact("SpineItems", sum(local(each.tag) == "itemref" for each in self._root.iter()))
        self._cover(items)
        encryption = "META-INF/encryption.xml"
        if encryption in self._directory.by_name:
            # Obfuscated fonts are no encryption of the book (EPUB 3.3, 4.3).
            self._fact("Encrypted", b"fontobfuscation" not in self._directory.text(encryption, 256 * 1024).replace(b"#RC", b"fontobfuscation"))  # fmt: skip
        self._fact("RightsManaged", "META-INF/rights.xml" in self._directory.by_name)

    def _named(self, name: str) -> list[Element]:
        return [each for each in self._elements if local(each.tag) == name]

    def _fact(self, name: str, value: Value) -> None:
        if value not in (None, ""):
            self._document.add(FACTS, Field(name, value, group="EPUB", origin=self._origin))

    def _person(self, element: Element) -> Value:
        refined = self._refined.get(element.get("id") or "", {})
        attributes = {local(key): value for key, value in element.attrib.items()}
        entries: list[tuple[str, Value]] = [("Name", (element.text or "").strip())]
        role = refined.get("role") or attributes.get("role")
        if role:
            entries.append(("Role", role))
        sorted_as = refined.get("file-as") or attributes.get("file-as")
        if sorted_as:
            entries.append(("FileAs", sorted_as))
        return Struct(tuple(entries))

    def _identifiers(self) -> None:
        unique = self._root.get("unique-identifier")
        for each in self._named("identifier"):
            scheme = next((value for key, value in each.attrib.items() if local(key) == "scheme"), "")
            entries: list[tuple[str, Value]] = [("Value", (each.text or "").strip())]
            if scheme:
                entries.append(("Scheme", scheme))
            if each.get("id") and each.get("id") == unique:
                entries.append(("IsUnique", True))
            self._fact("Identifier", Struct(tuple(entries)))

    def _series(self) -> None:
        """EPUB 3's collections, or what calibre writes into EPUB 2."""
        for each in self._elements:
            if local(each.tag) != "meta":
                continue
            if each.get("property") == "belongs-to-collection":
                refined = self._refined.get(each.get("id") or "", {})
                self._fact("Series", (each.text or "").strip())
                self._fact("SeriesIndex", refined.get("group-position"))
            elif each.get("name") == "calibre:series":
                self._fact("Series", each.get("content"))
            elif each.get("name") == "calibre:series_index":
                self._fact("SeriesIndex", each.get("content"))

    def _cover(self, items: dict[str, Element]) -> None:
        marked = next(
            (each for each in items.values() if "cover-image" in (each.get("properties") or "").split()), None
        )
        if marked is None:
            named = next((each.get("content") for each in self._elements if each.get("name") == "cover"), None)  # fmt: skip
            marked = items.get(named or "")
        if marked is None:
            return
        path = posixpath.normpath(
            posixpath.join(posixpath.dirname(self._path), unquote(marked.get("href") or ""))
        )
        member = self._directory.by_name.get(path)
        entries: list[tuple[str, Value]] = [("Name", path), ("Type", marked.get("media-type") or "")]
        if member is not None:
            entries.append(("Size", member.size_bytes))
        self._fact("Cover", Struct(tuple(entries)))
