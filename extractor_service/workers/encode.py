"""From a document to its wire form: the only place where workers touch protobuf."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Outcome, Problem, ProblemKind, Rational, Struct
from extractor_service.modules.base import Part
from metaextract.document.v1 import document_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from extractor_service.document import Common, Document, Field, Observation, Value

_INT64_MAX = 2**63 - 1  # of protobuf's int64; above it `unsigned` is used
_INT64_MIN = -(2**63)  # of protobuf's int64; below it the number becomes text
_UINT64_MAX = 2**64 - 1  # of protobuf's uint64; larger numbers become text
DIGEST_ALGORITHMS = {
    "blake3": pb.DIGEST_ALGORITHM_BLAKE3,
    "sha256": pb.DIGEST_ALGORITHM_SHA256,
    "sha1": pb.DIGEST_ALGORITHM_SHA1,
    "md5": pb.DIGEST_ALGORITHM_MD5,
    "sha512": pb.DIGEST_ALGORITHM_SHA512,
    "xxh3": pb.DIGEST_ALGORITHM_XXH3,
    "crc32": pb.DIGEST_ALGORITHM_CRC32,
}
_KINDS = {Outcome.UNSUPPORTED: ProblemKind.UNSUPPORTED, Outcome.CRASHED: ProblemKind.READER}


def encode_part(writes: Part | tuple[str, ...], document: Document, problems: Sequence[Problem]) -> bytes:
    """The part of `document` that is one module's own (`Module.writes`), with its `problems`."""
    if writes is Part.COMMON:
        message = encode_common(document.common)
    elif writes is Part.DIGESTS:
        message = encode_digests(document.digests)
    elif writes is Part.SECTIONS:
        message = encode_sections(document.sections)
    elif writes is Part.OBSERVATIONS:
        message = encode_observations(document.observations)
    else:
        message = encode_sections(
            {name: document.sections[name] for name in writes if name in document.sections}
        )
    message.problems.extend(_problem(problem) for problem in problems)
    return message.SerializeToString()


def encode_sections(sections: Mapping[str, Sequence[Field]]) -> pb.Document:
    """The sections alone."""
    message = pb.Document()
    for name, fields in sections.items():
        add = message.sections.add(name=name).fields.add
        for field in fields:
            _put_field(add, field)
    return message


def encode_common(common: Common) -> pb.Document:
    """The common facts alone."""
    message = pb.Common(
        width_pixels=common.width_pixels,
        height_pixels=common.height_pixels,
        duration_seconds=common.duration_seconds,
        device_make=_clean(common.device_make),
        device_model=_clean(common.device_model),
        title=_clean(common.title),
        author=_clean(common.author),
        software=_clean(common.software),
        page_count=common.page_count,
        orientation=common.orientation,
        display_width_pixels=common.display_width_pixels,
        display_height_pixels=common.display_height_pixels,
        frames_per_second=common.frames_per_second,
        video_codec=_clean(common.video_codec),
        audio_codec=_clean(common.audio_codec),
        bits_per_second=common.bits_per_second,
        audio_channels=common.audio_channels,
        sample_rate_hertz=common.sample_rate_hertz,
        album=_clean(common.album),
        track_number=common.track_number,
    )
    if common.created_at is not None:
        created = common.created_at
        message.created_at.iso = created.iso
        message.created_at.zone_source = pb.ZoneSource.ValueType(created.zone_source.value)
        message.created_at.field = created.field
    if common.position is not None:
        position = common.position
        message.position.latitude_degrees = position.latitude_degrees
        message.position.longitude_degrees = position.longitude_degrees
        if position.altitude_meters is not None:
            message.position.altitude_meters = position.altitude_meters
    if message == pb.Common():
        return pb.Document()
    return pb.Document(common=message)


def encode_observations(observations: Sequence[Observation]) -> pb.Document:
    """The observations alone."""
    message = pb.Document()
    for each in observations:
        observation = message.observations.add(
            kind=each.kind,
            severity=pb.Severity.ValueType(each.severity.value),
            statement=_clean(each.statement),
            disproof=_clean(each.disproof),
        )
        for evidence in each.evidence:
            part = observation.evidence.add(field=_clean(evidence.field), value=_clean(evidence.value))
            if evidence.origin is not None:
                part.origin.offset_bytes = _unsigned(evidence.origin.offset_bytes)
                part.origin.length_bytes = _unsigned(evidence.origin.length_bytes)
    return message


def encode_problem(outcome: Outcome, message: str) -> bytes:
    """A document with nothing but why there is nothing."""
    problem = Problem("", _KINDS.get(outcome, ProblemKind.LIMIT), message[:500])
    return pb.Document(problems=[_problem(problem)]).SerializeToString()


def encode_digests(digests: dict[str, str]) -> pb.Document:
    """The digests alone."""
    return pb.Document(
        file=pb.FileInfo(
            digests=[pb.Digest(algorithm=DIGEST_ALGORITHMS[name], hex=text) for name, text in digests.items()]
        )
    )


def _put_field(add: Callable[..., pb.Field], field: Field) -> None:
    """The hottest loop of a worker after parsing: one call for all texts, and no look at what is empty."""
    text, unit, note = field.text, field.unit, field.note
    value = field.value
    if text and (
        text != value if isinstance(value, str) else not isinstance(value, (int, float)) or text != str(value)
    ):
        message = add(name=_clean(field.name), text=_clean(text), group=_clean(field.group))
    else:
        message = add(name=_clean(field.name), group=_clean(field.group))
    if unit:
        message.unit = unit
    if note:
        message.note = _clean(note)
    if value is not None:
        _put(message.value, value)
    if field.raw is not None:
        _put(message.raw, field.raw)
    origin = field.origin
    if origin is not None:
        offset, length = origin
        if 0 <= offset <= _INT64_MAX and 0 <= length <= _INT64_MAX:
            place = message.origin
            place.offset_bytes = offset
            place.length_bytes = length
        else:
            message.origin.offset_bytes = _unsigned(offset)
            message.origin.length_bytes = _unsigned(length)


def _put(message: pb.Value, value: Value) -> None:
    kind = type(value)
    if kind is str:
        message.text = _clean(value)  # type: ignore[arg-type]
    elif kind is int:
        _put_integer(message, value)  # type: ignore[arg-type]
    elif kind is float:
        message.real = value  # type: ignore[assignment]
    elif isinstance(value, Rational):
        fraction = message.rational
        fraction.numerator, fraction.denominator = value
    elif kind is bool:
        message.boolean = value  # type: ignore[assignment]
    elif kind is bytes:
        message.data = value  # type: ignore[assignment]
    elif kind is Struct:
        message.map.SetInParent()
        for name, inner in value.entries:  # type: ignore[union-attr]
            entry = message.map.entries.add(name=_clean(name))
            if inner is not None:
                _put(entry.value, inner)
    elif kind is list:
        message.list.SetInParent()
        add = message.list.values.add
        for inner in value:  # type: ignore[union-attr]
            item = add()
            if inner is not None:
                _put(item, inner)
    else:
        _put_derived(message, value)


def _put_derived(message: pb.Value, value: Value) -> None:
    """Values of a library's own classes, which derive from plain ones."""
    if isinstance(value, int):
        _put_integer(message, int(value))
    elif isinstance(value, float):
        message.real = float(value)
    elif isinstance(value, str):
        message.text = _clean(str(value))
    elif isinstance(value, bytes):
        message.data = bytes(value)
    elif isinstance(value, list):
        _put(message, list(value))


def _put_integer(message: pb.Value, value: int) -> None:
    if _INT64_MIN <= value <= _INT64_MAX:
        message.integer = value
    elif 0 <= value <= _UINT64_MAX:
        message.unsigned = value
    else:
        message.text = hex(value)  # decimal digits of huge numbers are refused by Python, for their cost


def _problem(problem: Problem) -> pb.Problem:
    return pb.Problem(
        section=problem.section,
        kind=pb.ProblemKind.ValueType(problem.kind.value),
        message=_clean(problem.message),
        offset_bytes=None if problem.offset_bytes is None else _unsigned(problem.offset_bytes),
    )


def _unsigned(number: int) -> int:
    """The number as the wire can hold it; damaged files state sizes beyond any file's."""
    return min(max(0, number), _UINT64_MAX)


def _clean(text: str) -> str:
    """Valid UTF-8: a file's lone surrogates become the replacement character."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
