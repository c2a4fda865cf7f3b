"""A key with its entry as one run of bytes: what the memory tier and Redis hold.

Layout, little-endian: total size u32, cost f64, expiry f64, revision u64, lengths of key, source and tags u16 each,
then key, source, tags and value. A sealed record ends in 16 bytes of BLAKE3 over all before them.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from blake3 import blake3

from cache_service.entries.entry import Entry, Key

_HEADER = struct.Struct("<IddQHHH")
HEADER_BYTES = _HEADER.size
SIZE = struct.Struct("<I")
SEAL_BYTES = 16  # 128 bits of BLAKE3: no damage is taken for a record, at 16 B each
_SEPARATOR = "\n"


class Record(NamedTuple):
    """A record taken apart; the key is still text, which is all that a comparison needs."""

    key_text: bytes
    entry: Entry

    @property
    def key(self) -> Key:
        """The key."""
        return Key.from_text(self.key_text.decode())


def encode(key_text: bytes, entry: Entry) -> bytes:
    """The record of an entry.

    Raises:
        ValueError: key, source or tags are longer than 65,535 bytes.
    """
    source = entry.source.encode()
    tags = _SEPARATOR.join(entry.tags).encode()
    total = HEADER_BYTES + len(key_text) + len(source) + len(tags) + len(entry.value)
    try:
        header = _HEADER.pack(
            total,
            entry.cost_seconds,
            entry.expires_at,
            entry.read_revision,
            len(key_text),
            len(source),
            len(tags),
        )
    except struct.error as error:
        raise ValueError(f"an entry's labels are too long: {error}") from error
    return b"".join((header, key_text, source, tags, entry.value))


def decode(buffer: bytes | memoryview, offset: int = 0) -> Record:
    """The record at `offset`.

    Raises:
        ValueError: it isn't one.
    """
    view = memoryview(buffer)
    try:
        total, cost, expires_at, revision, key_bytes, source_bytes, tags_bytes = _HEADER.unpack_from(
            view, offset
        )
    except struct.error as error:
        raise ValueError("too short for a record") from error
    end = offset + total
    key_at = offset + HEADER_BYTES
    source_at = key_at + key_bytes
    tags_at = source_at + source_bytes
    value_at = tags_at + tags_bytes
    if not value_at <= end <= len(view):
        raise ValueError("a record's lengths don't fit")
    value = bytes(view[value_at:end])
    if source_at == value_at:  # no labels, as most have
        return Record(bytes(view[key_at:source_at]), Entry(value, cost, expires_at, revision))
    tags = bytes(view[tags_at:value_at]).decode()
    source = bytes(view[source_at:tags_at]).decode()
    entry = Entry(value, cost, expires_at, revision, source, tuple(tags.split(_SEPARATOR)) if tags else ())
    return Record(bytes(view[key_at:source_at]), entry)


def key_text(buffer: bytes | memoryview, offset: int) -> bytes:
    """The key of the record at `offset`, as text, without looking at the rest."""
    start = offset + HEADER_BYTES
    return bytes(memoryview(buffer)[start : start + _HEADER.unpack_from(buffer, offset)[4]])


def seal(record: bytes) -> bytes:
    """The record with its checksum."""
    return record + blake3(record).digest(length=SEAL_BYTES)


def unseal(sealed: bytes) -> Record:
    """The record inside.

    Raises:
        ValueError: a bit of it is wrong.
    """
    record = sealed[:-SEAL_BYTES]
    if (
        len(sealed) < HEADER_BYTES + SEAL_BYTES
        or blake3(record).digest(length=SEAL_BYTES) != sealed[-SEAL_BYTES:]
    ):
        raise ValueError("a record's checksum doesn't match")
    return decode(record)
