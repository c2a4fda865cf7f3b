"""Application segments that few cameras, telephones and programs write, told by their marker and their first bytes.

exiftool.org/TagNames/JPEG.html (which names them all), InfiRay.html, Qualcomm.html, DJI.html, HP.html, Stim.html (CIPA DC-006); SPIFF:
ISO/IEC 10918-3 annex F; NITF: MIL-STD-188-198A. Those that have standards of their own are in `jpeg_apps.py`.
"""

from __future__ import annotations

import re
import struct
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import ParseError

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.containers.photo import jpeg_thermal
from extractor_service.formats.containers.photo.jpeg_segment import Segment
from extractor_service.formats.reading import binary, fields, ifd, names
from extractor_service.formats.reading import conversions as conv
from extractor_service.formats.reading.table import Table
from extractor_service.formats.reading.tagset import Conversion

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.document import Document, Value
    from extractor_service.formats.reading.reader import Reader

_MAX_TEXT_BYTES = 1024  # of one value of a text
_MAX_ENTRIES = 2000  # of Qualcomm's list: it has 400
_PICTURE = re.compile(rb"(?:QVGA\0|BGTH)?(?=\xff\xd8\xff[\xdb\xe0\xe1])")
_OCAD = re.compile(rb"\$(\w+):([^\0$]+)")
_HDR = re.compile(rb"(?<!\w)(\w{1,64})=([^,\s]*)")
_QUALITY = re.compile(rb"Q\s*(\d+)")
_QUALCOMM_KINDS = ("int8u", "int8s", "int16u", "int16s", "int32u", "int32s", "float", "double")
_TDHD_FOLDER = 0x10001  # a kind of HP's: more of them inside
_SPIFF_BYTES = 30  # by its standard
_DAYS_TO_1970 = 70 * 365 + 17 + 2  # that Media Jukebox counts from 1899


def _version(value: Value) -> Value:
    return f"{value[0]}.{value[1]:02d}" if isinstance(value, list) and isinstance(value[1], int) else value


_NITF = {
    "NITFVersion": Conversion(_version),
    "ImageFormat": Conversion(lambda value: chr(value & 0xFF) if isinstance(value, int) else value),
    "Flags": Conversion(None, lambda value: f"{value:#x}" if isinstance(value, int) else ""),
}
_SPIFF = {
    "SPIFFVersion": Conversion(
        None, lambda value: ".".join(map(str, value)) if isinstance(value, list) else ""
    )
}


class _Block(NamedTuple):
    """A segment of values at fixed places."""

    mark: bytes
    skipped: int
    table: Table


def _jpeg(
    name: str, section: str, group: str, unit: str = "int8u", conversions: dict[str, Conversion] | None = None
) -> Table:
    return Table(f"containers/JPEG::{name}", section, group, conversions, unit=unit, big_endian=True)


def _date(value: Value) -> Value:
    """Parts that points divide."""
    parts = value.split(".") if isinstance(value, str) else []
    return f"{':'.join(parts[:3])} {':'.join(parts[3:])}" if len(parts) > 3 else value


_QVCI = Table("casio/Casio::QVCI", "makernotes", "Casio", {"DateTimeOriginal": Conversion(_date)})
_BLOCKS: dict[int, tuple[_Block, ...]] = {
    0xE0: (_Block(b"AVI1", 4, _jpeg("AVI1", "app0", "AVI1")),),
    0xE1: (_Block(b"QVCI\0", 0, _QVCI),),
    0xE6: (_Block(b"NITF\0", 5, _jpeg("NITF", "app6", "NITF", conversions=_NITF)),),
    0xED: (_Block(b"Adobe_CM", 8, _jpeg("AdobeCM", "app13", "AdobeCM", "int16u")),),
}
_SPIFF_TABLE = _jpeg("SPIFF", "app8", "SPIFF", conversions=_SPIFF)
_SCALADO = Table("containers/Scalado::Main", "app4", "Scalado", {
    each: Conversion(lambda value: abs(value) if isinstance(value, int) else value)
    for each in ("PreviewImageWidth", "PreviewImageHeight", "PreviewQuality")
})  # fmt: skip
_STIM = Table(
    "containers/Stim::Main",
    "stim",
    "Stim",
    {
        each: Conversion(None, conv.suffixed(" mm"), "mm")
        for each in ("AssumedDisplaySize", "AssumedDistanceView", "ConvergenceDistance")
    },
)
_STIM_CROPS = {
    7: Table("containers/Stim::CropX", "stim", "Stim"),
    8: Table("containers/Stim::CropY", "stim", "Stim"),
}
_QUALCOMM = Table("qualcomm/Qualcomm::Main", "makernotes", "Qualcomm")
_TDHD = Table("others/HP::TDHD", "makernotes", "HP")
_HDR_TABLE = Table("containers/JPEG::HDR", "app11", "JPEG-HDR")
_OCAD_TABLE = Table("containers/JPEG::Ocad", "app0", "Ocad")
_JUKEBOX = Table("containers/JPEG::MediaJukebox", "xml", "MediaJukebox", {
    "Date": Conversion(lambda value: conv.unix_time((value - _DAYS_TO_1970) * 86_400) if isinstance(value, (int, float)) else value),
})  # fmt: skip


def segment(reader: Reader, document: Document, marker: int, offset: int, length: int, data: bytes) -> None:
    """Adds what the segment at `offset` says that begins with `data`; what nobody knows is passed over."""
    told = Segment(reader, document, marker, offset, length)
    for block in _BLOCKS.get(marker, ()):
        if data.startswith(block.mark):
            block.table.block(document, told.data(block.skipped), told.at + block.skipped)
            return
    read = next((read for each, mark, read in _READERS if each == marker and data.startswith(mark)), None)
    if read is not None:
        read(told)
    elif not jpeg_thermal.segment(told, data) and 0xE2 <= marker <= 0xE5:
        found = _PICTURE.match(data)
        if found is not None:
            _picture(told, found.end())


def _is_nobodys(marker: int, head: bytes) -> bool:
    """Whether a segment has none of the names that others begin with."""
    if any(head.startswith(block.mark) for block in _BLOCKS.get(marker, ())):
        return False
    return not any(each == marker and head.startswith(mark) for each, mark, _ in _READERS)


def _picture(told: Segment, start: int) -> None:
    """A preview that goes on in the segments behind."""
    markers = {told.marker} if told.marker == 0xE2 else {0xE3, 0xE4, 0xE5}
    parts = told.parts(markers, _is_nobodys)
    length = sum(size for _, size in parts) - start
    place = told.place(start, length) if len(parts) == 1 else None
    fields.add_binary(told.document, "file", "File", "PreviewImage", length, place)


def _spiff(told: Segment) -> None:
    """The head of a SPIFF file; some writers have two bytes more, which the table counts."""
    data = told.data(6)
    if told.length == _SPIFF_BYTES:
        data = data[:4] + b"\0\0" + data[4:]
    _SPIFF_TABLE.block(told.document, data, None if told.length == _SPIFF_BYTES else told.at + 6)


def _ocad(told: Segment) -> None:
    for key, value in _OCAD.findall(told.data()):
        _OCAD_TABLE.put(told.document, key.decode("latin-1"), _text(value), told.place(0, told.length))


def _text(value: bytes) -> str:
    return value[:_MAX_TEXT_BYTES].decode("latin-1").strip()


def _stim(told: Segment) -> None:
    """A directory, as TIFF has them (CIPA DC-006, 4.3)."""
    directories = ifd.Directories.at(told.reader.source, told.at + 6, told.length - 6)
    big_endian = directories.reader.big_endian
    for entry in directories.read(directories.first).entries:
        place = ByteRange(told.at + 6 + entry.offset, entry.size_bytes)
        crop = _STIM_CROPS.get(entry.tag)
        if crop is not None:
            data = directories.reader.exact(entry.offset, min(entry.size_bytes, 64))
            crop.block(told.document, data, place.offset_bytes, big_endian=big_endian)
        elif entry.kind in ifd.SIZES and entry.tag in _STIM.tags:
            told.document.spend(min(entry.size_bytes, _MAX_TEXT_BYTES))
            _STIM.put(told.document, entry.tag, directories.value(entry, _MAX_TEXT_BYTES), place)


def _print_matching(told: Segment) -> None:
    """Toshiba's: a directory of one entry."""
    from extractor_service.formats.embedded import printim  # noqa: PLC0415 - rare

    directories = ifd.Directories.at(told.reader.source, told.at + 6, told.length - 6)
    for entry in directories.read(directories.first).entries:
        if entry.tag == 0xC4A5:
            head = directories.reader.some(entry.offset, 16)
            printim.parse(head, told.document, told.at + 6 + entry.offset)


def _scalado(told: Segment) -> None:
    """Behind its head, entries of a name, a version and a word, up to the length that one of them has."""
    data, offset = told.data(16), 0
    end = len(data)
    while offset + 12 <= end:
        key, version = (
            data[offset : offset + 4].decode("latin-1"),
            int.from_bytes(data[offset + 4 : offset + 8]),
        )
        value = int.from_bytes(data[offset + 8 : offset + 12], signed=True)
        if value:
            _SCALADO.put(told.document, key, value, told.place(16 + offset + 8, 4))
        if key == "SPMO":
            end = min(end, end - value if version < 5 else value + 12)
        offset += 12


def _tdhd(told: Segment) -> None:
    data, waiting = told.data(), [(12, told.length)]
    for _ in range(_MAX_ENTRIES):
        if not waiting:
            return
        offset, end = waiting.pop()
        if offset + 12 > end:
            continue
        key, kind, size = struct.unpack_from("<4sII", data, offset)
        offset += 12
        if offset + size > end:
            continue
        waiting.append((offset + size, end))
        if kind == _TDHD_FOLDER:
            waiting.append((offset, offset + size))
        elif size <= _MAX_TEXT_BYTES:
            text = data[offset : offset + size].split(b"\0")[0].decode("latin-1")
            _TDHD.put(told.document, key.decode("latin-1"), text, told.place(offset, size))


def _qualcomm(told: Segment) -> None:
    """Named values: their lengths, the name, a type, two counts, the value."""
    data, offset = told.data(), 27
    for _ in range(_MAX_ENTRIES):
        if offset + 4 > len(data):
            return
        size, named = int.from_bytes(data[offset : offset + 2], "little"), data[offset + 2]
        if offset + 8 + named + size > len(data):
            return
        key = data[offset + 3 : offset + 3 + named].decode("latin-1")
        offset += 3 + named
        kind = data[offset]
        offset += 5
        name = _QUALCOMM_KINDS[kind] if kind < len(_QUALCOMM_KINDS) else ""
        if name and size >= binary.CODES[name][1]:
            value = binary.read(data, offset, name, size // binary.CODES[name][1], big_endian=False)
            _QUALCOMM.put(told.document, key, value, told.place(offset, size), name=partial(names.kept, key))
        offset += size


def _dual_camera(told: Segment) -> None:
    """Lines of a name and a value."""
    table = Table("qualcomm/Qualcomm::DualCamera", "makernotes", "Qualcomm")
    for line in told.data(31).split(b"\n")[:_MAX_ENTRIES]:
        key, sign, value = line.partition(b"=")
        if sign:
            table.put(
                told.document,
                _text(key),
                _text(value),
                told.place(0, told.length),
                name=partial(names.kept, _text(key)),
            )


def _unique_id(told: Segment) -> None:
    value = told.data(11)[:32]
    document = told.document
    document.add(
        "makernotes", Field("UniqueID", value.hex(), group="Samsung", origin=told.place(11, len(value)))
    )


def _jukebox(told: Segment) -> None:
    from extractor_service.formats.embedded import xmp  # noqa: PLC0415

    try:
        root = xmp.tree(xmp.decoded(told.data(22).rstrip(b"\0")))
    except ParseError as error:
        told.document.problem("xml", ProblemKind.DAMAGED, f"Media Jukebox: {error}", told.at)
        return
    for child in root:
        text = (child.text or "").strip()
        if isinstance(child.tag, str) and text:
            value: Value = int(text) if child.tag == "Date" and text.isdigit() else text
            _JUKEBOX.put(told.document, child.tag, value, told.place(22, told.length - 22))


def _comment(told: Segment) -> None:
    """A comment in two bytes a letter, of PhotoStudio."""
    text = told.data(8).decode("utf-16-be", "replace").rstrip("\0")
    told.document.add("file", Field("Comment", text, group="APP10", origin=told.place(8, told.length - 8)))


def _hdr(told: Segment) -> None:
    """JPEG-HDR: lines of names and values, then the picture of the ratios, over several segments."""
    if any(field.group == "JPEG-HDR" for field in told.document.sections.get("app11", ())[:1]):
        return  # a segment of the picture's
    data = told.data()
    end = data.find(b"~\0")
    if end < 0:
        return
    for key, value in _HDR.findall(data[7:end]):
        name = key.decode("latin-1")
        shown = value[:_MAX_TEXT_BYTES].decode("latin-1")
        _HDR_TABLE.put(told.document, name, shown, told.place(7, end - 7), name=partial(names.kept, name))
    length = told.length - end - 2
    for offset, size in told.parts({told.marker}, lambda _, head: head.startswith(b"HDR_RI "))[1:]:
        part = told.reader.exact(offset, min(size, 4096))
        length += size - max(0, part.find(b"~\0") + 2)
    if length > 0:
        fields.add_binary(told.document, "app11", "JPEG-HDR", "RatioImage", length, None)


def _graphic_converter(told: Segment) -> None:
    found = _QUALITY.fullmatch(told.data()[:8].rstrip(b"\0"))
    if found is not None:
        place = told.place(0, told.length)
        told.document.add("app15", Field("Quality", int(found[1]), group="GraphConv", origin=place))


def _gain(told: Segment) -> None:
    """Gains for bright screens, as some telephones have them: how many, in the order of bytes in which they fit, and words."""
    size, document = told.data(6)[:4], told.document
    count = int.from_bytes(size)
    if 4 * count + 10 > told.length:
        count = int.from_bytes(size, "little")
    if 4 * count + 10 <= told.length:
        document.add("app10", Field("HDRGainCurveSize", count, group="AROT", origin=told.place(6, 4)))
        fields.add_binary(document, "app10", "AROT", "HDRGainCurve", 4 * count, told.place(10, 4 * count))


def _thermal(told: Segment) -> None:
    fields.add_binary(
        told.document, "app1", "Parrot", "RawThermalImage", told.length - 7, told.place(7, told.length - 7)
    )


def _name(told: Segment) -> None:
    text = told.data()[:_MAX_TEXT_BYTES].split(b"\0")[0].decode("latin-1")
    told.document.add(
        "jpeg", Field("UniformResourceName", text, group="APP2", origin=told.place(0, told.length))
    )


_READERS: tuple[tuple[int, bytes, Callable[[Segment], None]], ...] = (
    (0xE0, b"Ocad", _ocad), (0xE1, b"PARROT\0", _thermal), (0xE2, b"urn:", _name), (0xE3, b"Stim\0", _stim), (0xE4, b"SCALADO\0", _scalado),
    (0xE4, b"Qualcomm Dual Camera Attributes", _dual_camera), (0xE5, b"ssuniqueid\0", _unique_id), (0xE6, b"EPPIM\0", _print_matching),
    (0xE8, b"SPIFF\0", _spiff), (0xE6, b"TDHD\1\0\0\0", _tdhd), (0xE7, b"\x1aQualcomm Camera Attributes", _qualcomm), (0xE9, b"Media Jukebox\0", _jukebox),
    (0xEA, b"UNICODE\0", _comment), (0xEA, b"AROT\0\0", _gain), (0xEB, b"HDR_RI ", _hdr), (0xEF, b"Q", _graphic_converter),
)  # fmt: skip
