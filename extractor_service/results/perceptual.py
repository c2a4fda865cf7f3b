"""The perceptual hashes in a module's result, as the cache takes them beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from metaextract.cache.v1 import similarity_pb2 as pb
from metaextract.document.v1 import document_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = "perceptual"
"""The module whose results have them, and the name of its section."""
_KINDS = {
    "PHash": pb.HASH_KIND_PHASH,
    "DHash": pb.HASH_KIND_DHASH,
    "AHash": pb.HASH_KIND_AHASH,
    "PDQ": pb.HASH_KIND_PDQ,
}
# Of PDQ: below it a picture says too little to be told from others (Meta's own threshold)
_LEAST_QUALITY = 50


def hashes_of(fragment: bytes) -> list[pb.PerceptualHash]:
    """The hashes that an encoded document has; none where it has none, or where they say too little."""
    try:
        document = document_pb2.Document.FromString(fragment)
    except DecodeError:
        return []
    return list(_found(document))


def _found(document: document_pb2.Document) -> Iterator[pb.PerceptualHash]:
    fields = [field for section in document.sections if section.name == MODULE for field in section.fields]
    quality = next((field.value.integer for field in fields if field.name == "PDQQuality"), 0)
    if quality < _LEAST_QUALITY:
        return
    for field in fields:
        if field.name in _KINDS:
            try:
                yield pb.PerceptualHash(kind=_KINDS[field.name], bits=bytes.fromhex(field.value.text))
            except ValueError:
                continue
