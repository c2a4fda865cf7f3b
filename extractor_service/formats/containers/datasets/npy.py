"""NumPy's arrays: type, shape and order of one array, or of each in a .npz. numpy.org, "NEP 1" and numpy.lib.format."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.archives import zip as zip_archive
from extractor_service.formats.containers.archives.zip_directory import Directory
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.shapes import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "numpy"
_MAGIC = b"\x93NUMPY"
_MOST_HEADER_BYTES = 128 * 1024  # of a structured type with thousands of columns
_COST = 10  # what a byte of a literal costs, against one of a structure
_MOST_DEPTH = 40  # of brackets: deeper ones exhaust Python's own parser
_MOST_ARRAYS = 500  # of a .npz
_TEXT = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_SIMPLE = re.compile(r"[<>|=]?([a-zA-Z])(\d*)(?:\[\w+\])?")
_UNITS = {"U": 4, "?": 1}  # bytes of one of the count that the type says; others say bytes


class _Header(NamedTuple):
    version: str
    descr: object
    fortran_order: bool
    shape: tuple[int, ...]
    end: int


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The array's header; nothing of it is evaluated but literals, and objects are named, never loaded."""
    reader = Reader(source)
    told = _header(lambda size: reader.exact(0, size), document)

    def put(name: str, value: Value) -> None:
        document.add(SECTION, Field(name, value, group="Array", origin=ByteRange(0, told.end)))

    put("FormatVersion", told.version)
    for name, value in _facts(told):
        put(name, value)
    width = width_of(told.descr)
    if width is None:
        document.add(SECTION, Field("Objects", None, "pickled: they are named, never loaded", group="Array"))
        return
    stated = count_of(told.shape) * width
    put("DataSize", stated)
    if told.end + stated > reader.length:
        document.problem(SECTION, ProblemKind.TRUNCATED, f"{stated} bytes of data are stated, {reader.length - told.end} are there", told.end)  # fmt: skip


def parse_npz(source: ByteSource, document: Document) -> None:
    """The archive, and the header of each array in it."""
    zip_archive.parse(source, document)
    with Surviving(document, SECTION, "the arrays"):
        archive = Directory(Reader(source), document, SECTION)
        arrays = [each for each in archive.members if each.name.endswith(".npy")]
        archive.prefetch(
            each._replace(compressed_bytes=min(each.compressed_bytes, 256)) for each in arrays[:_MOST_ARRAYS]
        )
        for each in arrays[:_MOST_ARRAYS]:
            with Surviving(document, SECTION, each.name[:200]):
                told = _header(lambda size, each=each: archive.content(each, size), document)  # type: ignore[misc]
                entries = tuple(_facts(told))
                document.add(SECTION, Field(each.name.removesuffix(".npy"), Struct(entries), group="Arrays"))
        if len(arrays) > _MOST_ARRAYS:
            document.problem(
                SECTION, ProblemKind.LIMIT, f"{len(arrays)} arrays: {_MOST_ARRAYS} are described"
            )


def _header(read: Callable[[int], bytes], document: Document) -> _Header:
    """The header by `read`, which gives as many first bytes as it is asked for."""
    head = read(12)
    if head[:6] != _MAGIC:
        raise CorruptFileError("no header of NumPy")
    major, minor = head[6], head[7]
    begin = 10 if major == 1 else 12
    size = int.from_bytes(head[8:begin], "little")
    if size > _MOST_HEADER_BYTES:
        raise ValueError(f"a header of {size} bytes")
    document.spend(_COST * size)
    text = read(begin + size)[begin:].decode("utf-8" if major >= 3 else "latin-1")
    told = _literal(text)
    shape, descr = told.get("shape"), told.get("descr")
    if not isinstance(shape, tuple):
        raise ValueError(f"a shape of {shape!r:.100}")  # noqa: TRY004 - damage, as the others
    count_of(shape)
    return _Header(f"{major}.{minor}", descr, told.get("fortran_order") is True, shape, begin + size)


def _literal(text: str) -> dict[str, object]:
    depth = most = 0
    for letter in _TEXT.sub("", text):
        depth += (letter in "([{") - (letter in ")]}")
        most = max(most, depth)
    if most > _MOST_DEPTH:
        raise ValueError(f"a header nested {most} deep")
    try:
        told = _evaluated(text)
    except (SyntaxError, MemoryError) as error:
        raise ValueError(f"the header is no literal: {text[:80]!r}") from error
    if not isinstance(told, dict):
        raise ValueError("the header is no dictionary")  # noqa: TRY004 - damage, as the others
    return told


def _evaluated(text: str) -> object:
    try:
        return ast.literal_eval(text.strip())
    except SyntaxError:  # writers on Python 2 wrote 10L
        return ast.literal_eval(re.sub(r"(\d)L\b", r"\1", text).strip())


def _facts(told: _Header) -> Iterator[tuple[str, Value]]:
    yield "Type", _type(told.descr)
    if not isinstance(told.descr, str) and isinstance(told.descr, list):
        columns: list[Value] = [_column(each) for each in told.descr]
        yield "Columns", columns
    yield "Shape", [*told.shape]
    yield "Order", "Fortran" if told.fortran_order else "C"


def _type(descr: object) -> str:
    return descr if isinstance(descr, str) else "structured" if isinstance(descr, list) else "object"


def _column(each: object) -> Struct:
    if not isinstance(each, tuple) or len(each) not in {2, 3}:
        raise ValueError(f"a column {each!r:.100}")
    name = each[0][1] if isinstance(each[0], tuple) and len(each[0]) == 2 else each[0]
    entries: list[tuple[str, Value]] = [("name", str(name)), ("type", _type(each[1]))]
    if isinstance(each[1], list):
        entries.append(("columns", [_column(inner) for inner in each[1]]))
    if len(each) == 3 and isinstance(each[2], tuple):
        count_of(each[2])
        entries.append(("shape", [*each[2]]))
    return Struct(tuple(entries))


def width_of(descr: object) -> int | None:
    """Bytes of one element; None for Python's objects, whose size nobody knows."""
    if isinstance(descr, str):
        found = _SIMPLE.fullmatch(descr.replace("?", "b1"))
        if found is None or found[1] == "O":
            return None
        return int(found[2] or 1) * _UNITS.get(found[1], 1)
    if isinstance(descr, tuple) and len(descr) == 2 and isinstance(descr[1], tuple):
        inner = width_of(descr[0])
        return None if inner is None else inner * count_of(descr[1])
    if not isinstance(descr, list):
        return None
    total = 0
    for each in descr:
        inner = width_of(each[1])
        if inner is None:
            return None
        total += inner * (count_of(each[2]) if len(each) == 3 else 1)
    return total
