"""Tar archives: headers one behind the other. POSIX.1-2024, pax ("ustar Interchange Format"); GNU tar manual, "Basic Tar Format"."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import SECTION, Listing, unix_date
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_BLOCK = 512  # bytes of a header, and what all is padded to (pax specification)
_MOST_HEADERS = 20_000  # walked: 10 MB of headers, and a round trip each where files are large
_MOST_EXTENDED_BYTES = 64 * 1024  # of a pax header, or a long name
_KINDS = {b"0": "", b"\0": "", b"1": "link", b"2": "symlink", b"3": "device", b"4": "device", b"5": "folder", b"D": "folder", b"6": "fifo", b"7": "", b"S": "sparse"}  # fmt: skip
_PAX_KEYS = frozenset({"path", "linkpath", "size", "mtime", "uname", "gname", "comment", "GNU.sparse.realsize", "GNU.sparse.name", "GNU.volume.label"})  # fmt: skip
_MOST_MAPS = 10_000  # of 21 pieces each
_LONG_NAME, _LONG_LINK, _PAX, _GLOBAL = b"L", b"K", b"x", b"g"


class _Header(NamedTuple):
    name: str
    size: int
    kind: bytes
    mode: int
    user: str
    group: str
    modified: float
    link: str
    dialect: str


_LOW_BYTES = bytes(range(128))


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The members, the dialect, and who packed them."""
    listing = Listing(document)
    is_complete = add_members(Reader(source), document, listing)
    listing.finish(is_complete=is_complete, packed_bytes=source.size_bytes)


def add_members(reader: Reader, document: Document, listing: Listing, *, is_cut: bool = False) -> bool:
    """Adds the members; whether all were seen. `is_cut`: the reader holds only the beginning of an archive."""
    at, dialects, owners = 0, [], set()
    pax: dict[str, str] = {}
    common: dict[str, str] = {}
    long_name = long_link = ""
    state = "begin"
    for _ in range(_MOST_HEADERS):
        block = reader.some(at, _BLOCK)
        if len(block) < _BLOCK:
            state = "cut" if block or state != "end" else "end"
            break
        if not any(block):
            state = "end"
            break
        header = _parsed(block)
        if header is None:
            if not listing.count:
                raise CorruptFileError("no tar header")
            document.problem(SECTION, ProblemKind.DAMAGED, "a header whose checksum is wrong", at)
            state = "end"
            break
        state = "more"
        data_at = at + _BLOCK
        following = data_at + -(-header.size // _BLOCK) * _BLOCK
        if header.kind in {_LONG_NAME, _LONG_LINK, _PAX, _GLOBAL}:
            data = reader.some(data_at, min(header.size, _MOST_EXTENDED_BYTES))
            if header.kind == _LONG_NAME:
                long_name = data.partition(b"\0")[0].decode("utf-8", "replace")
            elif header.kind == _LONG_LINK:
                long_link = data.partition(b"\0")[0].decode("utf-8", "replace")
            else:
                (common if header.kind == _GLOBAL else pax).update(_records(data))
            at = following
            continue
        told = {**common, **pax}
        size = _number(told.get("GNU.sparse.realsize") or told.get("size"), header.size)
        stored = _number(told.get("size"), header.size)
        has_data = header.kind in {b"0", b"\0", b"7", b"S", b"D"}
        if header.kind == b"S":  # GNU's old sparse files: the real length, and maps in blocks of their own
            size = max(0, _octal(block[483:495]))
            for _ in range(_MOST_MAPS if block[482:483] == b"\1" else 0):
                more = reader.some(data_at, _BLOCK)
                data_at += _BLOCK
                if more[504:505] != b"\1":
                    break
        modified = _real(told.get("mtime"), header.modified)
        dialect = "pax" if told else "GNU" if long_name or long_link else header.dialect
        if dialect not in dialects:
            dialects.append(dialect)
        user = told.get("uname") or header.user
        if user:
            owners.add(user)
        listing.member(
            at, _BLOCK, told.get("GNU.sparse.name") or told.get("path") or long_name or header.name, size if has_data else 0,
            Modified=unix_date(modified), Kind=_KINDS.get(header.kind, f"type {header.kind.decode('latin-1')}") or None,
            Mode=f"{header.mode & 0o7777:04o}", Owner=user or None, Group=told.get("gname") or header.group or None,
            Link=told.get("linkpath") or long_link or header.link or None, Sparse=True if "GNU.sparse.realsize" in told or "GNU.sparse.name" in told else None,
        )  # fmt: skip
        pax, long_name, long_link = {}, "", ""
        at = data_at + (-(-stored // _BLOCK) * _BLOCK if has_data else 0)
        if at > reader.length:
            state = "cut"
            break
    if dialects:
        listing.fact("Dialect", ", ".join(dialects))
    for key in ("comment", "GNU.volume.label"):
        if key in common:
            listing.fact(key.rpartition(".")[2].capitalize(), common[key])
    if owners:
        names: list[Value] = [*sorted(owners)]
        listing.fact("Owners", names[:100])
    if state in {"cut", "begin"} and not is_cut:
        document.problem(SECTION, ProblemKind.TRUNCATED, "the archive has no end", at)
    return state in {"end", "cut"} and not (is_cut and state == "cut")


def is_header(block: bytes) -> bool:
    """Whether an archive begins so."""
    return len(block) == _BLOCK and any(block) and _parsed(block) is not None


def _parsed(block: bytes) -> _Header | None:
    stated = _octal(block[148:156])
    rest = block[:148] + b" " * 8 + block[156:]
    total = sum(rest)
    # Old programs summed signed bytes: those above 127 are 256 less.
    if stated not in {total, total - 256 * len(rest.translate(None, _LOW_BYTES))}:
        return None
    magic = block[257:265]
    is_posix = magic[:6] == b"ustar\0"
    prefix = _text(block[345:500]) if is_posix else ""
    name = _text(block[:100])
    return _Header(
        f"{prefix}/{name}" if prefix else name, max(0, _octal(block[124:136])), block[156:157], _octal(block[100:108]),
        _text(block[265:297]) if magic[:5] == b"ustar" else "", _text(block[297:329]) if magic[:5] == b"ustar" else "",
        _octal(block[136:148]), _text(block[157:257]), "ustar" if is_posix else "GNU" if magic[:5] == b"ustar" else "v7",
    )  # fmt: skip


def _octal(field: bytes) -> int:
    """A number in octal digits, or in base 256 where its first bit says so (GNU)."""
    if field[:1] in {b"\x80", b"\xff"}:
        return int.from_bytes(field[1:], "big", signed=False) if field[0] == 0x80 else int.from_bytes(field, "big", signed=True)  # fmt: skip
    digits = field.partition(b"\0")[0].strip()
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        return -1


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "replace")


def _records(data: bytes) -> dict[str, str]:
    """Records such as "30 mtime=1350244992.023960108", each with its length before it and a line end behind."""
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        blank = data.find(b" ", at, at + 20)
        if blank < 0 or not data[at:blank].isdigit():
            break
        end = at + int(data[at:blank])
        if end <= blank:
            break
        key, _, value = data[blank + 1 : end].rstrip(b"\n").partition(b"=")
        name = key.decode("utf-8", "replace")
        if name in _PAX_KEYS:
            found[name] = value.decode("utf-8", "replace")
        at = end
    return found


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.isdecimal() and len(text) < 19 else otherwise


def _real(text: str | None, otherwise: float) -> float:
    try:
        return float(text) if text else otherwise
    except ValueError:
        return otherwise
