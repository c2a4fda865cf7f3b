"""RTF: the information group, user properties, charset and fonts. Microsoft, Rich Text Format 1.9.1; names as ExifTool has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "rtf"
_MOST_BYTES = 2 * 1024 * 1024  # where the groups are searched: fonts, styles and lists stand before them
_MAIN = Table("documents/RTF::Main", SECTION, "RTF")
_INFO = re.compile(rb"(?<!\\)\{\s*\\info(?![a-zA-Z])")
_PROPERTIES = re.compile(rb"(?<!\\)\{\s*\\\*\s*\\userprops(?![a-zA-Z])")
_ENTRY = re.compile(rb"\{\s*(?:\\\*\s*)?\\([a-zA-Z]+) ?")
_NUMBER = re.compile(rb"\\([a-zA-Z]+)(-?\d{1,9})(?!\d)")
_BRACE = re.compile(rb"\\.|[{}]", re.DOTALL)
_MOST_ENTRIES = 500  # of the groups: forty are known
_DATE_PARTS = ("yr", "mo", "dy", "hr", "min", "sec")
_NUMBERS = frozenset({"edmins", "nofpages", "nofwords", "nofchars", "nofcharsws", "vern", "version", "id"})
_CHARSETS = {b"ansi": "cp1252", b"mac": "mac_roman", b"pc": "cp437", b"pca": "cp850"}
_TOKEN = re.compile(
    rb"\\u(-?\d+) ?|\\'([0-9a-fA-F]{2})|\\([a-zA-Z]+)(-?\d+)? ?|\\([^a-zA-Z])|([{}])|([^\\{}]+)", re.DOTALL
)
_FACTS = (("EmbeddedObjects", rb"\\object(?![a-zA-Z])"), ("Pictures", rb"\\pict(?![a-zA-Z])"), ("Fields", rb"\\fldinst(?![a-zA-Z])"))  # fmt: skip


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Both groups, then what is inside."""
    data = Reader(source).some(0, _MOST_BYTES)
    charset = _charset(data[:256])
    found = _INFO.search(data)
    if found is not None:
        with Surviving(document, SECTION, "the information group", found.start()):
            _information(data, found.end(), charset, document)
    found = _PROPERTIES.search(data)
    if found is not None:
        with Surviving(document, SECTION, "user properties", found.start()):
            _user_properties(_group(data, found.end()), charset, document, ByteRange(found.start(), 1))

    def add(name: str, value: Value) -> None:
        document.add("rtfdocument", Field(name, value, group="RTF"))

    version = re.match(rb"\s*\{\s*\\rtf(\d+)", data)
    add("RTFVersion", int(version[1]) if version else 1)
    add("Charset", charset)
    language = re.search(rb"\\deflang(\d+)", data[:4096])
    if language is not None:
        add("DefaultLanguage", int(language[1]))
    generator = re.search(rb"\{\\\*\\generator ([^;}]*)", data)
    if generator is not None:
        add("Generator", _text(generator[1], charset))
    fonts = re.search(rb"\{\s*\\fonttbl", data)
    if fonts is not None:
        add("Fonts", len(re.findall(rb"\\f\d+(?=[\\ ])", _group(data, fonts.end()))))
    if len(data) == source.size_bytes:
        for name, pattern in _FACTS:
            add(name, len(re.findall(pattern, data)))
    else:
        document.problem(
            SECTION, ProblemKind.LIMIT, f"{len(data)} of {source.size_bytes} bytes were searched"
        )


def _charset(head: bytes) -> str:
    page = re.search(rb"\\ansicpg(\d+)", head)
    if page is not None:
        number = int(page[1])
        return (
            {65001: "utf-8", 10000: "mac_roman", 1361: "johab"}.get(number, f"cp{number}")
            if number
            else "cp1252"
        )
    named = re.search(rb"\\(ansi|mac|pca|pc)(?![a-zA-Z])", head)
    return _CHARSETS[named[1]] if named is not None else "cp1252"


def _group(data: bytes, at: int) -> bytes:
    """What stands from `at` up to the brace that closes the group."""
    depth, place = 1, at
    for found in _BRACE.finditer(data, at):
        if found[0] in {b"{", b"}"}:
            depth += 1 if found[0] == b"{" else -1
            if not depth:
                place = found.start()
                return data[at:place]
    raise ValueError("it doesn't end")


def _information(data: bytes, at: int, charset: str, document: Document) -> None:
    group = _group(data, at)
    place = 0
    for _ in range(_MOST_ENTRIES):
        entry = _ENTRY.search(group, place)
        if entry is None:
            break
        content = _group(group, entry.end())
        place = entry.end() + len(content) + 1
        key = entry[1].decode("ascii")
        if key == "upr":  # twice: for old readers, and in Unicode
            inner = content.find(b"\\ud")
            found = _ENTRY.search(content, inner) if inner >= 0 else None
            if found is None:
                continue
            key, content = found[1].decode("ascii"), _group(content, found.end())
        origin = ByteRange(at + entry.start(), place - entry.start())
        tag = _MAIN.tags.get(key)
        value: Value
        if tag is not None and tag.kind == "date":
            parts = {name.decode("ascii"): int(number) for name, number in _NUMBER.findall(content)}
            year, month, day, hour, minute, second = (parts.get(each, 0) for each in _DATE_PARTS)
            value = f"{year:04d}:{month:02d}:{day:02d} {hour:02d}:{minute:02d}:{second:02d}"
            if not year:
                continue
        else:
            value = _text(content, charset)
        if not _MAIN.put(document, key, value, origin):
            document.add(SECTION, Field(names.kept(key), value, group="RTF", origin=origin))
    # Counts stand in the group itself: \edmins3 and the like.
    bare = re.sub(rb"\{[^{}]*\}", b"", group)
    for name, number in _NUMBER.findall(bare):
        key = name.decode("ascii")
        if key in _NUMBERS:
            _MAIN.put(document, key, int(number), ByteRange(at, len(group)))


def _user_properties(group: bytes, charset: str, document: Document, origin: ByteRange) -> None:
    name, place = "", 0
    for _ in range(_MOST_ENTRIES):
        entry = _ENTRY.search(group, place)
        if entry is None:
            break
        key = entry[1]
        if key not in {b"propname", b"staticval"}:
            place = entry.end()
            continue
        content = _group(group, entry.end())
        place = entry.end() + len(content) + 1
        text = _text(content, charset)
        if key == b"propname":
            name = re.sub(r"\s(.)", lambda found: found[1].upper(), text)
        elif name:
            document.add(SECTION, Field(names.kept(name), text, group="RTF-user", origin=origin))
            name = ""


def _text(content: bytes, charset: str) -> str:
    """The text: bytes in the file's charset, and Unicode with a stand-in behind it that counts as nothing."""
    parts: list[str] = []
    pending = bytearray()
    skip = 0

    def flush() -> None:
        if pending:
            try:
                parts.append(bytes(pending).decode(charset, "replace"))
            except LookupError:
                parts.append(bytes(pending).decode("cp1252", "replace"))
            pending.clear()

    for token in _TOKEN.finditer(content):
        unicode_, hexadecimal, word, _, symbol, brace, plain = token.groups()
        if unicode_ is not None:
            flush()
            parts.append(chr(int(unicode_) & 0xFFFF))
            skip = 1
        elif hexadecimal is not None:
            if skip:
                skip -= 1
            else:
                pending.append(int(hexadecimal, 16))
        elif word is not None:
            flush()
            parts.append({b"par": "\n", b"line": "\n", b"tab": "\t"}.get(word, ""))
            skip = 0
        elif symbol is not None:
            pending += {b"~": b"\xa0", b"_": b"-", b"\n": b"\n"}.get(symbol, symbol)
            skip = 0
        elif brace is None and plain:
            pending += plain[skip:].replace(b"\r", b"").replace(b"\n", b"")
            skip = 0
    flush()
    # Surrogates of one character come one by one.
    return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip("\0")
