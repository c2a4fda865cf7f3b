"""JUMBF boxes: superboxes with a type, a label and what they hold. ISO/IEC 19566-5; C2PA specification 2.4, section 11."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_DEPTH = 16  # of superboxes in one another; a manifest has four
MAX_BOXES = 20_000  # of a store
MAX_STORE_BYTES = 64 * 1024 * 1024  # thumbnails of all ingredients are in it
TYPE_END = bytes.fromhex("00110010800000aa00389b71")
"""Of types that are four letters."""
LABELLED, NUMBERED, HASHED = 2, 4, 8
"""Bits of the description's toggles: what it has behind the type."""


class JumbfError(Exception):
    """The bytes aren't JUMBF, or more of it than is taken."""


class Content(NamedTuple):
    """A box that isn't a superbox; offsets are within the store."""

    kind: bytes
    offset: int
    data: memoryview


@dataclass
class Superbox:
    """A superbox: its type in four letters or as 32 hexadecimal digits, its label, and what is in it."""

    kind: str
    label: str
    offset: int
    """Of its first byte within the store."""
    payload: memoryview
    """All of it but its own length and type: what is hashed (C2PA 2.4, 8.4.2.3)."""
    boxes: list[Superbox] = field(default_factory=list)
    contents: list[Content] = field(default_factory=list)

    def child(self, label: str) -> Superbox | None:
        """The superbox of that label in it."""
        return next((box for box in self.boxes if box.label == label), None)

    def content(self, kind: bytes) -> bytes | None:
        """What the first box of that kind in it holds."""
        return next((bytes(each.data) for each in self.contents if each.kind == kind), None)


def parse(data: bytes) -> Superbox:
    """The superbox that `data` begins with.

    Raises:
        JumbfError: see there.
    """
    count = [0]
    view = memoryview(data)  # what is in one another isn't copied for each level
    for kind, at, start, end in _walk(view, 0, len(view), count):
        if kind != b"jumb":
            raise JumbfError(f"a box {kind!r}")
        return _superbox(view, at, start, end, 0, count)
    raise JumbfError("no box")


def length_of(head: bytes) -> int:
    """How long the box is whose first 16 bytes are `head`; 0 where it doesn't say."""
    length = int.from_bytes(head[:4])
    return int.from_bytes(head[8:16]) if length == 1 else length


def _superbox(data: memoryview, at: int, start: int, end: int, depth: int, count: list[int]) -> Superbox:
    if depth > MAX_DEPTH:
        raise JumbfError(f"deeper than {MAX_DEPTH} levels")
    found: Superbox | None = None
    for kind, inner_at, inner, inner_end in _walk(data, start, end, count):
        if found is None:
            if kind != b"jumd":
                raise JumbfError(f"a superbox at {at} begins with {kind!r}")
            name, label = _description(bytes(data[inner:inner_end]))
            found = Superbox(name, label, at, data[start:end])
        elif kind == b"jumb":
            found.boxes.append(_superbox(data, inner_at, inner, inner_end, depth + 1, count))
        else:
            found.contents.append(Content(kind, inner, data[inner:inner_end]))
    if found is None:
        raise JumbfError(f"an empty superbox at {at}")
    return found


def _description(data: bytes) -> tuple[str, str]:
    if len(data) < 17:
        raise JumbfError("a short description")
    kind = data[:16]
    name = kind[:4].decode("latin-1") if kind[4:] == TYPE_END else kind.hex()
    label = data[17:].partition(b"\0")[0].decode("utf-8", "replace") if data[16] & LABELLED else ""
    return name, label


def _walk(data: memoryview, start: int, end: int, count: list[int]) -> Iterator[tuple[bytes, int, int, int]]:
    """Kind, first byte, content and end of each box."""
    at = start
    while at + 8 <= end:
        count[0] += 1
        if count[0] > MAX_BOXES:
            raise JumbfError(f"more than {MAX_BOXES} boxes")
        length, kind, head = int.from_bytes(data[at : at + 4]), bytes(data[at + 4 : at + 8]), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16]), 16
        elif length == 0:
            length = end - at
        if length < head or at + length > end:
            raise JumbfError(f"box {kind!r} of {length} bytes at {at} reaches beyond the end")
        yield kind, at, at + head, at + length
        at += length
