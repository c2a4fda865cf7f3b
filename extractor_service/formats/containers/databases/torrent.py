"""Torrents: trackers, files, hashes. BEP 3, 12 (trackers), 27 (private), 47 (padding), 52 (version 2); names as ExifTool has them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives.listing import Listing, unix_date
from extractor_service.formats.reading import names
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "torrent"
_MOST_BYTES = 16 * 1024 * 1024  # decoded: a torrent of 400,000 pieces
_MOST_DEPTH, _MOST_VALUES = 20, 500_000
_NAMES = {"announce": "Announce", "announce-list": "AnnounceList", "comment": "Comment", "created by": "Creator", "creation date": "CreateDate", "encoding": "Encoding", "url-list": "URLList", "publisher": "Publisher", "publisher-url": "PublisherURL"}  # fmt: skip
_INFO = {"name": "Name", "piece length": "PieceLength", "private": "Private", "source": "Source", "meta version": "MetaVersion", "length": "Length"}  # fmt: skip
_MOST_PATH_CHARS = 4096  # as systems allow
_FILES = 500  # of which path and length are fields of their own


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """All of the outer dictionary, and the files."""
    if source.size_bytes > _MOST_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"{source.size_bytes} bytes aren't read")
        return
    data = Reader(source).some(0, _MOST_BYTES)
    if data[:1] != b"d":
        raise CorruptFileError("no dictionary")
    decoder = _Decoder(data)
    told = decoder.value(0)[0]
    origin = ByteRange(0, len(data))

    def put(name: str, value: Value, text: str = "") -> None:
        document.add(SECTION, Field(name, value, text, group="Torrent", origin=origin))

    for key, value in told.items():
        name = _NAMES.get(key) or names.kept(key.title().replace(" ", ""))
        if key == "creation date" and isinstance(value, int):
            put(name, unix_date(value).replace("Z", "+00:00"))
        elif key == "announce-list" and isinstance(value, list):
            flat = [_text(each) for tier in value if isinstance(tier, list) for each in tier]
            for number, each in enumerate(flat[:50], 1):
                put(f"AnnounceList{number}", each)
        elif key == "url-list" and isinstance(value, bytes):
            put(f"{name}1", _text(value))
        elif isinstance(value, (bytes, int)):
            put(name, value if isinstance(value, int) else _text(value))
        elif isinstance(value, list) and key != "info":
            for number, each in enumerate(value[:50], 1):
                if isinstance(each, bytes):
                    put(f"{name}{number}", _text(each))
    info = told.get("info")
    if isinstance(info, dict):
        _info(info, document, put)
    if decoder.info is not None:
        begin, end = decoder.info
        document.add("torrentfacts", Field("InfoHash", hashlib.sha1(data[begin:end], usedforsecurity=False).hexdigest(), group="Torrent", origin=ByteRange(begin, end - begin)))  # fmt: skip
        if isinstance(info, dict) and info.get("meta version") == 2:
            document.add("torrentfacts", Field("InfoHashV2", hashlib.sha256(data[begin:end]).hexdigest(), group="Torrent", origin=ByteRange(begin, end - begin)))  # fmt: skip


def _info(info: dict[str, Any], document: Document, put: Any) -> None:
    for key, name in _INFO.items():
        value = info.get(key)
        if isinstance(value, (bytes, int)):
            put(name, value if isinstance(value, int) else _text(value))
    pieces = info.get("pieces")
    if isinstance(pieces, bytes):
        put("Pieces", None, f"(Binary data {len(pieces)} bytes)")
        document.add("torrentfacts", Field("PieceCount", len(pieces) // 20, group="Torrent"))
    listing = Listing(document)
    files = info.get("files")
    if isinstance(files, list):
        for number, each in enumerate(files, 1):
            if not isinstance(each, dict):
                continue
            path = "/".join(_text(part) for part in each.get("path.utf-8") or each.get("path") or [])
            length = each.get("length") if isinstance(each.get("length"), int) else 0
            if number <= _FILES:
                put(f"File{number}Length", length)
                put(f"File{number}Path", path)
            listing.member(0, 0, path, length, Padding=True if "p" in _text(each.get("attr", b"")) else None)
    elif isinstance(info.get("length"), int):
        listing.member(0, 0, _text(info.get("name", b"")), info["length"])
    else:
        for path, length in _tree(info.get("file tree"), ""):
            listing.member(0, 0, path, length)
    listing.finish()


def _tree(tree: Any, path: str, depth: int = 0) -> Iterator[tuple[str, int]]:
    if isinstance(tree, dict) and depth < _MOST_DEPTH:
        for name, inner in tree.items():
            if name == "" and isinstance(inner, dict):
                length = inner.get("length", 0)
                yield path, length if isinstance(length, int) else 0
            else:
                yield from _tree(inner, (f"{path}/{name}" if path else name)[:_MOST_PATH_CHARS], depth + 1)


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class _Decoder:
    """Bencoding (BEP 3), bounded."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._left = _MOST_VALUES
        self.info: tuple[int, int] | None = None

    def value(self, at: int, depth: int = 0) -> tuple[Any, int]:
        """The value at `at`, and where it ends."""
        self._left -= 1
        if depth > _MOST_DEPTH or self._left < 0:
            raise ValueError("too many values")
        mark = self._data[at : at + 1]
        if mark == b"i":
            end = self._data.index(b"e", at, at + 24)
            return int(self._data[at + 1 : end]), end + 1
        if mark == b"l":
            values = []
            at += 1
            while self._data[at : at + 1] != b"e":
                value, at = self.value(at, depth + 1)
                values.append(value)
            return values, at + 1
        if mark == b"d":
            found: dict[str, Any] = {}
            at += 1
            while self._data[at : at + 1] != b"e":
                raw, at = self.value(at, depth + 1)
                key = _text(raw)
                begin = at
                found[key], at = self.value(at, depth + 1)
                if key == "info" and depth == 0:
                    self.info = (begin, at)
            return found, at + 1
        colon = self._data.index(b":", at, at + 12)
        length = int(self._data[at:colon])
        if length < 0 or colon + 1 + length > len(self._data):
            raise ValueError(f"a text of {length} bytes at {at}")
        return self._data[colon + 1 : colon + 1 + length], colon + 1 + length
