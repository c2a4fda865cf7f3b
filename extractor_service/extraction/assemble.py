"""From the modules' fragments to one document: joined, completed with the request's facts, and kept in size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from extractor_service.document import Outcome
from extractor_service.formats.identification.identify import by_the_name
from extractor_service.workers.encode import DIGEST_ALGORITHMS
from metaextract.document.v1 import document_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.formats.identification.types import Identity
    from extractor_service.sources.base import Input
    from extractor_service.workers.protocol import JobResult, ModuleResult

_SLOWED = (
    "it was read slowly: its caller has used more CPU of late than others that were waiting (GetBackoffState)"
)
FACTS_BYTES = 64 * 1024  # more than what is added to the fragments: name, digests, problems


def is_readable(fragment: bytes) -> bool:
    """Whether `fragment` is an encoded Document; what a worker or the cache sent may be anything."""
    try:
        pb.Document.FromString(fragment)
    except DecodeError:
        return False
    return True


def fragments_of(
    parsed: JobResult, versions: dict[str, str]
) -> tuple[dict[str, bytes], dict[str, ModuleResult]]:
    """The fragments of the modules in `versions`, and the results of those that may be stored.

    A fragment is an encoded Document with the module's report in it. Protobuf joins encoded messages by
    concatenation, so the report is appended, not merged. One that can't be read counts as a crash.
    """
    fragments, storable = {}, {}
    for each in parsed.modules:
        if each.name not in versions:
            continue
        result = each
        if not is_readable(result.fragment):
            result = replace(result, fragment=b"", outcome=Outcome.CRASHED.value, is_complete=False)
        report = pb.ModuleReport(
            name=result.name,
            version=versions[result.name],
            outcome=pb.Outcome.ValueType(result.outcome),
            elapsed_seconds=result.elapsed_seconds,
            source_bytes_read=result.source_bytes_read,
        )
        fragments[result.name] = result.fragment + pb.Document(modules=[report]).SerializeToString()
        if result.is_complete:
            storable[result.name] = result
    return fragments, storable


def document(
    source: Input,
    identity: Identity,
    fragments: Sequence[bytes],
    parsed: JobResult,
    *,
    changed: bool,
    max_bytes: int,
    into: pb.Document | None = None,
) -> pb.Document:
    """The document of `source`: file facts, fragments, outcome; `into` an empty one where the caller has it.

    A message that becomes part of another is copied, which costs a quarter of a cached file's time.
    """
    result = pb.Document() if into is None else into
    for fragment in fragments:
        result.MergeFromString(fragment)
    file = result.file
    file.name = source.name
    file.size_bytes = source.size_bytes
    known_as, contradiction = by_the_name(identity, source.name)
    if contradiction:
        file.name_suggests = contradiction
    file.format, file.mime_type = known_as.type.name, known_as.type.mime_type
    file.evidence = known_as.evidence.value  # type: ignore[assignment] # the enum's number
    if known_as.charset:
        file.charset = known_as.charset
    known = {digest.algorithm for digest in file.digests}
    for name, text in source.digests.items():
        if DIGEST_ALGORITHMS[name] not in known:
            file.digests.add(algorithm=DIGEST_ALGORITHMS[name], hex=text)
    if parsed.failure is not None:
        result.problems.add(section=file.format, kind=pb.PROBLEM_KIND_READER, message=parsed.failure_message)
    if parsed.was_demoted and (
        parsed.failure is not None or not all(each.is_complete for each in parsed.modules)
    ):
        result.problems.add(section=file.format, kind=pb.PROBLEM_KIND_LIMIT, message=_SLOWED)
    if changed:
        result.problems.add(kind=pb.PROBLEM_KIND_DAMAGED, message="the file changed while it was being read")
    result.outcome = pb.Outcome.ValueType(
        _outcome(result, parsed, is_readable=bool(known_as.type.reader), changed=changed).value
    )
    if (
        sum(map(len, fragments)) + 4 * len(source.name) + FACTS_BYTES > max_bytes
    ):  # measuring a message costs as much as reading it
        _fit(result, max_bytes)
    return result


def _outcome(result: pb.Document, parsed: JobResult, *, is_readable: bool, changed: bool) -> Outcome:
    outcomes = [Outcome(report.outcome) for report in result.modules]
    if parsed.failure is not None:
        outcomes.append(Outcome(parsed.failure))
    if not is_readable:
        outcomes.append(Outcome.UNSUPPORTED)
    if changed:
        outcomes.append(Outcome.PARTIAL)
    return max(outcomes, key=lambda outcome: outcome.value, default=Outcome.OK)


def _fit(result: pb.Document, max_bytes: int) -> None:
    """Shortens the longest sections until the document fits, with a Problem for each."""
    while result.ByteSize() > max_bytes:
        section = max(result.sections, key=lambda each: each.ByteSize(), default=None)
        if section is None or not section.fields:
            return
        kept = len(section.fields) // 2
        result.problems.add(
            section=section.name,
            kind=pb.PROBLEM_KIND_LIMIT,
            message=(
                f"section {section.name}: {len(section.fields) - kept} of {len(section.fields)} fields are left out, as a reply has"
                f" at most {max_bytes} bytes; ExtractSession sends all of them in parts"
            ),
        )
        del section.fields[kept:]
        if result.outcome == pb.OUTCOME_OK:
            result.outcome = pb.OUTCOME_PARTIAL
