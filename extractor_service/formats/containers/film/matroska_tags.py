"""Chapters, attachments and tags of Matroska. RFC 9559, 5.1.6 to 5.1.8; matroska.org, "Tagging"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.containers.film import ebml
from extractor_service.formats.containers.film import matroska_values as values
from extractor_service.formats.containers.streams import Chapter
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.film.ebml import Element
    from extractor_service.formats.reading.reader import Reader

SECTION = "matroska"
_EDITION, _ATOM = 0x5B9, 0x36
_CHAPTER_INSIDE = frozenset({0, 0x0F, 0x2944, 0x2911})  # what is shown, on which tracks, by which commands
_CHAPTER_START, _CHAPTER_TITLE = 0x11, 0x05
_ATTACHED = 0x21A7
_LEVEL, _WHOLE = 0x28CA, 50
_PARTS = {0x23C4: "ChapterTags", 0x23C9: "EditionTags", 0x23C6: "AttachmentTags"}
_TAG, _TARGETS, _SIMPLE = 0x3373, 0x23C0, 0x27C8
_TRACK_UID, _NAME, _STRING, _BINARY, _LANGUAGE, _LANGUAGE_BCP47 = 0x23C5, 0x5A3, 0x487, 0x485, 0x47A, 0x47B
_NO_LANGUAGE = "und"  # undetermined (ISO 639-2)
_MOST_TEXT_BYTES, _MOST_DEPTH, _MOST_CHAPTERS = 256 * 1024, 8, 2000


def _date(text: str) -> str:
    return re.sub(r"^(\d{4})-(\d\d)-", r"\1:\2:", text)


_STANDARD = Table("film/Matroska::StdTag", SECTION, "Matroska")


def chapters(
    reader: Reader, document: Document, table: Table, start: int, end: int, found: list[Chapter]
) -> None:
    """Adds every chapter of every edition, "Chapter1" and so on, to the document and to `found`."""
    for edition in ebml.walk(reader, start, end):
        if edition.identity == _EDITION:
            for atom in ebml.walk(reader, edition.offset, edition.offset + edition.length):
                if atom.identity == _ATOM:
                    _chapter(reader, document, table, atom, found, 0)


def _chapter(
    reader: Reader, document: Document, table: Table, atom: Element, found: list[Chapter], depth: int
) -> None:
    if len(found) >= _MOST_CHAPTERS or depth > _MOST_DEPTH:
        message = f"more than {len(found)} chapters"
        document.problem(SECTION, ProblemKind.LIMIT, message, reader.base + atom.offset)
        return
    number = len(found)
    found.append(Chapter(0.0, ""))
    told: dict[int, Value] = {}
    for inner in ebml.walk(reader, atom.offset, atom.offset + atom.length):
        if inner.identity == _ATOM:
            _chapter(reader, document, table, inner, found, depth + 1)
        else:
            _plain(reader, document, table, inner, f"Chapter{number + 1}", depth, told)
    nanoseconds, title = told.get(_CHAPTER_START), told.get(_CHAPTER_TITLE)
    found[number] = Chapter(
        nanoseconds / 1e9 if isinstance(nanoseconds, int) else 0.0, title if isinstance(title, str) else ""
    )


def _plain(
    reader: Reader,
    document: Document,
    table: Table,
    found: Element,
    group: str,
    depth: int,
    told: dict[int, Value],
) -> None:
    if found.identity in _CHAPTER_INSIDE and depth < _MOST_DEPTH:
        for inner in ebml.walk(reader, found.offset, found.offset + found.length):
            _plain(reader, document, table, inner, group, depth + 1, told)
    else:
        told.setdefault(found.identity, values.add(reader, document, found, group, table))


def attachments(reader: Reader, document: Document, table: Table, start: int, end: int) -> None:
    """Adds name, type and size of every attached file."""
    for attached in ebml.walk(reader, start, end):
        if attached.identity == _ATTACHED:
            for inner in ebml.walk(reader, attached.offset, attached.offset + attached.length):
                values.add(reader, document, inner, "Matroska", table)


def tags(reader: Reader, document: Document, start: int, end: int, groups: dict[int, str]) -> None:
    """Adds every tag, in a group by what it is about: "Matroska" is the whole, an album or a film."""
    for tag in ebml.walk(reader, start, end):
        if tag.identity != _TAG:
            continue
        group = "Matroska"
        for inner in ebml.walk(reader, tag.offset, tag.offset + tag.length):
            if inner.identity == _TARGETS:
                targets = list(ebml.walk(reader, inner.offset, inner.offset + inner.length))
                group = _about(reader, targets, groups)
                for each in targets:
                    values.add(reader, document, each, group)
            elif inner.identity == _SIMPLE:
                _simple(reader, document, inner, group, "", 0)


def _about(reader: Reader, targets: list[Element], groups: dict[int, str]) -> str:
    """The group of a tag with these targets: a track's own, that of its kind of part, or its level, 50 being the whole (RFC 9559, 5.1.8.1.1)."""
    told = {each.identity: ebml.unsigned(reader.exact(each.offset, min(each.length, 8))) for each in targets}
    level = told.get(_LEVEL, _WHOLE)
    for identity, name in _PARTS.items():
        if told.get(identity):  # 0 means all of them
            return name
    return groups.get(told.get(_TRACK_UID, 0)) or ("Matroska" if level == _WHOLE else f"Level{level}")


def _simple(reader: Reader, document: Document, tag: Element, group: str, parent: str, depth: int) -> None:
    """A name, a text in a language or bytes, and tags about it ("Artist/Url")."""
    name, language = "", ""
    text: str | None = None
    place: Element | None = None
    is_binary = False
    inside: list[Element] = []
    for inner in ebml.walk(reader, tag.offset, tag.offset + tag.length):
        if inner.identity == _SIMPLE:
            inside.append(inner)
        elif inner.identity == _BINARY:
            place, is_binary = inner, True
        elif inner.identity in {_NAME, _STRING, _LANGUAGE, _LANGUAGE_BCP47}:
            found = (
                reader.exact(inner.offset, min(inner.length, _MOST_TEXT_BYTES))
                .split(b"\0")[0]
                .decode("utf-8", "replace")
            )
            if inner.identity == _NAME:
                name = found
            elif inner.identity == _STRING:
                text, place = found, inner
            elif inner.identity == _LANGUAGE or (not language and found != _NO_LANGUAGE):
                language = found
    known = _STANDARD.tags.get(name)
    shown = (f"{parent}/" if parent else "") + (known.name if known is not None else _made(name))
    full = f"{shown}-{language}" if language else shown
    if place is not None:
        origin = ByteRange(reader.base + place.offset, place.length)
        if is_binary:
            fields.add_binary(document, SECTION, group, full, place.length, origin)
        elif text is not None:
            value = _date(text) if name.startswith("DATE_") or name.endswith("_DATE_UTC") else text
            _STANDARD.put(document, f" {full}", value, origin, name=lambda: full, group=group)
    if depth < _MOST_DEPTH:
        for each in inside:
            _simple(reader, document, each, group, shown, depth + 1)


def _made(name: str) -> str:
    """The name of a tag that no table has: "MY_TAG" is "MyTag"."""
    text = re.sub(r"[^0-9A-Za-z_]", "", name[:100].lower().capitalize())
    text = re.sub(r"_([a-z])", lambda found: found[1].upper(), text)
    return text if len(text) > 1 else f"Tag_{text}"
