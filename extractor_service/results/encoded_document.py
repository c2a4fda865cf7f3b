"""A finished document as bytes, ready to be joined to a reply: nothing of it is read or built again.

A message is its encoded parts one after the other. What depends on the request, the file's name, stands first in the first of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from metaextract.document.v1 import document_pb2
from service_runtime.protobuf_bytes import LENGTH_DELIMITED, varint

if TYPE_CHECKING:
    from extractor_service.formats.identification.identify import Named
    from extractor_service.formats.identification.types import Identity
_FILE_TAG = document_pb2.Document.FILE_FIELD_NUMBER << 3 | LENGTH_DELIMITED
_NAME_TAG = document_pb2.FileInfo.NAME_FIELD_NUMBER << 3 | LENGTH_DELIMITED


class DocumentName(NamedTuple):
    """What one finished document is kept by: a content in somebody's space, and what was asked of it."""

    content_id: str
    space: str
    modules: tuple[str, ...]
    digest_algorithms: tuple[str, ...]
    depth: int
    known_digests: tuple[str, ...]
    """Those that the input has already: they stand in the document as well."""


class EncodedDocument(NamedTuple):
    """A document but for the file's name."""

    identity: Identity
    """By the bytes alone."""
    named: Named
    """By the name that it had: another one may make it another document."""
    outcome: int
    reader: str
    """Name of the format that reads it; "" for none."""
    file: bytes
    """FileInfo without the name."""
    rest: bytes
    """Everything behind it."""

    @property
    def size_bytes(self) -> int:
        """What it takes."""
        return len(self.file) + len(self.rest)

    def of(self, name: str) -> bytes:
        """The encoded Document of a file of that name."""
        file = self.file
        if name:
            text = name.encode()
            file = bytes((_NAME_TAG,)) + varint(len(text)) + text + file
        return bytes((_FILE_TAG,)) + varint(len(file)) + file + self.rest


def encoded(document: document_pb2.Document, identity: Identity, named: Named) -> EncodedDocument:
    """The document, which is left as it was."""
    name = document.file.name
    document.file.name = ""
    file = document.file.SerializeToString()
    data = document.SerializeToString()
    document.file.name = name
    start = 1 + len(varint(len(file))) + len(file)
    return EncodedDocument(identity, named, document.outcome, named.identity.type.reader, file, data[start:])
