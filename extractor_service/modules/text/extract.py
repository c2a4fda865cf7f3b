"""The words of a document, the first of them: of plain text, markup, office files, e-books and PDF."""

from __future__ import annotations

import html
import importlib.util
import lzma
import re
import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Document
from extractor_service.formats.containers.archives.zip_directory import Directory
from extractor_service.formats.containers.text import lines
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.fileobj import BoundedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.sources.base import ByteSource

MOST_CHARS = 200_000
"""Looked at: some 30,000 words, far more than a language takes."""
_MOST_BYTES = 4 * 1024 * 1024  # of markup, unpacked: a tenth of it is words
_MOST_PAGES = 100  # of a PDF
_HIDDEN = frozenset({"script", "style", "head"})
_BREAKS = frozenset(
    [
        "p",
        "br",
        "div",
        "td",
        "tr",
        "li",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "w:p",
        "w:tab",
        "w:br",
        "w:cr",
        "text:p",
        "text:h",
        "text:tab",
        "text:s",
        "text:line-break",
        "a:p",
        "a:br",
        "row",
        "c",
        "si",
    ]
)
_NAME = re.compile(r"/?([\w:.-]{1,40})")
_RTF = re.compile(r"\\'([0-9a-fA-F]{2})|\\u(-?\d+)\??|\\[a-zA-Z]+-?\d* ?|\\[^a-zA-Z]|[{}]|\r|\n")
_RTF_GROUPS = re.compile(r"\{\\(?:fonttbl|colortbl|stylesheet|info|pict|\*)[^{}]*(?:\{[^{}]*\}[^{}]*)*\}")


class Text(NamedTuple):
    """Words, and whether they are all that the document has."""

    text: str
    is_whole: bool
    page_count: int | None = None


def extract(source: ByteSource, format_name: str) -> Text | None:
    """The text; None where nothing extracts it from that format.

    Raises:
        ValueError: the file is damaged.
    """
    reader = _READERS.get(format_name)
    try:
        return None if reader is None else reader(source)
    except (
        zlib.error,
        lzma.LZMAError,
        struct.error,
        TruncatedError,
        EOFError,
        LookupError,
        RuntimeError,
    ) as error:
        raise ValueError(str(error)) from error  # a RuntimeError is PDFium's


def is_known(format_name: str) -> bool:
    """Whether text is extracted from files of that format."""
    return format_name in _READERS and (
        format_name != "pdf" or importlib.util.find_spec("pypdfium2") is not None
    )


def _plain(source: ByteSource) -> Text:
    return _cut(lines.pieces(source))


def _markup(source: ByteSource) -> Text:
    found = _cut(lines.pieces(source), _MOST_BYTES)
    return Text(_words(found.text)[:MOST_CHARS], found.is_whole)


def _rtf(source: ByteSource) -> Text:
    data = source.read_range(0, _MOST_BYTES).decode("latin-1")

    def word(match: re.Match[str]) -> str:
        if match[1]:
            return bytes.fromhex(match[1]).decode("cp1252", "replace")
        if match[2]:
            return chr(int(match[2]) % 65536)
        return (
            "\n" if match[0].startswith(("\\par", "\\line")) else " " if match[0].startswith("\\tab") else ""
        )

    text = _RTF.sub(word, _RTF_GROUPS.sub("", data))
    return Text(text[:MOST_CHARS], len(text) <= MOST_CHARS and source.size_bytes <= _MOST_BYTES)


def _office(source: ByteSource) -> Text:
    return _members(
        source,
        lambda name: (
            name in {"word/document.xml", "xl/sharedStrings.xml"}
            or bool(re.fullmatch(r"ppt/slides/slide\d+\.xml", name))
        ),
    )


def _open(source: ByteSource) -> Text:
    return _members(source, lambda name: name == "content.xml")


def _book(source: ByteSource) -> Text:
    return _members(source, lambda name: name.lower().endswith((".xhtml", ".html", ".htm")))


def _members(source: ByteSource, is_wanted: Callable[[str], bool]) -> Text:
    directory = Directory(Reader(source), Document(), "")
    found: list[str] = []
    count = 0
    for member in directory.members:
        if not is_wanted(member.name) or member.is_encrypted:
            continue
        markup = b"".join(directory.pieces(member, _MOST_BYTES))
        text = _words(markup.decode("utf-8", "replace"))
        found.append(text)
        count += len(text)
        if count > MOST_CHARS or len(markup) >= _MOST_BYTES:
            return Text("\n".join(found)[:MOST_CHARS], is_whole=False)
    return Text("\n".join(found), is_whole=True)


def _pdf(source: ByteSource) -> Text:
    import pypdfium2  # noqa: PLC0415 - 10 MiB, in workers of this kind alone

    try:
        document = pypdfium2.PdfDocument(BoundedFile(source))
    except pypdfium2.PdfiumError as error:
        raise ValueError(str(error)) from error
    found: list[str] = []
    chars, pages = 0, len(document)
    for number in range(min(pages, _MOST_PAGES)):
        page = document[number].get_textpage().get_text_bounded()
        found.append(page)
        chars += len(page)
        if chars > MOST_CHARS:
            break
    text = "\n".join(found)
    return Text(text[:MOST_CHARS], len(found) == pages and chars <= MOST_CHARS, pages)


def _cut(pieces: Iterator[str], most: int = MOST_CHARS) -> Text:
    found: list[str] = []
    count = 0
    for piece in pieces:
        found.append(piece)
        count += len(piece)
        if count > most:
            return Text("".join(found)[:most], is_whole=False)
    return Text("".join(found), is_whole=True)


def _words(markup: str) -> str:
    """The text between tags, in one pass: patterns that look for an end which isn't there look for it again and again."""
    found: list[str] = []
    lower, at = markup.lower(), 0
    while (begin := markup.find("<", at)) >= 0:
        found.append(markup[at:begin])
        end = markup.find(">", begin)
        if end < 0:
            return html.unescape("".join(found))
        named = _NAME.match(lower, begin + 1)
        name = named[1] if named else ""
        at = end + 1
        if name in _HIDDEN and lower[begin + 1] != "/":
            at = lower.find(f"</{name}", end)
            if at < 0:
                return html.unescape("".join(found))
        elif name in _BREAKS:
            found.append("\n")
    found.append(markup[at:])
    return html.unescape("".join(found))


_READERS: dict[str, Callable[[ByteSource], Text]] = {
    "text": _plain, "md": _plain, "html": _markup, "rtf": _rtf, "docx": _office, "odt": _open, "epub": _book, "pdf": _pdf,
}  # fmt: skip
