"""Safetensors: names, types, shapes and places of tensors, metadata. github.com/huggingface/safetensors, README, "Format"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.models.tensors import Tally
from extractor_service.formats.reading.damage import NONSENSE, tolerant
from extractor_service.formats.reading.reader import Reader
from extractor_service.formats.reading.shapes import count_of

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION: Final = "model"
_MOST_HEADER_BYTES: Final = (
    6 * 1024 * 1024
)  # parsed: 50,000 tensors, 150 MiB of objects at worst; the format allows 100 MB
_BITS: Final = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F4": 4, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64}  # fmt: skip


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """The header, which is JSON; no tensor is read."""
    reader = Reader(source, big_endian=False)
    size = reader.u64(0)
    if size > _MOST_HEADER_BYTES:
        document.problem(SECTION, ProblemKind.LIMIT, f"a header of {size} bytes isn't read", 0)
        return
    told = json.loads(reader.exact(8, size))
    if not isinstance(told, dict):
        raise CorruptFileError("the header is no object")
    origin = ByteRange(8, size)
    document.add(SECTION, Field("Format", "Safetensors", group="Model", origin=origin))
    document.add(SECTION, Field("HeaderSize", size, unit="By", group="Model", origin=ByteRange(0, 8)))
    metadata = told.pop("__metadata__", None)
    if isinstance(metadata, dict):
        for key, value in metadata.items():
            document.add(SECTION, Field(key, str(value), group="Metadata", origin=origin))
    tally, end, data_at = Tally(document), 0, 8 + size
    for name, each in sorted(told.items(), key=_begin):
        try:
            kind, shape, (begin, last) = each["dtype"], each["shape"], each["data_offsets"]
            if type(begin) is not int or type(last) is not int or not 0 <= begin <= last:
                raise ValueError(f"data from {begin!r:.40} to {last!r:.40}")
            size_bytes, place = last - begin, ByteRange(data_at + begin, last - begin)
            entries = (("type", str(kind)), ("shape", [*shape]), ("size_bytes", size_bytes))
            stated_bits = count_of(shape) * _BITS.get(kind, 0)
            tally.add(name, str(kind), shape, entries, place)
            if kind in _BITS and stated_bits // 8 != size_bytes:
                document.problem(
                    SECTION, ProblemKind.DAMAGED, f"{name}: {size_bytes} bytes for {shape} of {kind}"
                )
            end = max(end, last)
        except NONSENSE as error:
            document.problem(SECTION, ProblemKind.DAMAGED, f"{name[:80]}: {error!r:.200}", 8)
    tally.finish()
    if data_at + end > reader.length:
        document.problem(
            SECTION, ProblemKind.TRUNCATED, f"{data_at + end} bytes are stated, {reader.length} are there"
        )


def _begin(pair: tuple[str, object]) -> int:
    """Where a tensor's data begins; 0 for one that says nothing of the kind."""
    places = pair[1].get("data_offsets") if isinstance(pair[1], dict) else None
    first = places[0] if isinstance(places, list) and places else 0
    return first if isinstance(first, int) else 0
