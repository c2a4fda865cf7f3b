"""Metadata items of films: keys and their values, iTunes' list. Apple, "QuickTime File Format", "Metadata atoms"; well-known types, table 3-5."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, ProblemKind
from extractor_service.formats.containers.isobmff.values import CONVERSIONS, part_of
from extractor_service.formats.embedded import xmp
from extractor_service.formats.reading import binary, boxes, charsets, fields, names
from extractor_service.formats.reading.damage import Surviving
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.boxes import Box
    from extractor_service.formats.reading.reader import Reader

SECTION = "quicktime"
_MOST_ITEMS = 5000  # of a list: the longest known has 200
_MOST_TEXT_BYTES = 1024 * 1024  # of a value: lyrics and descriptions take less, pictures are not read
_HANDLER = Table("containers/QuickTime::Handler", SECTION, "Meta")
_LIST = Table("film/QuickTime::ItemList", SECTION, "ItemList", CONVERSIONS)
_KEYS = Table("film/QuickTime::Keys", SECTION, "Keys", CONVERSIONS)
_AUDIO_KEYS = Table("film/QuickTime::AudioKeys", SECTION, "Keys", CONVERSIONS)
_VIDEO_KEYS = Table("film/QuickTime::VideoKeys", SECTION, "Keys", CONVERSIONS)
_TEXTS = Table("film/QuickTime::UserData", SECTION, "Keys", CONVERSIONS)
_ITUNES = Table("film/QuickTime::iTunesInfo", SECTION, "iTunes", CONVERSIONS)
_ENCODING = Table("film/QuickTime::EncodingParams", SECTION, "iTunes")
_PARAMETERS = "Encoding Params"
_APPLE = re.compile(r"^com\.(apple\.quicktime\.)?")
_KEY_WORDS = re.compile(r"[. ]+(.?)")
_UTF8, _UTF16, _SHIFT_JIS = {1, 4}, {2, 5}, {3}
_PICTURES = {13, 14, 27}
_SIGNED, _UNSIGNED = {21, 65, 66, 67, 74}, {22, 75, 76, 77, 78}
_PARTS = frozenset({"trkn", "disk"})  # a number of how many


class Key(NamedTuple):
    """What an item's number stands for."""

    space: str
    name: str


def meta(reader: Reader, document: Document, box: Box, group: str) -> None:
    """Adds what a meta box says: handler, keys, items, XML. In QuickTime's own form it has no version before its boxes."""
    start = box.offset
    if box.length >= 12 and reader.exact(start + 4, 4) != b"hdlr":
        start += 4
    keys: list[Key] = []
    handler = ""
    for inner in boxes.walk(reader, start, box.offset + box.length):
        with Surviving(document, SECTION, "box", reader.base + inner.offset, inner.kind):
            if inner.kind == b"hdlr":
                handler = _handler(reader, document, inner)
            elif inner.kind == b"keys":
                keys = _keys(reader, inner)
            elif inner.kind == b"ilst":
                _items(reader, document, inner, keys, group if keys or handler == "mdta" else "ItemList")
            elif inner.kind == b"xml ":
                _xml(reader, document, inner)
            elif inner.kind == b"uuid" and reader.some(inner.offset, 16) == boxes.XMP_UUID:
                place = ByteRange(reader.base + inner.offset + 16, inner.length - 16)
                xmp.parse(reader.exact(inner.offset + 16, inner.length - 16), document, place)


def _handler(reader: Reader, document: Document, box: Box) -> str:
    data = reader.exact(box.offset, min(box.length, 280))
    for key in (4, 8, 12):
        code = data[key : key + 4].decode("latin-1")
        tag = _HANDLER.tags.get(key)
        if tag is not None and (key == 8 or code != "\0\0\0\0"):
            fields.add(document, SECTION, "Meta", tag, code, ByteRange(reader.base + box.offset + key, 4))
    name = data[24:].split(b"\0")[0].decode("utf-8", "replace")
    if name:
        _HANDLER.put(
            document,
            24,
            name,
            ByteRange(reader.base + box.offset + 24, len(name)),
            name=lambda: "HandlerDescription",
        )
    return data[8:12].decode("latin-1")


def _xml(reader: Reader, document: Document, box: Box) -> None:
    from extractor_service.formats.embedded import plain_xml  # noqa: PLC0415 - rare

    if 4 < box.length <= _MOST_TEXT_BYTES:
        data = reader.exact(box.offset + 4, box.length - 4)
        plain_xml.parse(data, document, "the XML box", ByteRange(reader.base + box.offset + 4, len(data)))


def _keys(reader: Reader, box: Box) -> list[Key]:
    count = min(reader.u32(box.offset + 4), _MOST_ITEMS)
    found, at = [], box.offset + 8
    for _ in range(count):
        if at + 8 > box.offset + box.length:
            break
        size = reader.u32(at)
        if size < 8:
            break
        space = reader.exact(at + 4, 4).decode("latin-1")
        text = reader.exact(at + 8, min(size - 8, 512)).split(b"\0")[0].decode("utf-8", "replace")
        found.append(Key(space, text))
        at += size
    return found


def _items(reader: Reader, document: Document, box: Box, keys: list[Key], group: str) -> None:
    for count, item in enumerate(boxes.walk(reader, box.offset, box.offset + box.length)):
        if count > _MOST_ITEMS:
            document.problem(
                SECTION, ProblemKind.LIMIT, f"more than {_MOST_ITEMS} items", reader.base + item.offset
            )
            break
        with Surviving(document, SECTION, "item", reader.base + item.offset, item.kind):
            index = int.from_bytes(item.kind)
            if item.kind == b"----":
                _named(reader, document, item)
            elif 0 < index <= len(keys):
                _keyed(reader, document, item, keys[index - 1], group)
            else:
                _listed(reader, document, item)


def _listed(reader: Reader, document: Document, item: Box) -> None:
    key = boxes.name_of(item.kind)
    for value, origin in _data(reader, item, _LIST, key):
        if value is None:
            _picture(document, _LIST, key, origin)
        else:
            _LIST.put(document, key, value, origin)


def _keyed(reader: Reader, document: Document, item: Box, key: Key, group: str) -> None:
    """By the key's name without Apple's prefix, in the tables of keys, items and user data; else by a name made of it."""
    short = _APPLE.sub("", key.name, count=1) if key.space == "mdta" else key.name
    tables = (_AUDIO_KEYS if group == "Audio" else _VIDEO_KEYS, _KEYS, _LIST, _TEXTS)
    table, identity = next(
        ((table, name) for name in (short, key.name) for table in tables if name in table.tags),
        (_KEYS, short),
    )
    for value, origin in _data(reader, item, table, identity):
        if value is None:
            _picture(document, table, identity, origin)
        else:
            table.put(document, identity, value, origin, name=lambda: key_name(short), group="Keys")


def key_name(text: str) -> str:
    """The field of a key that no table has: "camera.lens_model" is "CameraLens_Model"."""
    name = re.sub(r"[^-\w. ]", "", text[:100], flags=re.ASCII)
    name = name[:1].upper() + name[1:]
    name = _KEY_WORDS.sub(lambda found: found[1].upper(), name)
    name = re.sub(r"_([a-z])", lambda found: f"_{found[1].upper()}", name)
    name = re.sub(r"([a-z])_([A-Z])", r"\1\2", name)
    return name if len(name) > 1 else f"Tag_{name}"


def _named(reader: Reader, document: Document, item: Box) -> None:
    """Items of a maker: their domain, their name, their value."""
    domain = name = ""
    found: list[Box] = []
    for inner in boxes.walk(reader, item.offset, item.offset + item.length):
        if inner.kind in {b"mean", b"name"}:
            text = (
                reader.exact(inner.offset + 4, min(inner.length - 4, 512))
                .split(b"\0")[0]
                .decode("utf-8", "replace")
            )
            domain, name = (text, name) if inner.kind == b"mean" else (domain, text)
        elif inner.kind == b"data" and inner.length >= 8:
            found.append(inner)
    identity = name or domain
    if identity == _PARAMETERS and found:
        _encoding_parameters(
            document,
            reader.exact(found[0].offset + 8, min(found[0].length - 8, 4096)),
            reader.base + found[0].offset + 8,
        )
        return
    told = [_value(reader, each, _ITUNES, identity) for each in found]
    if len(told) > 1 and all(isinstance(value, str) for value, _ in told):
        _ITUNES.put(
            document, identity, [value for value, _ in told], told[0][1], name=lambda: names.spoken(identity)
        )
        return
    for value, origin in told:
        if value is None:
            _picture(document, _ITUNES, identity, origin)
        else:
            _ITUNES.put(document, identity, value, origin, name=lambda: names.spoken(identity))


def _encoding_parameters(document: Document, data: bytes, at: int) -> None:
    """How iTunes encoded: pairs of a name and a number."""
    for place in range(0, len(data) - 7, 8):
        key, value = boxes.name_of(data[place : place + 4]), int.from_bytes(data[place + 4 : place + 8])
        shown: Value = f"{value >> 16}.{value >> 8 & 255}.{value & 255}" if key == "cdcv" else value
        _ENCODING.put(document, key, shown, ByteRange(at + place, 8))


def _picture(document: Document, table: Table, key: str, origin: ByteRange) -> None:
    tag = table.tags.get(key)
    if tag is None or not tag.hidden:
        name = tag.name if tag is not None else key_name(key)
        fields.add_binary(document, SECTION, table.group, name, origin.length_bytes, origin)


def _data(reader: Reader, item: Box, table: Table, key: str) -> list[tuple[Value, ByteRange]]:
    """The values of an item; None for bytes."""
    return [
        _value(reader, inner, table, key)
        for inner in boxes.walk(reader, item.offset, item.offset + item.length)
        if inner.kind == b"data" and inner.length >= 8
    ]


def _value(reader: Reader, box: Box, table: Table, key: str) -> tuple[Value, ByteRange]:
    kind = reader.u32(box.offset) & 0xFFFFFF
    at, length = box.offset + 8, box.length - 8
    origin = ByteRange(reader.base + at, length)
    tag = table.tags.get(key)
    if kind in _PICTURES or length > _MOST_TEXT_BYTES or (tag is not None and tag.binary):
        return None, origin
    data = reader.exact(at, length)
    if kind in _UTF8:
        return str(charsets.text(data.rstrip(b"\0"))), origin
    if kind in _UTF16:
        return data.decode("utf-16-be", "replace").rstrip("\0"), origin
    if kind in _SHIFT_JIS:
        return data.decode("shift_jis", "replace").rstrip("\0"), origin
    if key in _PARTS:
        return part_of(data), origin
    if key == "gnre":
        return int.from_bytes(data[:2]) if len(data) >= 2 else None, origin
    if kind in _SIGNED or kind in _UNSIGNED:
        return int.from_bytes(data, signed=kind in _SIGNED) if length in {1, 2, 3, 4, 8} else None, origin
    if kind == 23 and length == 4:
        return struct.unpack(">f", data)[0], origin
    if kind == 24 and length == 8:
        return struct.unpack(">d", data)[0], origin
    if kind in {70, 71, 72} and length in {8, 16}:
        return list(struct.unpack(f">{length // 4}f", data)), origin
    return _by_tag(data, tag.kind if tag is not None else ""), origin


def _by_tag(data: bytes, kind: str) -> Value:
    """Of no stated type: as the table has it, or a number where it is as short as one."""
    if kind in binary.CODES and kind not in {"string", "undef", "binary"}:
        width = binary.CODES[kind][1]
        return binary.read(data, 0, kind, max(1, len(data) // width), big_endian=True)
    if kind == "string" and data:
        return str(charsets.text(data.rstrip(b"\0")))
    return int.from_bytes(data) if len(data) in {1, 2} else None
