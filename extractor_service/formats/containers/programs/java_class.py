"""Java classes: version, names, counts. The Java Virtual Machine Specification, Java SE 21, chapter 4."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.programs import facts
from extractor_service.formats.containers.programs.facts import add
from extractor_service.formats.reading.damage import tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_MOST_BYTES = 4 * 1024 * 1024  # a class has 65,535 constants and methods at most
_SIZES = {
    3: 4,
    4: 4,
    5: 8,
    6: 8,
    7: 2,
    8: 2,
    9: 4,
    10: 4,
    11: 4,
    12: 4,
    15: 3,
    16: 2,
    17: 4,
    18: 4,
    19: 2,
    20: 2,
}
_FLAGS = ((0x0001, "public"), (0x0010, "final"), (0x0200, "interface"), (0x0400, "abstract"), (0x1000, "synthetic"), (0x2000, "annotation"), (0x4000, "enum"), (0x8000, "module"))  # fmt: skip


@tolerant(facts.SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """What the class is called, extends, implements, and how many members it has."""
    data = Reader(source).some(0, _MOST_BYTES)
    if data[:4] != b"\xca\xfe\xba\xbe":
        raise CorruptFileError("no class header")
    minor, major, count = struct.unpack_from(">HHH", data, 4)
    java = f"Java {major - 44}" if major >= 49 else f"Java 1.{major - 44}"
    add(document, "ClassVersion", f"{major}.{minor}", java, 4)
    add(document, "ConstantCount", count - 1, at=8, size=2)
    constants, at = _constants(data, count)
    flags, this, above, interfaces = struct.unpack_from(">HHHH", data, at)
    add(document, "AccessFlags", flags, ", ".join(label for bit, label in _FLAGS if flags & bit), at, 2)

    def name(index: int) -> str:
        inner = constants.get(index)
        text = constants.get(inner) if isinstance(inner, int) else None
        return text.replace("/", ".") if isinstance(text, str) else ""

    add(document, "ClassName", name(this))
    if above:
        add(document, "SuperClass", name(above))
    at += 8
    listed: list[Value] = [name(each) for each in struct.unpack_from(f">{interfaces}H", data, at)]
    if listed:
        add(document, "Interfaces", listed)
    at += 2 * interfaces
    for shown in ("FieldCount", "MethodCount"):
        number = struct.unpack_from(">H", data, at)[0]
        add(document, shown, number, at=at, size=2)
        at = _members(data, at + 2, number)
    for key, content in _attributes(data, at):
        label = constants.get(key)
        if label == "SourceFile":
            text = constants.get(struct.unpack(">H", content[:2])[0])
            add(document, "SourceFile", text if isinstance(text, str) else "")
        elif label in {"Deprecated", "Record", "PermittedSubclasses"}:
            add(document, f"Is{label}" if label != "PermittedSubclasses" else "IsSealed", value=True)
    if len(data) == _MOST_BYTES < source.size_bytes:
        document.problem(facts.SECTION, ProblemKind.LIMIT, f"{_MOST_BYTES} bytes were read")


def _constants(data: bytes, count: int) -> tuple[dict[int, str | int], int]:
    """Texts and classes by number, and where the pool ends (4.4)."""
    found: dict[int, str | int] = {}
    at, index = 10, 1
    while index < count:
        tag = data[at]
        if tag == 1:
            length = struct.unpack_from(">H", data, at + 1)[0]
            found[index] = data[at + 3 : at + 3 + length].decode("utf-8", "replace")
            at += 3 + length
        else:
            if tag == 7:
                found[index] = struct.unpack_from(">H", data, at + 1)[0]
            at += 1 + _SIZES[tag]
        index += 2 if tag in {5, 6} else 1
    return found, at


def _members(data: bytes, at: int, count: int) -> int:
    for _ in range(count):
        attributes = struct.unpack_from(">H", data, at + 6)[0]
        at += 8
        for _ in range(attributes):
            at += 6 + struct.unpack_from(">I", data, at + 2)[0]
    return at


def _attributes(data: bytes, at: int) -> list[tuple[int, bytes]]:
    found = []
    count = struct.unpack_from(">H", data, at)[0]
    at += 2
    for _ in range(count):
        key, length = struct.unpack_from(">HI", data, at)
        found.append((key, data[at + 6 : at + 6 + min(length, 1024)]))
        at += 6 + length
    return found
