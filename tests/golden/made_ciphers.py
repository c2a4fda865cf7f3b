"""Photographs with Nikon's enciphered "shot info" of every version, with the menus and settings that it leads to, by the generated facts.

The cipher is its own inverse. Values stand at the places and in the types of the listing (exiftool.org/TagNames/Nikon.html); ExifTool is the
judge of what they mean.
"""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

from extractor_service.formats.embedded.makernotes import nikon_shot
from extractor_service.formats.embedded.makernotes.nikon_crypt import decrypt
from extractor_service.formats.reading import meanings
from extractor_service.formats.reading.tagset import find_table
from tests.golden import made_blocks
from tests.golden.made_notes import MAKERS, Maker
from tests.golden.makernotes import _NOTE_AT, directory, photograph

if TYPE_CHECKING:
    from collections.abc import Iterator

_PLAIN = bytes(pow(each, 3, 249) if each < 249 else each for each in range(256))  # Sony's cipher
# A tag, the first bytes as they stand in the file, the table that they tell, and a camera.
_SONY = (
    (0x900B, b"\xae", "Tag900b", "NEX-5N"), (0x9400, b"\x07", "Tag9400a", "SLT-A65V"), (0x9400, b"\x0c", "Tag9400b", "NEX-3N"),
    (0x9400, b"\x23", "Tag9400c", "ILCE-7M3"), (0x9404, b"\x40\1\1\1", "Tag9404a", "NEX-5N"), (0x9404, b"\xe7\1\1\x08", "Tag9404b", "SLT-A99V"),
    (0x9404, b"\xb6\1\1\1", "Tag9404c", "ILCE-7"), (0x9406, b"\x01\1\x08", "Tag9406", "SLT-A77V"), (0x9406, b"\x40", "Tag9406b", "ILCE-7RM4"),
    (0x940A, b"\1", "Tag940a", "SLT-A77V"), (0x9402, b"\1", "Tag9402", "ILCE-7M3"), (0x9403, b"\x08", "Tag9403", "ILCE-7M3"),
    (0x9405, b"\x1b", "Tag9405a", "NEX-6"), (0x9405, b"\x3a", "Tag9405b", "ILCE-7M3"), (0x9416, b"\1", "Tag9416", "ILCE-7SM3"),
    (0x9050, b"\1", "Tag9050a", "SLT-A77V"), (0x9050, b"\1", "Tag9050b", "ILCE-7M3"), (0x9050, b"\1", "Tag9050c", "ILCE-7SM3"),
    (0x940E, b"\1", "AFInfo", "SLT-A77V"), (0x940E, b"\1", "Tag940e", "ILCE-6000"), (0x940C, b"\1", "Tag940c", "ILCE-6000"),
)  # fmt: skip
SONY_NAMES = (*(f"{table.lower()}" for _, _, table, _ in _SONY), "more-info")
"""Of the kinds that `sony` makes, in its order."""
_SERIAL, _COUNT = 1234567, 4321
_FIRMWARE = {"ShotInfoZ9": ("02.00", "03.10", "04.10", "05.00", "05.20"), "ShotInfoZ8": ("01.10", "02.00", "02.10", "03.00"),
             "ShotInfoZ6III": ("01.00",), "ShotInfoZ7II": ("01.60",), "ShotInfoD4S": ("1.00a", "1.20a")}  # fmt: skip
_MODELS = {"ShotInfoZ9": "NIKON Z 9", "ShotInfoZ8": "NIKON Z 8", "ShotInfoZ6III": "NIKON Z6_3", "ShotInfoZ7II": "NIKON Z 7_2",
           "ShotInfoD500": "NIKON D500", "ShotInfoD850": "NIKON D850", "ShotInfoD810": "NIKON D810"}  # fmt: skip
_OFFSETS = {
    "ShotInfoD500": 12,
    "ShotInfoD7500": 12,
    "ShotInfoD810": 12,
    "ShotInfoD850": 12,
}  # where the number of offsets stands; later ones: 36
_MOST_DEPTH = 4


def files(count: int = 5) -> Iterator[bytes]:
    """`count` photographs of every version."""
    for version, layouts in nikon_shot._LAYOUTS.items():
        for layout in layouts:
            for seed in range(count):
                yield _photograph(version, layout, random.Random(f"{layout.table} {version!r} {seed}"), seed)


def sony(count: int = 4) -> Iterator[bytes]:
    """`count` photographs of each of Sony's enciphered blocks, and of the list of blocks of 2009."""
    maker = MAKERS["sony"]
    for tag, head, table, model in _SONY:
        for seed in range(count):
            rng = random.Random(f"{table} {seed}")
            inner = meanings.Inner((), f"Sony::{table}", "block", "int8u", "LE", 0)
            data = bytearray(made_blocks._data(maker, inner, rng).ljust(2048, b"\1").translate(_PLAIN))
            data[: len(head)] = head
            yield _of_sony(maker, model, [(tag, 7, bytes(data))])
    for seed in range(count):
        rng = random.Random(f"MoreInfo {seed}")
        model = ("DSLR-A550", "SLT-A55V", "NEX-5", "DSLR-A580")[seed % 4]
        tables = {
            1: ("MoreSettings", "int8u"),
            2: ("FaceInfoA" if model == "DSLR-A550" else "FaceInfo", "int16u"),
            0x201: ("MoreInfo0201", "int8u"),
            0x401: ("MoreInfo0401", "int8u"),
        }
        parts = [
            (key, made_blocks._data(maker, meanings.Inner((), f"Sony::{name}", "block", unit, "LE", 0), rng))
            for key, (name, unit) in tables.items()
        ]
        listed, blocks, at = b"", b"", 4 + 4 * len(parts)
        for key, part in parts:
            listed += struct.pack("<HH", key, at + len(blocks))
            blocks += part
        yield _of_sony(
            maker, model, [(0x20, 7, struct.pack("<HH", len(parts), at + len(blocks)) + listed + blocks)]
        )


def _of_sony(maker: Maker, model: str, entries: list[tuple]) -> bytes:
    note = maker.before + directory(entries, _NOTE_AT + len(maker.before), maker.order)
    return photograph(maker.make, model, note, maker.order)


def _photograph(version: bytes, layout: nikon_shot.Layout, rng: random.Random, seed: int) -> bytes:
    choices = _FIRMWARE.get(layout.table, ("1.00a",))
    firmware = choices[seed % len(choices)]
    model = _MODELS.get(layout.table, f"NIKON {layout.table.removeprefix('ShotInfo').rstrip('ab')}")
    values: dict[str, object] = {"FirmwareVersion": firmware, "ShutterMode": 1}
    data = bytearray(_block(f"Nikon::{layout.table}", layout.big_endian, model, values, rng, 0))
    data[:4] = version
    length = layout.lengths[0] if layout.lengths else max(len(data), 2048)
    data = bytearray(bytes(data)[:length].ljust(length, b"\0"))
    secret = decrypt(bytes(data), _SERIAL & 0xFF, _COUNT, 4)
    maker = MAKERS["nikon"]
    entries = [(0x1D, 2, b"%d\0" % _SERIAL), (0x34, 3, [1]), (0x91, 7, secret), (0xA7, 4, [_COUNT])]
    base = (_NOTE_AT if maker.from_note is None else -maker.from_note) + len(maker.before)
    note = maker.before + directory(entries, base, maker.order)
    return photograph(maker.make, model, note, maker.order)


def _block(
    table: str,
    big_endian: bool,  # noqa: FBT001 - of the block
    model: str,
    values: dict[str, object],
    rng: random.Random,
    depth: int,
) -> bytes:
    """The values of a table, with what stands in them and what they point to."""
    order = ">" if big_endian else "<"
    rows = find_table("nikon", table)
    inner = meanings.Inner((), table, "block", "int8u", "BE" if big_endian else "LE", 0)
    data = bytearray(made_blocks._data(MAKERS["nikon"], inner, rng) if rows else bytes(64))
    for key, alternatives in rows.items():
        if isinstance(key, int) and alternatives[0][0] == "FirmwareVersion":
            text = str(values["FirmwareVersion"]).encode()
            data[key : key + len(text) + 1] = text + b"\0"
    if depth == 0 and len(data) < 512:
        data = data.ljust(512, b"\0")
    structures = find_table("structures", table)
    pointers = {
        key
        for key, each in structures.items()
        if isinstance(key, int) and any(row[2] == "pointer" for row in each)
    }
    if depth == 0 and pointers:
        place = _OFFSETS.get(table.partition("::")[2], 36)
        count = (max(pointers) - place) // 4
        data[place : place + 4 + 4 * count] = struct.pack(order + "I", count) + bytes(4 * count)
    for key, each in structures.items():
        chosen = _chosen(each, model, values)
        if chosen is None or not chosen.table or not isinstance(key, int) or depth > _MOST_DEPTH:
            continue
        part = _block(
            chosen.table, chosen.order != "LE" if chosen.order else big_endian, model, values, rng, depth + 1
        )
        if chosen.kind == "pointer":
            data[key : key + 4] = struct.pack(order + "I", len(data))
            data += part
        elif chosen.kind == "block":
            part = part[: chosen.length] if chosen.length else part
            data = bytearray(data.ljust(key + len(part), b"\0"))
            data[key : key + len(part)] = part
    return bytes(data)


def _chosen(rows: list[tuple], model: str, values: dict[str, object]) -> meanings.Inner | None:
    for row in rows:
        inner = meanings.Inner(*row)
        conditions = inner.conditions or ((),)
        for each in conditions:
            about = meanings.About(1, "", b"")
            if meanings.of_camera(each, "NIKON CORPORATION", model) is not None and meanings.holds(
                each, about, values
            ):  # type: ignore[arg-type]
                return inner
    return None
