"""Resources of a PE image: version, manifest, how many of which kind. Microsoft, "PE Format", .rsrc; VS_VERSIONINFO."""

from __future__ import annotations

import struct
from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field
from extractor_service.formats.containers.programs import facts
from extractor_service.formats.containers.programs.facts import add as add_fact
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

_KINDS = {1: "Cursors", 2: "Bitmaps", 3: "Icons", 4: "Menus", 5: "Dialogs", 6: "Strings", 9: "Accelerators", 10: "Data", 11: "MessageTables", 14: "IconGroups", 16: "Versions", 23: "HTMLPages", 24: "Manifests"}  # fmt: skip
_VERSION, _MANIFEST = 16, 24
_MOST_ENTRIES = 2000  # of one level
_MOST_BYTES = 64 * 1024  # of a version or manifest


def _dotted(value: Value) -> Value:
    """Four words, of which each pair is stored low word first."""
    if isinstance(value, list) and len(value) == 4:
        return f"{value[1]}.{value[0]}.{value[3]}.{value[2]}"
    return value


_FIXED = Table(
    "documents/EXE::PEVersion", facts.EXE, "EXE",
    {"FileVersionNumber": Conversion(_dotted), "ProductVersionNumber": Conversion(_dotted), "FileFlagsMask": Conversion(printer=lambda value: f"0x{value:04x}")},
    unit="int32u",
)  # fmt: skip
_STRINGS = Table("documents/EXE::PEString", facts.EXE, "EXE")


def add(reader: Reader, at: int, place: Callable[[int], int], document: Document) -> None:
    """Adds the version, the manifest's wishes, and counts by kind; `at` is where the resources begin."""
    counts: Counter[str] = Counter()
    seen: set[int] = {at}
    done: set[int] = set()
    for kind, kind_at in _entries(reader, at, at):
        if kind_at is None or kind_at in seen:
            continue
        seen.add(kind_at)
        for _, name_at in _entries(reader, at, kind_at):
            counts[_KINDS.get(kind, "OtherResources")] += 1
            if kind not in {_VERSION, _MANIFEST} or kind in done or name_at is None:
                continue
            done.add(kind)
            leaf = next(iter(_leaves(reader, at, name_at)), None)
            if leaf is None:
                continue
            address, size = reader.unpack("II", leaf)
            begin = place(address)
            with Surviving(document, facts.SECTION, "a resource", begin):
                data = reader.exact(begin, min(size, _MOST_BYTES))
                _version(data, begin, document) if kind == _VERSION else _manifest(data, document)
    for name, count in sorted(counts.items()):
        add_fact(document, f"Resource{name}", count)


def _entries(reader: Reader, base: int, at: int) -> Iterator[tuple[int, int | None]]:
    """(id or a number of a name, where the next level is; None for a leaf)."""
    named, numbered = reader.unpack("HH", at + 12)
    for index in range(min(named + numbered, _MOST_ENTRIES)):
        key, offset = reader.unpack("II", at + 16 + 8 * index)
        yield key, base + (offset & 0x7FFFFFFF) if offset & 0x80000000 else None


def _leaves(reader: Reader, base: int, at: int) -> Iterator[int]:
    named, numbered = reader.unpack("HH", at + 12)
    for index in range(min(named + numbered, _MOST_ENTRIES)):
        offset = reader.u32(at + 16 + 8 * index + 4)
        if not offset & 0x80000000:
            yield base + offset


def _version(data: bytes, at: int, document: Document) -> None:
    fixed_bytes = struct.unpack_from("<H", data, 2)[0]
    begin = _aligned(6 + 2 * len("VS_VERSION_INFO\0"))
    fixed = data[begin : begin + fixed_bytes]
    if fixed[:4] == b"\xbd\x04\xef\xfe":
        _FIXED.block(document, fixed, at + begin)
    _children(data, _aligned(begin + fixed_bytes), len(data), at, document, 0)


def _aligned(at: int) -> int:
    return (at + 3) & ~3


def _children(data: bytes, at: int, end: int, base: int, document: Document, depth: int) -> None:
    """StringFileInfo and VarFileInfo, and what is in them: length, length of the value, is it text, key, value, children."""
    count = 0
    while at + 6 <= end and count < _MOST_ENTRIES:
        length, value_length, is_text = struct.unpack_from("<HHH", data, at)
        if length < 6:
            return
        stop = min(at + length, end)
        key_end = data.find(b"\0\0", at + 6)
        while key_end >= 0 and (key_end - at) % 2:
            key_end = data.find(b"\0\0", key_end + 1)
        if key_end < 0 or key_end > stop:
            return
        key = data[at + 6 : key_end].decode("utf-16-le", "replace")
        begin = _aligned(key_end + 2)
        if depth == 2:
            _string(data, key, begin, min(begin + 2 * value_length if is_text else begin + value_length, stop), base, document)  # fmt: skip
        elif depth == 1 and key == "Translation":
            pass  # the table of strings itself says its language
        else:
            if depth == 1:
                origin = ByteRange(base + at, length)
                for name, code in (("LanguageCode", key[:4]), ("CharacterSet", key[4:8])):
                    _STRINGS.put(document, name, code.upper(), origin)
            _children(data, begin, stop, base, document, depth + 1)
        at = _aligned(at + length)
        count += 1


def _string(data: bytes, key: str, at: int, end: int, base: int, document: Document) -> None:
    text = data[at:end].decode("utf-16-le", "replace").partition("\0")[0].strip()
    origin = ByteRange(base + at, end - at)
    if not _STRINGS.put(document, key, text, origin):
        document.add(facts.EXE, Field(names.kept(key), text, group="EXE", origin=origin))


def _manifest(data: bytes, document: Document) -> None:
    for name, pattern in (("ExecutionLevel", rb'requestedExecutionLevel[^>]*?level\s*=\s*["\']([^"\']+)'), ("DPIAware", rb"<(?:\w+:)?dpiAware[^>]*>([^<]+)<")):  # fmt: skip
        import re  # noqa: PLC0415 - two lines that need it

        found = re.search(pattern, data)
        if found is not None:
            add_fact(document, name, found[1].decode("latin-1").strip())
