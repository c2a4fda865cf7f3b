"""Nikon's "shot info": an enciphered block by camera, which leads to menus and custom settings. exiftool.org/TagNames/Nikon.html#ShotInfoZ9.

A layout is believed by its version, and where several cameras share one, by its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.reading.tagset import find_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Value


class Layout(NamedTuple):
    """The table of a version."""

    table: str
    big_endian: bool = True
    lengths: tuple[int, ...] = ()
    """Of the block in bytes; () for any."""


_LAYOUTS: Mapping[bytes, tuple[Layout, ...]] = {
    b"0208": (Layout("ShotInfoD80"),),
    b"0209": (Layout("ShotInfoD40"),),
    b"0210": (
        Layout("ShotInfoD3a", lengths=(5399,)), Layout("ShotInfoD3b", lengths=(5408, 5412)),
        Layout("ShotInfoD300a", lengths=(5291,)), Layout("ShotInfoD300b", lengths=(5303,)),
    ),
    b"0212": (Layout("ShotInfoD700", lengths=(5312,)),),
    b"0213": (Layout("ShotInfoD90"),),
    b"0214": (Layout("ShotInfoD3X", lengths=(5409,)),),
    b"0215": (Layout("ShotInfoD5000", lengths=(6745,)),),
    b"0216": (Layout("ShotInfoD300S", lengths=(5311,)),),
    b"0218": (Layout("ShotInfoD3S", lengths=(5356, 5388)),),
    b"0220": (Layout("ShotInfoD7000"),),
    b"0221": (Layout("ShotInfoD5100", lengths=(8902,)),),
    b"0222": (Layout("ShotInfoD800"),),
    b"0223": (Layout("ShotInfoD4"),),
    b"0226": (Layout("ShotInfoD5200", lengths=(11587,)),),
    b"0231": (Layout("ShotInfoD4S", big_endian=False),),
    b"0232": (Layout("ShotInfoD610"),),
    b"0233": (Layout("ShotInfoD810", big_endian=False),),
    **dict.fromkeys((b"0238", b"0239"), (Layout("ShotInfoD500", big_endian=False),)),
    b"0242": (Layout("ShotInfoD7500", big_endian=False),),
    b"0243": (Layout("ShotInfoD850", big_endian=False),),
    b"0245": (Layout("ShotInfoD780", big_endian=False),),
    b"0246": (Layout("ShotInfoD6", big_endian=False),),
    b"0805": (Layout("ShotInfoZ9", big_endian=False),),
    b"0806": (Layout("ShotInfoZ8", big_endian=False),),
    **dict.fromkeys((b"0809", b"0810", b"0811"), (Layout("ShotInfoZ6III", big_endian=False),)),
    **dict.fromkeys((b"0800", b"0801", b"0802", b"0803", b"0804", b"0807", b"0808"), (Layout("ShotInfoZ7II", big_endian=False),)),
}  # fmt: skip


def layout_of(data: bytes) -> Layout | None:
    """The layout of a block that begins with its version; None of a camera that isn't known."""
    for each in _LAYOUTS.get(data[:4], ()):
        if not each.lengths or len(data) in each.lengths:
            return each
    return None


class _Move(NamedTuple):
    """Bytes that a firmware added behind the tag at `at`."""

    at: int
    added_bytes: int
    firmware: str
    """From this one on."""
    until: str = "99"
    model: str = ""
    """What the camera's name begins with."""


_MOVES: Mapping[str, tuple[_Move, ...]] = {
    "Nikon::MenuSettingsZ8": (_Move(72, 4, "02.10"), _Move(636, 4, "03.00")),
    "Nikon::MenuSettingsZ8v2": (_Move(0, 4, "02.10", "02.11"), _Move(0, 8, "03.0")),
    "Nikon::MenuSettingsZ9v4": (_Move(72, 4, "05.10"),),
    "Nikon::SeqInfoZ9": (_Move(32, 2, "03.00", model="NIKON Z 8"),),
}


def mended(table: str, data: bytes, firmware: Value, model: str) -> bytes:
    """The block without what the camera's firmware added, so that the places of its table hold."""
    if not isinstance(firmware, str):
        return data
    for move in _MOVES.get(table, ()):
        if move.firmware <= firmware < move.until and model.startswith(move.model):
            keys = (*find_table("nikon", table), *find_table("structures", table))
            places = [key for key in keys if isinstance(key, int) and key > move.at]
            start = min(places, default=len(data))
            data = data[:start] + data[start + move.added_bytes :]
    return data
