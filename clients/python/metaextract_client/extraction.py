"""What an extraction is to its caller: a document, and how it was made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from metaextract.extractor.v1 import extractor_pb2

if TYPE_CHECKING:
    from metaextract.document.v1 import document_pb2

Options = extractor_pb2.ExtractOptions


class Extraction(NamedTuple):
    """A document, and how it was made."""

    document: document_pb2.Document
    info: extractor_pb2.ExtractionInfo
