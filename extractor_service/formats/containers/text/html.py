"""Web pages: title, meta, Open Graph, language, links between versions. WHATWG HTML 4.2; ogp.me; names as ExifTool has them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.containers.text import lines
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "html"
_MOST_BYTES = 1024 * 1024  # where a head is; pages hold pictures in their text
_MOST_FIELDS = 2000  # of one page, which has a hundred
_TABLES = {
    name: Table(f"documents/HTML::{table}", SECTION, group)
    for name, table, group in (
        ("", "Main", "HTML"), ("dc", "dc", "HTML-dc"), ("ncc", "ncc", "HTML-ncc"), ("prod", "prod", "HTML-prod"), ("vw96", "vw96", "HTML-vw96"),
        ("http-equiv", "equiv", "HTTP-equiv"), ("o", "Office", "HTML-office"),
    )
}  # fmt: skip
_CHARSET = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?([\w-]+)""", re.IGNORECASE)
_RELATIONS = {"canonical": "Canonical", "icon": "Icon", "shortcut icon": "Icon", "amphtml": "AMP", "manifest": "Manifest", "author": "AuthorLink", "license": "License"}  # fmt: skip
_OFFICE = re.compile(r"<o:(\w{1,60})\b[^<>]{0,200}>([^<]{0,4000})</o:\1>")
# Charsets that pages have (WHATWG Encoding); the library has codecs beside, which are no charsets.
_CODECS = frozenset({"utf-8", "utf8", "us-ascii", "ascii", "gbk", "gb2312", "gb18030", "big5", "big5-hkscs", "shift_jis", "shift-jis", "euc-jp", "iso-2022-jp", "euc-kr", "macintosh", "utf-16", "utf-16le", "utf-16be", "latin1", "tis-620"})  # fmt: skip
_CODEC_FAMILIES = ("iso-8859-", "windows-125", "koi8-", "ibm8", "cp12", "cp8", "windows-874")


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """What stands in the head, and the page's language."""
    data = Reader(source).some(0, _MOST_BYTES)
    declared = _CHARSET.search(data[:4096])
    text = lines.decoded(data)
    if declared is not None and not data.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        charset = declared[1].decode("ascii").lower()
        if charset in _CODECS or charset.startswith(_CODEC_FAMILIES):
            try:
                text = data.decode(charset, "replace")
            except LookupError:
                document.problem(SECTION, ProblemKind.DAMAGED, f"charset {charset!r} is unknown")
        else:
            document.problem(SECTION, ProblemKind.DAMAGED, f"charset {charset!r} is unknown")
    page = _Page(document, ByteRange(0, len(data)))
    if declared is not None:
        page.fact("Charset", declared[1].decode("latin-1").lower())
    try:
        page.feed(text)
    except AssertionError as error:  # the library's word for declarations that it doesn't know
        document.problem(SECTION, ProblemKind.DAMAGED, f"the page is cut: {error}")
    page.end(text)
    begin = text.find("<x:xmpmeta")
    begin = text.find("<rdf:RDF") if begin < 0 else begin
    end = max(text.rfind("</x:xmpmeta>"), text.rfind("</rdf:RDF>"))
    if 0 <= begin < end:
        xmp.parse(text[begin : text.index(">", end) + 1].encode(), document)


class _Page(HTMLParser):
    """Collects while the standard library reads."""

    def __init__(self, document: Document, origin: ByteRange) -> None:
        super().__init__(convert_charrefs=True)
        self._document, self._origin = document, origin
        self._title: list[str] | None = None
        self._has_title = self._is_behind = False
        self._fields = 0
        self._counts = {"a": 0, "img": 0, "script": 0, "form": 0, "iframe": 0}

    def fact(self, name: str, value: str, group: str = "HTML-page") -> None:
        """What no meta element says."""
        self._put(name, value, group)

    def handle_decl(self, decl: str) -> None:
        """The document type."""
        if decl.lower().startswith("doctype"):
            self._put("DocType", decl[7:].strip()[:200], "HTML-page")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """One element."""
        found = {key: value or "" for key, value in attrs}
        if tag in self._counts:
            self._counts[tag] += 1
        if tag == "html" and (found.get("lang") or found.get("xml:lang")):
            self._put("Language", found.get("lang") or found["xml:lang"], "HTML-page")
        elif tag == "title" and not self._has_title and not self._is_behind:
            self._title, self._has_title = [], True
        elif tag == "meta" and not self._is_behind:
            self._meta(found)
        elif tag == "link" and not self._is_behind:
            relation = found.get("rel", "").lower()
            if relation in _RELATIONS and found.get("href"):
                self._put(_RELATIONS[relation], found["href"][:2000], "HTML-link")
            elif relation == "alternate" and found.get("hreflang") and found.get("href"):
                self._put(f"Alternate-{found['hreflang'][:20]}", found["href"][:2000], "HTML-link")
        elif tag == "body":
            self._is_behind = True

    def handle_endtag(self, tag: str) -> None:
        """The end of one."""
        if tag == "title" and self._title is not None:
            text = " ".join("".join(self._title).split())
            self._title = None
            _TABLES[""].put(self._document, "title", text, self._origin)
        elif tag == "head":
            self._is_behind = True

    def handle_data(self, data: str) -> None:
        """Text, of which only the title's is kept."""
        if self._title is not None and len(self._title) < 100:
            self._title.append(data)

    def _meta(self, found: dict[str, str]) -> None:
        key, content = found.get("name") or "", " ".join(found.get("content", "").split())
        if not key and found.get("http-equiv"):
            key = f"http-equiv.{found['http-equiv']}"
        if not key and found.get("property"):
            key = found["property"]
            if ":" in key:
                prefix, _, rest = key.partition(":")
                shown = "".join(each[:1].upper() + each[1:] for each in re.split(r"[^A-Za-z0-9]+", rest))
                if shown and content:
                    self._put(names.kept(shown), content, f"HTML-{prefix.lower()[:20]}")
                return
        if not key or not re.fullmatch(r"[\w:.-]+", key):
            return
        lowered = key.lower()
        parts = re.match(r"([\w-]+)[:.]([\w-]+)", lowered)
        if parts is not None and parts[1] in _TABLES:
            table, inner = _TABLES[parts[1]], parts[2]
            group = table.group
        else:
            table, inner = _TABLES[""], lowered
            group = f"HTML-{parts[1]}" if parts is not None else table.group
        self._fields += 1
        if self._fields > _MOST_FIELDS:
            return
        if not table.put(self._document, inner, content, self._origin):
            shown = re.sub(r"\W+(\w)", lambda each: each[1].upper(), key)
            self._put(names.kept(shown), content, group)

    def _put(self, name: str, value: str, group: str) -> None:
        self._fields += 1
        if self._fields <= _MOST_FIELDS:
            self._document.add(SECTION, Field(name, value, group=group, origin=self._origin))

    def end(self, text: str) -> None:
        """What Word writes of its properties, and counts."""
        for key, value in _OFFICE.findall(text[: 64 * 1024]):
            table = _TABLES["o"]
            if not table.put(self._document, key, value.strip(), self._origin) and value.strip():
                self._put(names.kept(key), value.strip(), table.group)
        for tag, shown in (("a", "Links"), ("img", "Images"), ("script", "Scripts"), ("form", "Forms"), ("iframe", "Frames")):  # fmt: skip
            if self._origin.length_bytes < _MOST_BYTES:
                self._document.add(SECTION, Field(shown, self._counts[tag], group="HTML-page"))
