"""A document in messages that every client can receive: gRPC's default limit is 4 MiB."""

from __future__ import annotations

from metaextract.document.v1 import document_pb2 as pb

MAX_PART_BYTES = 3 * 1024 * 1024  # leaves 1 MiB of the default 4 MiB for the rest of the message
_TARGET_BYTES = 2 * 1024 * 1024  # the field that crosses it still fits below MAX_PART_BYTES


def in_parts(document: pb.Document) -> list[pb.Document]:
    """The document, in several to be merged in order when it is large. Sections may be split; their name is repeated."""
    if document.ByteSize() <= MAX_PART_BYTES:
        return [document]
    parts, part, size = [], pb.Document(), 0
    for section in document.sections:
        current = part.sections.add(name=section.name)
        for field in section.fields:
            if size > _TARGET_BYTES:
                parts.append(part)
                part, size = pb.Document(), 0
                current = part.sections.add(name=section.name)
            current.fields.append(field)
            size += field.ByteSize() + 4
    parts.append(part)
    rest = pb.Document()
    rest.CopyFrom(document)
    rest.ClearField("sections")
    return [*parts, rest]
