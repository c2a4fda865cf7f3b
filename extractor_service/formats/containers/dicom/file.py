"""DICOM: every data element, sequences as lists of structs, up to pixel data and behind it; by ranges.

DICOM PS3.5 (encoding), PS3.6 (dictionary), PS3.10 (files). A field's note is its tag and value representation. pydicom is the
oracle, not the reader: it builds an object of half a kilobyte for each element, and 300,000 items took 300 MiB.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.dicom import privacy
from extractor_service.formats.containers.dicom.dataset import SECTION, DataSet, Encoding
from extractor_service.formats.reading.damage import NONSENSE, tolerant
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

_PREAMBLE_BYTES = 128  # PS3.10, 7.1
_MOST_INFLATED_BYTES = (
    32 * 1024 * 1024
)  # of a deflated data set; pixel data comes last and is mostly behind it
_IMPLICIT, _BIG, _DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
_IMPLICITS = frozenset({_IMPLICIT, "1.2.840.113619.5.2"})  # GE's, whose pixels alone are big endian


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """File meta information (group "FileMeta") and the data set, in the order of tags; then what of it identifies a patient."""
    reader = Reader(source)
    at = _PREAMBLE_BYTES + 4 if reader.some(_PREAMBLE_BYTES, 4) == b"DICM" else 0
    meta = DataSet(reader, document, Encoding(is_explicit=True, is_big=False), "FileMeta")
    if reader.some(at, 2) == b"\2\0":
        try:
            at = meta.read(at, group=2)
        except (TruncatedError, *NONSENSE) as error:
            kind = ProblemKind.TRUNCATED if isinstance(error, TruncatedError) else ProblemKind.DAMAGED
            document.problem(SECTION, kind, f"the file meta information: {error}", at)
            return
    syntax = meta.text(0x0002_0010)
    if syntax == _DEFLATED:
        _deflated(reader, at, document)
        return
    encoding = _encoding(reader.some(at, 8), syntax)
    if encoding is None:
        if not document.sections:
            raise CorruptFileError("no elements of DICOM")
        if at < reader.length:
            document.problem(SECTION, ProblemKind.DAMAGED, "the data set begins with no element", at)
        return
    _read(DataSet(reader, document, encoding, ""), at, document)


def _read(data: DataSet, at: int, document: Document) -> None:
    try:
        data.read(at)
    finally:
        privacy.report(data, document)


def _deflated(reader: Reader, at: int, document: Document) -> None:
    """The data set that is inflated first (PS3.5, A.5); what the file has of it."""
    inflater = zlib.decompressobj(-15)
    data = b""
    try:
        while at < reader.length and len(data) < _MOST_INFLATED_BYTES and not inflater.eof:
            packed = reader.some(at, 256 * 1024)
            at += len(packed)
            data += inflater.decompress(packed, _MOST_INFLATED_BYTES - len(data))
    except zlib.error as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"the data set can't be inflated: {error}", at)
    document.add(
        SECTION, Field("InflatedSize", len(data), unit="By", group="FileMeta", origin=ByteRange(at, 0))
    )
    inner = DataSet(
        Reader(BytesSource(data)), document, Encoding(is_explicit=True, is_big=False), "", has_origin=False
    )
    _read(inner, 0, document)


def _encoding(head: bytes, syntax: str) -> Encoding | None:
    """How the data set is written: by its first element, which knows better than a transfer syntax that is wrong or missing."""
    if len(head) < 8:
        return None
    is_big = syntax == _BIG or (not syntax and head[0] == 0 and head[1] != 0)
    has_representation = head[4:6].isalpha() and head[4:6].isupper()
    if syntax in _IMPLICITS and not has_representation:
        return Encoding(is_explicit=False, is_big=False)
    return Encoding(is_explicit=has_representation, is_big=is_big)
