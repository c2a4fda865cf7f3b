"""Documents in plain Python, for JSON."""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from metaextract.document.v1 import document_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor

    from metaextract_client.extraction import Extraction

_PREFIX_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])")

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


def to_dict(extraction: Extraction) -> dict[str, Plain]:
    """The document and how it was made, in the shape that `metaextract extract --json` prints.

    Fields are a list per section, in file order, since names may repeat. Bytes are "base64:…", NaN and infinities
    are text, since JSON has neither.
    """
    document, info = extraction
    file = document.file
    result: dict[str, Plain] = {
        "name": file.name,
        "size_bytes": file.size_bytes,
        "format": file.format,
        "mime_type": file.mime_type,
        "evidence": pb.Evidence.Name(file.evidence).removeprefix("EVIDENCE_") if file.evidence else "",
        "charset": file.charset,
        "name_suggests": file.name_suggests,
        "outcome": outcome_name(document.outcome),
        "cache_status": cache_status_name(info.cache_status),
        "content_id": info.content_id,
        "source_bytes_read": info.source_bytes_read,
        "moved_bytes": info.moved_bytes,
        "saved_bytes": info.saved_bytes,
        "round_trips": info.round_trips,
        "elapsed_seconds": round(info.elapsed_seconds, 6),
        "digests": {
            pb.DigestAlgorithm.Name(digest.algorithm).removeprefix("DIGEST_ALGORITHM_").lower(): digest.hex
            for digest in file.digests
        },
        "common": _message(document.common),
        "sections": {
            section.name: [field_to_dict(field) for field in section.fields] for section in document.sections
        },
        "observations": [_message(each) for each in document.observations],
        "problems": [_message(problem) for problem in document.problems],
        "modules": [_message(module) for module in document.modules],
    }
    return result


def field_to_dict(field: pb.Field) -> dict[str, Plain]:
    """A field with only those parts that it has."""
    result: dict[str, Plain] = {"name": field.name, "value": value_to_plain(field.value)}
    for key, text in (
        ("text", field.text),
        ("unit", field.unit),
        ("group", field.group),
        ("note", field.note),
    ):
        if text:
            result[key] = text
    if field.HasField("raw"):
        result["raw"] = value_to_plain(field.raw)
    return result


def value_to_plain(value: pb.Value) -> Plain:
    """A value in plain Python; None when unset."""
    kind = value.WhichOneof("kind")
    if kind == "rational":
        return f"{value.rational.numerator}/{value.rational.denominator}"
    if kind == "data":
        return "base64:" + base64.b64encode(value.data).decode("ascii")
    if kind == "real":
        return value.real if math.isfinite(value.real) else str(value.real)
    if kind == "list":
        return [value_to_plain(item) for item in value.list.values]
    if kind == "map":
        return {entry.name: value_to_plain(entry.value) for entry in value.map.entries}
    if kind == "text":
        return value.text
    if kind == "boolean":
        return value.boolean
    if kind == "integer":
        return value.integer
    return value.unsigned if kind == "unsigned" else None


def outcome_name(outcome: pb.Outcome.ValueType) -> str:
    """The outcome in a word: "OK", "PARTIAL" and so on."""
    known = outcome in pb.Outcome.values()  # a newer server may have others
    return pb.Outcome.Name(outcome).removeprefix("OUTCOME_") if known else str(outcome)


def cache_status_name(status: extractor_pb2.CacheStatus.ValueType) -> str:
    """The cache status in a word: "HIT", "MISS" and so on."""
    known = status in extractor_pb2.CacheStatus.values()
    return extractor_pb2.CacheStatus.Name(status).removeprefix("CACHE_STATUS_") if known else str(status)


def _message(message: Message) -> dict[str, Plain]:
    """The fields that are set; enums by their name without its prefix, numbers as numbers."""
    return {descriptor.name: _plain(descriptor, value) for descriptor, value in message.ListFields()}


def _plain(descriptor: FieldDescriptor, value: Any) -> Plain:
    if isinstance(value, Message):
        return _message(value)
    if descriptor.enum_type is not None:
        kind = descriptor.enum_type
        if value not in kind.values_by_number:  # from a newer server
            return int(value)
        return kind.values_by_number[value].name.removeprefix(
            _PREFIX_BOUNDARY.sub("_", kind.name).upper() + "_"
        )
    plain: Plain = value
    return plain
