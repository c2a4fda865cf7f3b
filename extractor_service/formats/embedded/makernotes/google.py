"""Google's HDR+ notes: enciphered, compressed, and a protocol buffer inside.

Layout and cipher by the public description in github.com/jakiki6/ruminant (modules/images.py); the generator is xorshift64*
(S. Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016), whose product is the next state here.
"""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.reading import fields
from extractor_service.formats.reading.tagset import Tag, build, raw_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.formats.embedded.walk import Walk

_SECTION, _GROUP = "makernotes", "Google"
_SEED, _FACTOR, _MASK = 0x2515606B4A7791CD, 0x2545F4914F6CDD1D, (1 << 64) - 1
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HEAD = b"HDRP\x03"  # version 2 holds texts whose division nobody has described
_MAX_BYTES = 1024 * 1024  # deciphered by a loop in Python over words of 8 bytes; longer is a Problem
# Four times the packed bound: what a gzip bomb may unfold to; the rest is cut.
_MAX_INFLATED_BYTES = 4 * 1024 * 1024
_MAX_DEPTH = 3  # messages in messages; the known ones (_PARENTS) nest two
_PARENTS = frozenset({"1", "9", "12", "9-36", "12-12", "12-13"})
_MILLISECONDS = frozenset({"ExposureTimeMin", "ExposureTimeMax"})


@lru_cache(maxsize=1)
def _tags() -> dict[str, Tag]:
    table = build(raw_table("others", "Google::HDRPlusMakerNote"), {})
    return {str(number): tag for number, tag in table.items()}


def parse(walk: Walk, offset: int, length: int) -> None:
    """The note in EXIF."""
    reader = walk.directories.reader
    origin = ByteRange(walk.base + offset, length)
    read(reader.some(offset, min(length, _MAX_BYTES + 1)), walk.document, origin)


def read(data: bytes, document: Document, origin: ByteRange | None) -> None:
    """Adds what the note `data` says; trouble becomes Problems, a note of another version is passed over."""
    if not data.startswith(_HEAD):
        return
    at = None if origin is None else origin.offset_bytes
    if len(data) > _MAX_BYTES:
        document.problem(_SECTION, ProblemKind.LIMIT, "Google's note has more than 1 MiB", at)
        return
    document.spend(4 * len(data))  # deciphering in Python is slow
    inflater = zlib.decompressobj(wbits=31)
    try:
        content = inflater.decompress(decipher(data[len(_HEAD) :]), _MAX_INFLATED_BYTES)
    except zlib.error as error:
        document.problem(_SECTION, ProblemKind.DAMAGED, f"Google's note: {error}", at)
        return
    document.spend(len(content))
    _message(content, "", document, origin)


def decipher(data: bytes) -> bytes:
    """`data` in clear, or clear data enciphered: it is the same."""
    state, words = _SEED, []
    for (word,) in struct.iter_unpack("<Q", data + bytes(-len(data) % 8)):
        state ^= state >> 12
        state ^= state << 25 & _MASK
        state ^= state >> 27
        state = state * _FACTOR & _MASK
        words.append(word ^ state)
    return struct.pack(f"<{len(words)}Q", *words)[: len(data)]


def _message(data: bytes, path: str, document: Document, origin: ByteRange | None) -> None:
    for number, kind, value in _records(data):
        here = f"{path}-{number}" if path else str(number)
        if here in _PARENTS and isinstance(value, bytes) and here.count("-") < _MAX_DEPTH:
            _message(value, here, document, origin)
            continue
        tag = _tags().get(here)
        if tag is None:
            continue
        if tag.binary:
            length = len(value) if isinstance(value, bytes) else 8
            fields.add_binary(document, _SECTION, _GROUP, tag.name, length, origin)
        else:
            fields.add(document, _SECTION, _GROUP, tag, _meant(tag, kind, value), origin)


def _meant(tag: Tag, kind: int, value: int | bytes) -> Value:
    if isinstance(value, bytes):
        if kind == 2:
            return value.decode("utf-8", "replace")
        real: float = struct.unpack("<f" if kind == 5 else "<d", value)[0]
        return real / 1000 if tag.name in _MILLISECONDS else real
    if tag.name in {"CreateDate", "SoftwareDate"}:
        scale = 1000 if tag.name == "SoftwareDate" else 1
        moment = (_EPOCH + dt.timedelta(seconds=value // scale)).strftime("%Y:%m:%d %H:%M:%S")
        return f"{moment}.{value % scale:03d}+00:00" if scale > 1 else f"{moment}+00:00"
    return value


def _records(data: bytes) -> Iterator[tuple[int, int, int | bytes]]:
    """Field number, wire type and value of each record (protobuf.dev/programming-guides/encoding)."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield number, kind, value
            continue
        if kind == 2:
            size, place = _varint(data, place)
        else:
            size = {1: 8, 5: 4}[kind]  # a KeyError is damage to the caller
        content = data[place : place + size]
        if len(content) < size:
            raise ValueError("a record of Google's note is cut")
        yield number, kind, content
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("a number of Google's note is too long")
