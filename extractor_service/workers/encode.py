"""From a document to its wire form: the only place where workers touch protobuf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from extractor_service.document import Outcome, Problem, ProblemKind
from extractor_service.modules.base import Part
from extractor_service.workers.wire_fields import clean, encode_sections, unsigned
from metaextract.document.v1 import document_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Common, Document, Observation

DIGEST_ALGORITHMS: Final = {
    "blake3": pb.DIGEST_ALGORITHM_BLAKE3,
    "sha256": pb.DIGEST_ALGORITHM_SHA256,
    "sha1": pb.DIGEST_ALGORITHM_SHA1,
    "md5": pb.DIGEST_ALGORITHM_MD5,
    "sha512": pb.DIGEST_ALGORITHM_SHA512,
    "xxh3": pb.DIGEST_ALGORITHM_XXH3,
    "crc32": pb.DIGEST_ALGORITHM_CRC32,
}
_KINDS: Final = {Outcome.UNSUPPORTED: ProblemKind.UNSUPPORTED, Outcome.CRASHED: ProblemKind.READER}


def encode_part(writes: Part | tuple[str, ...], document: Document, problems: Sequence[Problem]) -> bytes:
    """The part of `document` that is one module's own (`Module.writes`), with its `problems`."""
    sections, message = b"", pb.Document()
    if writes is Part.COMMON:
        message = encode_common(document.common)
    elif writes is Part.DIGESTS:
        message = encode_digests(document.digests)
    elif writes is Part.SECTIONS:
        sections = encode_sections(document.sections)
    elif writes is Part.OBSERVATIONS:
        message = encode_observations(document.observations)
    else:
        sections = encode_sections(
            {name: document.sections[name] for name in writes if name in document.sections}
        )
    if not problems:
        return sections or message.SerializeToString()
    message.problems.extend([_problem(problem) for problem in problems])
    return sections + message.SerializeToString()


def encode_common(common: Common) -> pb.Document:
    """The common facts alone."""
    message = pb.Common(
        width_pixels=common.width_pixels,
        height_pixels=common.height_pixels,
        duration_seconds=common.duration_seconds,
        device_make=clean(common.device_make),
        device_model=clean(common.device_model),
        title=clean(common.title),
        author=clean(common.author),
        software=clean(common.software),
        page_count=common.page_count,
        orientation=common.orientation,
        display_width_pixels=common.display_width_pixels,
        display_height_pixels=common.display_height_pixels,
        frames_per_second=common.frames_per_second,
        video_codec=clean(common.video_codec),
        audio_codec=clean(common.audio_codec),
        bits_per_second=common.bits_per_second,
        audio_channels=common.audio_channels,
        sample_rate_hertz=common.sample_rate_hertz,
        album=clean(common.album),
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
            statement=clean(each.statement),
            disproof=clean(each.disproof),
        )
        for evidence in each.evidence:
            part = observation.evidence.add(field=clean(evidence.field), value=clean(evidence.value))
            if evidence.origin is not None:
                part.origin.offset_bytes = unsigned(evidence.origin.offset_bytes)
                part.origin.length_bytes = unsigned(evidence.origin.length_bytes)
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


def _problem(problem: Problem) -> pb.Problem:
    return pb.Problem(
        section=problem.section,
        kind=pb.ProblemKind.ValueType(problem.kind.value),
        message=clean(problem.message),
        offset_bytes=None if problem.offset_bytes is None else unsigned(problem.offset_bytes),
    )
