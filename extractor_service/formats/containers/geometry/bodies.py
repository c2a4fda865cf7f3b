"""Bodies: STL, PLY and binary glTF. 3D Systems, STL (1989); Turk, "The PLY Polygon File Format"; Khronos, glTF 2.0."""

from __future__ import annotations

import json
import math
import re
import struct
from typing import TYPE_CHECKING, Any

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.text.lines import text_of
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "geometry"
_MOST_BYTES = 16 * 1024 * 1024  # of a body, to measure it
_MOST_JSON_BYTES = 8 * 1024 * 1024  # parsed: ten times that in a worker
_FACET_BYTES, _WINDOW = 50, 50 * 10_000
_VERTEX = re.compile(rb"vertex[ \t]+([-+.\deE]{1,40})[ \t]+([-+.\deE]{1,40})[ \t]+([-+.\deE]{1,40})")


def _put(document: Document, name: str, value: Value, group: str, at: int = 0, size: int = 0) -> None:
    document.add(SECTION, Field(name, value, group=group, origin=ByteRange(at, size) if size else None))


@tolerant(SECTION)
def parse_stl(source: ByteSource, document: Document) -> None:
    """Triangles, size, and the name; binary where the length says so, whatever it begins with."""
    reader = Reader(source, big_endian=False)
    head = reader.some(0, 84)
    count = int.from_bytes(head[80:84], "little") if len(head) == 84 else -1
    if count >= 0 and 84 + count * _FACET_BYTES == reader.length:
        _put(document, "Encoding", "binary", "STL")
        text = head[:80].rstrip(b"\0 ").decode("latin-1")
        if text:
            _put(document, "Header", text, "STL", 0, 80)
        _put(document, "Triangles", count, "STL", 80, 4)
        if reader.length <= _MOST_BYTES and count:
            _bounds(_binary_points(reader, count), document, "STL")
        return
    if not head.lstrip().startswith(b"solid"):
        if count > 0 and 84 + count * _FACET_BYTES > reader.length > 84:
            _put(document, "Encoding", "binary", "STL")
            _put(document, "Triangles", count, "STL", 80, 4)
            document.problem(
                SECTION,
                ProblemKind.TRUNCATED,
                f"{count} triangles are stated, {(reader.length - 84) // 50} are there",
                80,
            )
            return
        raise CorruptFileError("no STL header")
    data = reader.some(0, _MOST_BYTES)
    _put(document, "Encoding", "ASCII", "STL")
    name = data.partition(b"\n")[0].strip()[5:].strip().decode("utf-8", "replace")
    if name:
        _put(document, "Name", name, "STL", 0, len(name) + 6)
    if len(data) < reader.length:
        document.problem(SECTION, ProblemKind.LIMIT, f"{len(data)} of {reader.length} bytes were read")
        return
    _put(document, "Triangles", len(re.findall(rb"endfacet", data)), "STL")
    _put(document, "Solids", len(re.findall(rb"(?m)^[ \t]*solid\b", data)), "STL")
    low, high = [math.inf] * 3, [-math.inf] * 3
    for found in _VERTEX.finditer(data):
        point = [float(each) for each in found.groups()]
        low, high = [*map(min, low, point)], [*map(max, high, point)]
    if low[0] <= high[0]:
        _bounds([(low[0], low[1], low[2]), (high[0], high[1], high[2])], document, "STL")


def _binary_points(reader: Reader, count: int) -> list[tuple[float, float, float]]:
    """The two opposite corners of what each window of triangles spans."""
    corners: list[tuple[float, float, float]] = []
    for at in range(84, 84 + count * _FACET_BYTES, _WINDOW):
        data = reader.some(at, _WINDOW)
        points = [
            (x, y, z)
            for facet in struct.iter_unpack("<12x9f2x", data[: len(data) // _FACET_BYTES * _FACET_BYTES])
            for x, y, z in (facet[0:3], facet[3:6], facet[6:9])
        ]
        if points:
            corners += [tuple(map(min, *points, points[0])), tuple(map(max, *points, points[0]))]
    return corners


def _bounds(points: list[tuple[float, float, float]], document: Document, group: str) -> None:
    if not points:
        return
    low, high = (
        [min(axis) for axis in zip(*points, strict=True)],
        [max(axis) for axis in zip(*points, strict=True)],
    )
    if all(abs(each) < 1e30 for each in (*low, *high)):
        _put(document, "BoundsMinimum", [*low], group)
        _put(document, "BoundsMaximum", [*high], group)
        _put(document, "Size", [top - bottom for bottom, top in zip(low, high, strict=True)], group)


@tolerant(SECTION)
def parse_ply(source: ByteSource, document: Document) -> None:
    """The header: format, comments, elements with their properties."""
    data = Reader(source).some(0, 64 * 1024)
    if not data.startswith(b"ply"):
        raise CorruptFileError("no PLY header")
    end = data.find(b"end_header")
    if end < 0:
        document.problem(SECTION, ProblemKind.TRUNCATED, "the header has no end")
    comments: list[Value] = []
    elements: list[tuple[str, int, list[Value]]] = []
    for line in data[: end if end >= 0 else len(data)].decode("utf-8", "replace").splitlines()[1:]:
        words = line.split()
        if not words:
            continue
        if words[0] == "format" and len(words) > 2:
            _put(document, "Encoding", words[1], "PLY")
            _put(document, "FormatVersion", words[2], "PLY")
        elif words[0] in {"comment", "obj_info"}:
            comments.append(line.partition(" ")[2].strip())
        elif words[0] == "element" and len(words) > 2:
            elements.append((words[1], int(words[2]), []))
        elif words[0] == "property" and elements:
            elements[-1][2].append(" ".join(words[1:]))
    if comments:
        _put(document, "Comments", comments[:100], "PLY")
    for name, count, properties in elements:
        _put(document, f"{name[:1].upper()}{name[1:40]}Count", count, "PLY")
        document.add(SECTION, Field("Element", Struct((("Name", name), ("Count", count), ("Properties", properties))), group="PLY"))  # fmt: skip


@tolerant(SECTION)
def parse_gltf(source: ByteSource, document: Document) -> None:
    """The JSON of a text or of a binary file: asset, counts, extensions, bounds of the positions."""
    reader = Reader(source, big_endian=False)
    if reader.some(0, 4) == b"glTF":
        version, length, json_bytes, kind = reader.unpack("IIII", 4)
        _put(document, "GLBVersion", version, "glTF", 4, 4)
        if length > reader.length:
            document.problem(
                SECTION, ProblemKind.TRUNCATED, f"the file has {reader.length} of {length} bytes", 8
            )
        if kind != 0x4E4F534A:
            raise CorruptFileError("the first chunk is no JSON")
        if json_bytes > _MOST_JSON_BYTES:
            document.problem(SECTION, ProblemKind.LIMIT, f"JSON of {json_bytes} bytes isn't read", 12)
            return
        if 20 + json_bytes + 8 <= reader.length:
            _put(document, "BinarySize", reader.u32(20 + json_bytes), "glTF", 20 + json_bytes, 4)
        text = reader.exact(20, json_bytes).decode("utf-8", "replace")
    else:
        text, is_whole = text_of(source, _MOST_JSON_BYTES)
        if not is_whole:
            document.problem(SECTION, ProblemKind.LIMIT, f"JSON of {source.size_bytes} bytes isn't read")
            return
    add_gltf(json.loads(text), document)


def add_gltf(told: Any, document: Document) -> None:
    """Adds what the JSON says."""
    try:
        _gltf(told, document)
    except AttributeError as error:
        raise ValueError(f"not as glTF has it: {error}") from error


def _gltf(told: Any, document: Document) -> None:
    asset = told.get("asset", {})
    for key in ("version", "minVersion", "generator", "copyright"):
        if isinstance(asset.get(key), str):
            _put(document, f"Asset{key[:1].upper()}{key[1:]}", asset[key][:2000], "glTF")
    extras = asset.get("extras")
    for key in ("title", "author", "license", "source"):
        if isinstance(extras, dict) and isinstance(extras.get(key), str):
            _put(document, key.capitalize(), extras[key][:2000], "glTF")
    for key in ("scenes", "nodes", "meshes", "materials", "textures", "images", "animations", "skins", "cameras", "accessors", "buffers"):  # fmt: skip
        if isinstance(told.get(key), list):
            _put(document, key.capitalize(), len(told[key]), "glTF")
    for key in ("extensionsUsed", "extensionsRequired"):
        if isinstance(told.get(key), list):
            _put(document, key[:1].upper() + key[1:], [str(each)[:200] for each in told[key][:100]], "glTF")
    accessors = told.get("accessors") or []
    places = {
        primitive.get("attributes", {}).get("POSITION")
        for mesh in (told.get("meshes") or [])[:10_000]
        for primitive in mesh.get("primitives", [])
    }
    boxes = [accessors[each] for each in places if isinstance(each, int) and 0 <= each < len(accessors)]
    _put(document, "Vertices", sum(each.get("count", 0) for each in boxes), "glTF")
    corners = [tuple(each[key]) for each in boxes for key in ("min", "max") if len(each.get(key, [])) == 3]
    _bounds(corners, document, "glTF")
