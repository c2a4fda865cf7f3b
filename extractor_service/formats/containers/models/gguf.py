"""GGUF: metadata and tensors of a language model. github.com/ggml-org/ggml, docs/gguf.md; type numbers as in ggml.h."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.models.tensors import SECTION, Tally
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader, layout

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

# Number of the type: struct code, bytes.
_TYPES = {0: ("B", 1), 1: ("b", 1), 2: ("H", 2), 3: ("h", 2), 4: ("I", 4), 5: ("i", 4), 6: ("f", 4), 7: ("?", 1), 10: ("Q", 8), 11: ("q", 8), 12: ("d", 8)}  # fmt: skip
_STRING, _ARRAY = 8, 9
_TENSORS = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 6: "Q5_0", 7: "Q5_1", 8: "Q8_0", 9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 12: "Q4_K",
    13: "Q5_K", 14: "Q6_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 20: "IQ4_NL", 21: "IQ3_S",
    22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 30: "BF16", 34: "TQ1_0",
    35: "TQ2_0", 39: "MXFP4",
}  # fmt: skip
_FILE_TYPES = {0: "ALL_F32", 1: "MOSTLY_F16", 2: "MOSTLY_Q4_0", 3: "MOSTLY_Q4_1", 7: "MOSTLY_Q8_0", 8: "MOSTLY_Q5_0", 9: "MOSTLY_Q5_1", 10: "MOSTLY_Q2_K", 11: "MOSTLY_Q3_K_S", 12: "MOSTLY_Q3_K_M", 13: "MOSTLY_Q3_K_L", 14: "MOSTLY_Q4_K_S", 15: "MOSTLY_Q4_K_M", 16: "MOSTLY_Q5_K_S", 17: "MOSTLY_Q5_K_M", 18: "MOSTLY_Q6_K", 32: "MOSTLY_BF16"}  # fmt: skip


class Limits:
    """Of `parse`."""

    max_entries = 10_000  # of metadata: models have fifty
    max_tensors = 100_000  # ten times what the largest models have
    max_kept = 100  # values of an array: vocabularies have 100,000
    max_string_bytes = 1024 * 1024  # of a key or value: chat templates have 10 KB
    max_walked = 2_000_000  # elements of arrays that aren't of numbers: vocabularies have 300,000
    max_head_bytes = 128 * 1024 * 1024  # of metadata and tensors' lines: vocabularies take 10 MB
    max_rank = 8  # dimensions; ggml has four


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """Key-value metadata by its keys, long arrays by their beginning and length; then the tensors."""
    reader = Reader(source, big_endian=False)
    if reader.exact(0, 4) != b"GGUF":
        raise CorruptFileError("no header of GGUF")
    version = reader.u32(4)
    order = "little"
    if version >> 16 and not version & 0xFFFF:
        order, reader = "big", Reader(source, big_endian=True)
        version = reader.u32(4)
    document.add(SECTION, Field("Format", "GGUF", group="Model", origin=ByteRange(0, 4)))
    document.add(SECTION, Field("FormatVersion", version, group="Model", origin=ByteRange(4, 4)))
    document.add(SECTION, Field("ByteOrder", order, group="Model", origin=ByteRange(4, 4)))
    if version < 2:  # counts were of 32 bits
        document.problem(SECTION, ProblemKind.UNSUPPORTED, f"version {version}")
        return
    walk = _Walk(reader, document)
    tensors, entries = reader.unpack("QQ", 8)
    if entries > Limits.max_entries or tensors > reader.length:
        raise ValueError(f"{entries} entries and {tensors} tensors")
    for _ in range(entries):
        begin = walk.at
        key = walk.string()
        value, text = walk.value(walk.word(), key)
        if key == "general.file_type" and isinstance(value, int):
            text = _FILE_TYPES.get(value, "")
        document.add(
            SECTION, Field(key, value, text, group="Metadata", origin=ByteRange(begin, walk.at - begin))
        )
    tally = Tally(document)
    with Surviving(document, SECTION, "tensors", walk.at):
        for _ in range(min(tensors, Limits.max_tensors)):
            walk.tensor(tally)
    if tensors > Limits.max_tensors:
        document.problem(SECTION, ProblemKind.LIMIT, f"{Limits.max_tensors} of {tensors} tensors were read")
    tally.finish()


class _Walk:
    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader, self._document, self.at = reader, document, 24
        self._walked = 0
        self._order = ">" if reader.big_endian else "<"

    def word(self) -> int:
        """A number of 32 bits."""
        self.at += 4
        return self._reader.u32(self.at - 4)

    def long(self) -> int:
        """A number of 64 bits."""
        self.at += 8
        return self._reader.u64(self.at - 8)

    def string(self) -> str:
        """A text with its length in front."""
        size = self.long()
        if self.at > Limits.max_head_bytes:
            raise ValueError(f"metadata of more than {Limits.max_head_bytes} bytes")
        if size > Limits.max_string_bytes:
            raise ValueError(f"a text of {size} bytes at {self.at}")
        data = self._reader.exact(self.at, size)
        self._document.spend(size)
        self.at += size
        return data.decode("utf-8", "replace")

    def value(self, kind: int, key: str, depth: int = 0) -> tuple[Value, str]:
        """A value, and a text for an array of which only the beginning is kept."""
        if kind == _STRING:
            return self.string(), ""
        if kind == _ARRAY:
            return self._array(key, depth)
        code, width = _TYPES[kind]
        self.at += width
        value: Value = layout(self._order + code).unpack(self._reader.exact(self.at - width, width))[0]
        return value, ""

    def _array(self, key: str, depth: int) -> tuple[Value, str]:
        kind, count = self.word(), self.long()
        if depth > 4:
            raise ValueError(f"{key}: arrays nested too deeply")
        kept = min(count, Limits.max_kept)
        text = f"(the first {kept} of {count} values)" if kept < count else ""
        if kind in _TYPES:
            code, width = _TYPES[kind]
            values: list[Value] = list(
                struct.unpack(f"{self._order}{kept}{code}", self._reader.exact(self.at, kept * width))
            )
            self.at += count * width
            if self.at > self._reader.length:
                raise ValueError(f"{key}: {count} values are cut")
            return values, text
        if count > self._reader.length:
            raise ValueError(f"{key}: {count} values")
        values = []
        for number in range(count):
            self._walked += 1
            if self._walked > Limits.max_walked or self.at > Limits.max_head_bytes:
                raise ValueError(
                    f"{key}: arrays of more than {Limits.max_walked} values or {Limits.max_head_bytes} bytes"
                )
            if number < kept or kind != _STRING:
                one, _ = self.value(kind, key, depth + 1)
                if number < kept:
                    values.append(one)
            else:
                self.at += 8 + self._reader.u64(self.at)
        return values, text

    def tensor(self, tally: Tally) -> None:
        """One tensor's line."""
        begin = self.at
        name, rank = self.string(), self.word()
        if rank > Limits.max_rank:
            raise ValueError(f"{name} has {rank} dimensions")
        shape = [self.long() for _ in range(rank)]
        kind, offset = self.word(), self.long()
        label = _TENSORS.get(kind, f"Unknown ({kind})")
        entries: tuple[tuple[str, Value], ...] = (("type", label), ("shape", [*shape]), ("offset", offset))
        tally.add(name, label, shape, entries, ByteRange(begin, self.at - begin))
