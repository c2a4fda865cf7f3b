"""RPM packages: lead, signature and header. rpm.org, "RPM V4 Package format", "RPM tags"."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import SECTION as LISTING
from extractor_service.formats.containers.archives.listing import Listing, unix_date
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "package"
_LEAD_BYTES = 96  # of the lead ("RPM V4 Package format" specification)
_MOST_ENTRIES, _MOST_BYTES = 5000, 16 * 1024 * 1024
_MAGIC = b"\x8e\xad\xe8\x01"
_TEXTS = {
    1000: "Name", 1001: "Version", 1002: "Release", 1004: "Summary", 1005: "Description", 1007: "BuildHost", 1010: "Distribution", 1011: "Vendor", 1014: "License",
    1015: "Packager", 1016: "Group", 1020: "URL", 1021: "OS", 1022: "Architecture", 1044: "SourcePackage", 1064: "RPMVersion", 1124: "PayloadFormat",
    1125: "PayloadCompressor", 1126: "PayloadFlags", 1132: "Platform", 5062: "Encoding",
}  # fmt: skip
_NUMBERS = {1003: "Epoch", 1009: "InstalledSize", 5009: "InstalledSize", 1046: "ArchiveSize"}
_COUNTED = {1049: "RequiresCount", 1047: "ProvidesCount", 1054: "ConflictsCount", 1081: "ChangelogEntries"}
_SCRIPTS = {1023: "PreInstall", 1024: "PostInstall", 1025: "PreUninstall", 1026: "PostUninstall", 1151: "PreTransaction", 1152: "PostTransaction"}  # fmt: skip
_SIZES, _MODES, _TIMES, _INDEXES, _BASES, _FOLDERS, _BUILT, _CHANGED = (
    1028,
    1030,
    1034,
    1116,
    1117,
    1118,
    1006,
    1080,
)
_SIGNATURES = {259: "PGP", 262: "GPG", 267: "DSA", 268: "RSA", 1002: "PGP", 1005: "GPG"}


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """What the package is, needs and holds."""
    reader = Reader(source)
    lead = reader.exact(0, _LEAD_BYTES)
    if lead[:4] != b"\xed\xab\xee\xdb":
        raise CorruptFileError("no RPM lead")
    put = _Putter(document)
    put("FormatVersion", f"{lead[4]}.{lead[5]}", ByteRange(4, 2))
    put("PackageKind", "source" if lead[7] == 1 else "binary", ByteRange(6, 2))
    signature = _Header(reader, _LEAD_BYTES)
    kinds: list[Value] = [*dict.fromkeys(_SIGNATURES[tag] for tag in signature.tags if tag in _SIGNATURES)]
    put("Signed", bool(kinds), None)
    if kinds:
        put("SignatureTypes", kinds, None)
    header = _Header(reader, -(-signature.end // 8) * 8)
    for tag, name in _TEXTS.items():
        values = header.texts(tag, 1)
        if values:
            put(name, values[0], header.origin)
    for tag, name in _NUMBERS.items():
        numbers = header.numbers(tag, 1)
        if numbers:
            put(name, numbers[0], header.origin)
    built = header.numbers(_BUILT, 1)
    if built:
        put("BuildTime", unix_date(built[0]), header.origin)
    changed = header.numbers(_CHANGED, 1)
    if changed:
        put("LastChange", unix_date(changed[0]), header.origin)
    for tag, name in _COUNTED.items():
        if tag in header.tags:
            put(name, header.tags[tag][2], header.origin)
    scripts: list[Value] = [name for tag, name in _SCRIPTS.items() if tag in header.tags]
    if scripts:
        put("Scripts", scripts, header.origin)
    put("HeaderSize", header.end, None)
    with Surviving(document, LISTING, "the list of files"):
        _files(header, document)


class _Putter:
    """Adds fields to one section."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def __call__(self, name: str, value: Value, origin: ByteRange | None) -> None:
        self._document.add(SECTION, Field(name, value, group="RPM", origin=origin))


def _files(header: _Header, document: Document) -> None:
    listing = Listing(document)
    bases = header.texts(_BASES, _MOST_ENTRIES)
    folders, indexes = header.texts(_FOLDERS, _MOST_ENTRIES), header.numbers(_INDEXES, _MOST_ENTRIES)
    sizes, modes, times = (header.numbers(tag, _MOST_ENTRIES) for tag in (_SIZES, _MODES, _TIMES))
    for number, base in enumerate(bases):
        folder = folders[indexes[number]] if number < len(indexes) and indexes[number] < len(folders) else ""
        mode = modes[number] if number < len(modes) else 0
        listing.member(
            *header.origin, folder + base, sizes[number] if number < len(sizes) else None, Modified=unix_date(times[number]) if number < len(times) else None,
            Mode=f"{mode & 0o7777:04o}", Kind={0o04: "folder", 0o12: "symlink"}.get(mode >> 12 & 0o17),
        )  # fmt: skip
    total = header.tags.get(_BASES, (0, 0, 0))[2]
    listing.finish(total if total > len(bases) else None, is_complete=total <= len(bases))
    if total > len(bases):
        document.problem(LISTING, ProblemKind.LIMIT, f"{len(bases)} of {total} files were read")


class _Header:
    """A header structure: an index of tags, and a store of their data."""

    def __init__(self, reader: Reader, at: int) -> None:
        if reader.exact(at, 4) != _MAGIC:
            raise ValueError(f"no header at {at}")
        count, size = reader.unpack("II", at + 8)
        if count > 65_535 or size > _MOST_BYTES:
            raise ValueError(f"a header of {count} tags and {size} bytes")
        begin = at + 16 + 16 * count
        self._store = reader.exact(begin, size)
        self.end = begin + size
        self.origin = ByteRange(at, self.end - at)
        self.tags: dict[int, tuple[int, int, int]] = {}
        index = reader.exact(at + 16, 16 * count)
        for number in range(count):
            tag, kind, offset, values = struct.unpack_from(">IIII", index, 16 * number)
            self.tags[tag] = (kind, offset, values)

    def texts(self, tag: int, most: int) -> list[str]:
        """Texts of a tag."""
        kind, at, count = self.tags.get(tag, (0, 0, 0))
        if kind not in {6, 8, 9}:
            return []
        found = []
        for _ in range(min(count, most)):
            end = self._store.find(b"\0", at)
            if end < 0:
                break
            found.append(self._store[at:end].decode("utf-8", "replace"))
            at = end + 1
        return found

    def numbers(self, tag: int, most: int) -> list[int]:
        """Numbers of a tag."""
        kind, at, count = self.tags.get(tag, (0, 0, 0))
        form = {2: "B", 3: "H", 4: "I", 5: "Q"}.get(kind)
        if form is None:
            return []
        count = min(count, most, (len(self._store) - at) // struct.calcsize(form))
        return list(struct.unpack_from(f">{count}{form}", self._store, at)) if count > 0 else []
