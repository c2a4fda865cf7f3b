"""Archives of ar: static libraries and Debian packages, whose control file is read. deb(5), deb-control(5); SysV and BSD ar(5)."""

from __future__ import annotations

import lzma
import zlib
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import SECTION, Listing, unix_date
from extractor_service.formats.containers.archives.streams import unzstd
from extractor_service.formats.containers.text import headers
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_MAGICS = (b"!<arch>\n", b"!<thin>\n")
_MOST_MEMBERS = 20_000  # walked: libraries of compilers have some thousands
_MOST_CONTROL_BYTES = 1024 * 1024  # packed, and unpacked
_SYMBOLS = ("/", "/SYM64/", "__.SYMDEF", "__.SYMDEF SORTED", "//")


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The members; of a package what its control file says."""
    reader = Reader(source)
    is_thin = reader.some(0, 8) == _MAGICS[1]
    if not reader.some(0, 8).startswith(_MAGICS):
        raise CorruptFileError("no ar header")
    listing, at, long_names = Listing(document), 8, b""
    is_package, is_complete, has_symbols = False, False, False
    for _ in range(_MOST_MEMBERS):
        if at + 60 > reader.length:
            is_complete = True
            break
        header = reader.exact(at, 60)
        if header[58:] != b"`\n":
            document.problem(SECTION, ProblemKind.DAMAGED, "no header where a member begins", at)
            is_complete = True
            break
        size = _number(header[48:58], 10)
        name, begin = header[:16].rstrip().decode("utf-8", "replace"), at + 60
        stated = size
        if name.startswith("#1/") and name[3:].isdigit():  # BSD: the name stands before the data
            length = min(int(name[3:]), 4096)
            name = reader.exact(begin, length).rstrip(b"\0").decode("utf-8", "replace")
            begin, size = begin + length, size - length
        elif name[:1] == "/" and name[1:].isdigit():  # SysV: in a table of long names
            place = int(name[1:])
            name = (
                long_names[place : place + 4096].partition(b"\n")[0].rstrip(b"/").decode("utf-8", "replace")
            )
        elif name not in _SYMBOLS:
            name = name.rstrip("/")
        if begin + size > reader.length and not is_thin:
            document.problem(SECTION, ProblemKind.TRUNCATED, f"member {name[:60]!r} is cut", at)
        if name == "//":
            long_names = reader.some(begin, min(size, _MOST_CONTROL_BYTES))
        elif name in _SYMBOLS:
            has_symbols = True
            if name in {"/", "/SYM64/"} and not listing.count:
                listing.fact(
                    "SymbolCount", int.from_bytes(reader.exact(begin, 4 if name == "/" else 8), "big")
                )
        else:
            is_package |= name == "debian-binary"
            if not listing.count and header[16:28].strip(b" 0"):
                date = unix_date(_number(header[16:28], 10)).replace("Z", "+00:00")
                document.add("exe", Field("CreateDate", date, group="EXE", origin=ByteRange(at + 16, 12)))
            listing.member(at, 60, name, size, Modified=unix_date(_number(header[16:28], 10)), Mode=f"{_number(header[40:48], 8) & 0o7777:04o}")  # fmt: skip
            if is_package and name.startswith("control.tar"):
                with Surviving(document, SECTION, "the control file", begin):
                    _control(reader, begin, size, name, document)
            elif is_package and name == "debian-binary":
                version = reader.some(begin, min(size, 16)).strip().decode("latin-1")
                document.add("package", Field("FormatVersion", version, group="Debian", origin=ByteRange(begin, size)))  # fmt: skip
            elif is_package and name.startswith("data.tar"):
                document.add("package", Field("DataCompression", name.rpartition(".")[2], group="Debian"))
        # A thin archive names its members, and holds tables alone.
        at += 60 if is_thin and name not in _SYMBOLS else 60 + stated + (stated & 1)
    if is_thin:
        listing.fact("Thin", value=True)
    if has_symbols:
        listing.fact("HasSymbolTable", value=True)
    listing.finish(is_complete=is_complete)


def _number(field: bytes, base: int) -> int:
    text = field.strip(b" \0")
    if text and not text.isdigit():
        raise ValueError(f"{field!r} is no number")
    return int(text, base) if text else 0


def _control(reader: Reader, at: int, size: int, name: str, document: Document) -> None:
    """The control file out of its own small tar archive."""
    packed = reader.exact(at, min(size, _MOST_CONTROL_BYTES))
    if name.endswith(".gz"):
        data = zlib.decompressobj(31).decompress(packed, _MOST_CONTROL_BYTES)
    elif name.endswith((".xz", ".lzma")):
        try:
            data = lzma.LZMADecompressor(memlimit=96 * 1024 * 1024).decompress(packed, _MOST_CONTROL_BYTES)
        except lzma.LZMAError as error:
            raise ValueError(str(error)) from error
    elif name.endswith(".zst"):
        data = unzstd(packed, _MOST_CONTROL_BYTES)
    elif name.endswith(".tar"):
        data = packed
    else:
        document.problem(SECTION, ProblemKind.UNSUPPORTED, f"{name} isn't unpacked", at)
        return
    document.spend(len(data))
    place = 0
    while place + 512 <= len(data):
        member = data[place : place + 100].partition(b"\0")[0]
        length = _number(data[place + 124 : place + 135].rstrip(b"\0"), 8)
        if member.rpartition(b"/")[2] == b"control":
            message = headers.parsed(data[place + 512 : place + 512 + length])
            for key, value in list(message.raw_items())[:200]:
                text = headers.utf_8(str(value))
                document.add("package", Field(names.kept(key.replace("-", "")), text, group="Debian", origin=ByteRange(at, size)))  # fmt: skip
            return
        place += 512 + -(-length // 512) * 512
