"""Office Open XML: Word, Excel, PowerPoint and Visio since 2007. ECMA-376 part 1 (11 to 15), part 2 (OPC).

What the properties say has ExifTool's names (section "xml"); what the file holds is section "ooxml". Of the text nothing
is read but how much of it was changed, and of the parts the directory.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.containers.archives import zip as zip_archive
from extractor_service.formats.containers.archives.zip_directory import Directory
from extractor_service.formats.containers.documents.flat import local, typed
from extractor_service.formats.containers.ole import compound, office
from extractor_service.formats.embedded import plain_xml
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.fields import add_binary
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.archives.zip_directory import Member
    from extractor_service.sources.base import ByteSource

SECTION, FACTS = "xml", "ooxml"
_MOST_PROPERTY_PARTS, _MOST_PROPERTIES_BYTES = 10, 1024 * 1024  # three are usual, of some KB
_MOST_TARGETS = 100  # external links by name
_MOST_RELATIONS = 200  # parts whose relations are read
_MOST_TEXT_BYTES = 16 * 1024 * 1024  # of the text, inflated, to count changes
_NAMES = {
    "created": "CreateDate", "modified": "ModifyDate", "lastModifiedBy": "LastModifiedBy", "lastPrinted": "LastPrinted", "revision": "RevisionNumber",
    "TotalTime": "TotalEditTime", "keywords": "Keywords", "category": "Category", "contentStatus": "ContentStatus", "version": "Version",
}  # fmt: skip
_LABELS: dict[str, dict[Value, str]] = {
    "DocSecurity": {0: "None", 1: "Password protected", 2: "Read-only recommended", 4: "Read-only enforced", 8: "Locked for annotations"},
    **{name: {False: "No", True: "Yes"} for name in ("HyperlinksChanged", "LinksUpToDate", "ScaleCrop", "SharedDoc")},
}  # fmt: skip
_DC = ("{http://purl.org/dc/elements/1.1/}", "{http://purl.org/dc/terms/}")
_ESCAPED = re.compile(r"_x([0-9a-fA-F]{4})_")
_CHANGE = re.compile(rb"<w:(?:ins|del|moveFrom|moveTo) ")
_COMMENT = re.compile(rb"<(?:w:comment|comment|p:cm|p188:cm|threadedComment)[ >]")
_PARTS = (
    ("Slides", re.compile(r"ppt/slides/slide\d+\.xml$")),
    ("NotesPages", re.compile(r"ppt/notesSlides/notesSlide\d+\.xml$")),
    ("Charts", re.compile(r".*/charts/chart\d*\.xml$")),
    ("EmbeddedMedia", re.compile(r".*/media/[^/]+$")),
    ("EmbeddedObjects", re.compile(r".*/embeddings/[^/]+$")),
    ("EmbeddedFonts", re.compile(r".*/fonts/[^/]+$")),
    ("ActiveXControls", re.compile(r".*/activeX/activeX\d+\.xml$")),
    ("ExternalWorkbooks", re.compile(r"xl/externalLinks/externalLink\d+\.xml$")),
    ("PivotTables", re.compile(r"xl/pivotTables/pivotTable\d+\.xml$")),
    ("CustomXmlParts", re.compile(r"customXml/item\d+\.xml$")),
)
_COMMENTS = re.compile(r"(word/comments\.xml|xl/(comments\d*|comments/comment\d*|threadedComments/threadedComment\d*)\.xml|ppt/comments/[^/]+\.xml)$")  # fmt: skip
_PROPERTIES = re.compile(r"docProps/[^/]*\.xml$", re.IGNORECASE)
_THUMBNAIL = re.compile(r"docProps/thumbnail\.(jpe?g|wmf)$", re.IGNORECASE)


@tolerant(FACTS)
def parse(source: ByteSource, document: Document) -> None:
    """Properties, then what the file holds, then its parts."""
    if Reader(source).some(0, 8) == compound.MAGIC:  # encrypted as a whole, or an old one under a new name
        office.parse(source, document)
        return
    directory = Directory(Reader(source), document, FACTS)
    members = directory.by_name
    relations = [each for name, each in members.items() if name.endswith(".rels")][:_MOST_RELATIONS]
    wanted = [each for name, each in members.items() if _PROPERTIES.match(name) or _COMMENTS.match(name)]
    main = next((members[name] for name in ("word/document.xml", "xl/workbook.xml", "ppt/presentation.xml") if name in members), None)  # fmt: skip
    directory.prefetch([*wanted, *relations, *([main] if main else [])])
    left = _MOST_PROPERTY_PARTS
    for name, member in members.items():
        if _PROPERTIES.match(name) and not member.is_folder and left:
            left -= 1
            _properties(directory, member, document)
        elif found := _THUMBNAIL.match(name):
            shown = "PreviewWMF" if found[1].lower() == "wmf" else "PreviewImage"
            add_binary(document, "file", "File", shown, member.size_bytes, ByteRange(member.local_at, member.compressed_bytes))  # fmt: skip
    _holds(directory, document)
    _links(directory, relations, document)
    if main is not None:
        with Surviving(document, FACTS, main.name, main.local_at):
            _main(directory, main, document)
    zip_archive.add_members(directory, document)


def _add(document: Document, name: str, value: Value) -> None:
    document.add(FACTS, Field(name, value, group="OOXML"))


def _properties(directory: Directory, member: Member, document: Document) -> None:
    """Core, extended and custom properties (ECMA-376-1, 22.2, 22.3; -2, 11)."""
    data = directory.content(member, _MOST_PROPERTIES_BYTES)
    if not data:
        return
    try:
        root = plain_xml.root(data)
    except ValueError as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{member.name}: {error}", member.local_at)
        return
    origin = ByteRange(member.local_at, member.compressed_bytes)
    for element in root:
        name = local(element.tag)
        if not name:
            continue
        if name == "property" and "name" in element.attrib:
            shown = re.sub(r"(^| )([a-z])", lambda found: found[1] + found[2].upper(), element.attrib["name"])
            _property(document, names.kept(shown), element, origin, is_custom=True)
        elif element.tag.startswith(_DC) and name not in {"created", "modified"}:
            text = _unescaped(element.text)
            document.add("xmp", Field(name[:1].upper() + name[1:], text, group="XMP-dc", origin=origin))
        else:
            _property(document, _NAMES.get(name) or names.kept(name), element, origin)


def _property(
    document: Document, name: str, element: Element, origin: ByteRange, *, is_custom: bool = False
) -> None:
    """One property: a text, or what stands in an element that says its type (22.4)."""
    leaves = [(local(each.tag), _unescaped(each.text)) for each in element.iter() if len(each) == 0]
    values: list[Value] = [_value(kind, text) for kind, text in leaves if text or len(leaves) == 1]
    if not values:
        return
    value = values if len(values) > 1 else values[0]
    if not is_custom and isinstance(value, str) and value in {"true", "false"}:
        value = value == "true"
    label = "" if isinstance(value, list) else _LABELS.get(name, {}).get(value, "")
    if name == "TotalEditTime" and isinstance(value, int):
        document.add(SECTION, Field(name, value, f"{value} min", "min", group="XML", origin=origin))
        return
    document.add(SECTION, Field(name, value, label, group="XML", origin=origin))


def _value(kind: str, text: str) -> Value:
    if kind in {"lpwstr", "lpstr", "bstr"} and not re.fullmatch(r"\d{4}-\d\d-\d\dT.*", text):
        return text
    if kind == "bool":
        return text in {"1", "true"}
    return typed(text)


def _unescaped(text: str | None) -> str:
    """The text; "_x000d_" is a character that XML can't write (22.9.2.19)."""
    if not text:
        return ""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if not 0xD800 <= int(found[1], 16) < 0xE000 else "", text.strip())  # fmt: skip


def _holds(directory: Directory, document: Document) -> None:
    """What the names of the parts tell."""
    members = directory.by_name
    _add(document, "PartCount", directory.member_count)
    macros = next((each for name, each in members.items() if name.endswith("vbaProject.bin")), None)
    _add(document, "HasMacros", value=macros is not None)
    if macros is not None:
        _add(document, "MacrosSize", macros.size_bytes)
        _add(document, "MacrosSigned", value=any("vbaProjectSignature" in name for name in members))
    if "xl/macrosheets/" in "\n".join(name[:15] for name in members):
        _add(document, "MacroSheets", sum(name.startswith("xl/macrosheets/") for name in members))
    _add(document, "DigitallySigned", value=any(name.startswith("_xmlsignatures/sig") for name in members))
    for shown, pattern in _PARTS:
        count = sum(bool(pattern.match(name)) for name in members)
        if count:
            _add(document, shown, count)
    comments = [each for name, each in members.items() if _COMMENTS.match(name)]
    # Excel keeps an old copy of each threaded comment.
    threaded = [each for each in comments if "threaded" in each.name]
    count = sum(len(_COMMENT.findall(directory.content(each))) for each in (threaded or comments)[:100])
    if comments:
        _add(document, "Comments", count)


def _links(directory: Directory, relations: list[Member], document: Document) -> None:
    """Targets outside the file: links, templates, pictures that are fetched when it is opened (ECMA-376-2, 9.3)."""
    targets: list[Value] = []
    template = ""
    count = 0
    for each in relations:
        data = directory.content(each, 512 * 1024)
        if b"External" not in data:
            continue
        try:
            root = plain_xml.root(data)
        except ValueError as error:
            document.problem(FACTS, ProblemKind.DAMAGED, f"{each.name}: {error}", each.local_at)
            continue
        for relation in root:
            if relation.get("TargetMode") != "External":
                continue
            count += 1
            kind, target = (relation.get("Type") or "").rpartition("/")[2], relation.get("Target") or ""
            if kind == "attachedTemplate":
                template = target
            if len(targets) < _MOST_TARGETS:
                targets.append(f"{kind}: {target[:1000]}")
    if template:
        _add(document, "AttachedTemplate", template)
    if count:
        _add(document, "ExternalLinks", count)
        _add(document, "ExternalTargets", targets)


def _main(directory: Directory, member: Member, document: Document) -> None:
    if member.name == "word/document.xml":
        _changes(directory, member, document)
        return
    root = plain_xml.root(directory.content(member))
    if member.name == "xl/workbook.xml":
        sheets = [each for each in root.iter() if local(each.tag) == "sheet"]
        _add(document, "Sheets", len(sheets))
        _add(document, "SheetNames", [each.get("name") or "" for each in sheets[:1000]])
        hidden: list[Value] = [each.get("name") or "" for each in sheets if (each.get("state") or "visible") != "visible"]  # fmt: skip
        if hidden:
            _add(document, "HiddenSheets", hidden[:1000])
        defined: list[Value] = [
            each.get("name") or "" for each in root.iter() if local(each.tag) == "definedName"
        ]
        if defined:
            _add(document, "DefinedNames", defined[:1000])
        if any(local(each.tag) == "workbookProtection" for each in root.iter()):
            _add(document, "WorkbookProtected", value=True)
        return
    size = next((each for each in root.iter() if local(each.tag) == "sldSz"), None)
    if size is not None:
        # 914,400 of its units are an inch (22.9.2.1).
        for name, key in (("SlideWidth", "cx"), ("SlideHeight", "cy")):
            document.add(FACTS, Field(name, round(int(size.get(key, "")) / 360_000, 3), unit="cm", group="OOXML"))  # fmt: skip


def _changes(directory: Directory, member: Member, document: Document) -> None:
    """How many insertions, deletions and moves are tracked in the text (17.13.5)."""
    settings = directory.text("word/settings.xml", 512 * 1024)
    for name, mark in (("TrackChanges", b"<w:trackRevisions"), ("DocumentProtected", b"<w:documentProtection")):  # fmt: skip
        if mark in settings:
            _add(document, name, value=True)
    if member.is_encrypted:
        return
    if member.size_bytes > _MOST_TEXT_BYTES:
        document.problem(FACTS, ProblemKind.LIMIT, f"changes in a text of {member.size_bytes} bytes aren't counted", member.local_at)  # fmt: skip
        return
    count, tail = 0, b""
    for piece in directory.pieces(member, _MOST_TEXT_BYTES):
        data = tail + piece
        count += len(_CHANGE.findall(data))
        tail = data[-12:]  # shorter than the longest mark, so that none counts twice
        if _CHANGE.search(tail):
            tail = b""
    _add(document, "TrackedChanges", count)
