"""Between the wire and the pipeline: options in; capabilities and extraction facts out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.depth import Depth
from extractor_service.extraction.options import CacheUse, ExtractionOptions
from extractor_service.modules.base import Part, Subject
from extractor_service.workers.encode import DIGEST_ALGORITHMS
from extractor_service.workers.sandbox.jail import BARRIERS
from extractor_service.workers.sandbox.probes import NO_SANDBOX, PROBES
from metaextract.cache.v1 import pressure_pb2, result_pb2
from metaextract.extractor.v1 import extractor_pb2
from service_runtime.backoff_table import WorkClass
from service_runtime.errors import InvalidRequestError
from service_runtime.protobuf_bytes import part
from service_runtime.telemetry import current_call
from service_runtime.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.extraction.extraction import AtHand, Extraction
    from extractor_service.modules.base import Module
    from extractor_service.serving.call_context import CallContext
    from extractor_service.workers.sandbox.probes import SandboxReport

_ALGORITHMS = {number: name for name, number in DIGEST_ALGORITHMS.items()}
_DIGEST_CHARS = 64  # of BLAKE3's 32 bytes, in hexadecimal
_CACHE_USES = {
    extractor_pb2.CACHE_MODE_UNSPECIFIED: CacheUse.USE,
    extractor_pb2.CACHE_MODE_USE: CacheUse.USE,
    extractor_pb2.CACHE_MODE_REFRESH: CacheUse.REFRESH,
    extractor_pb2.CACHE_MODE_BYPASS: CacheUse.BYPASS,
}

_DEPTHS = {
    extractor_pb2.DEPTH_UNSPECIFIED: Depth.STANDARD,
    extractor_pb2.DEPTH_FAST: Depth.FAST,
    extractor_pb2.DEPTH_STANDARD: Depth.STANDARD,
    extractor_pb2.DEPTH_FULL: Depth.FULL,
}


_MOST_KNOWN = 256  # kinds of options, and by far more than clients use
_known: dict[tuple[bytes, int, float], tuple[dict[str, Module], ExtractionOptions]] = {}


def options_from_wire(
    options: extractor_pb2.ExtractOptions, modules: dict[str, Module], max_parse_seconds: float
) -> ExtractionOptions:
    """The options, with defaults filled in; remembered, as most requests have one of a few.

    Raises:
        InvalidRequestError: see `_read`.
    """
    key = options.SerializeToString(), id(modules), max_parse_seconds
    known = _known.get(key)
    if known is None or known[0] is not modules:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        known = _known[key] = modules, _read(options, modules, max_parse_seconds)
    return known[1]


def _read(
    options: extractor_pb2.ExtractOptions, modules: dict[str, Module], max_parse_seconds: float
) -> ExtractionOptions:
    """The options.

    Raises:
        InvalidRequestError: an unknown module, algorithm, mode or depth, or a time limit out of range.
    """
    names = _modules_from_wire(options.modules, modules)
    algorithms = []
    for algorithm in options.digests:
        if algorithm not in _ALGORITHMS:
            raise InvalidRequestError("options.digests", f"unknown algorithm {algorithm}")
        algorithms.append(_ALGORITHMS[algorithm])
    if algorithms:
        names += tuple(
            module.name
            for module in modules.values()
            if module.writes is Part.DIGESTS and module.name not in names
        )
    if options.cache_mode not in _CACHE_USES:
        raise InvalidRequestError("options.cache_mode", f"unknown mode {options.cache_mode}")
    seconds = options.parse_seconds if options.HasField("parse_seconds") else max_parse_seconds
    if not 0 < seconds <= max_parse_seconds:
        raise InvalidRequestError(
            "options.parse_seconds", f"must be above 0 and at most {max_parse_seconds:g}"
        )
    if options.depth not in _DEPTHS:
        raise InvalidRequestError("options.depth", f"unknown depth {options.depth}")
    if options.work_class not in pressure_pb2.WorkClass.values():
        raise InvalidRequestError("options.work_class", f"unknown class {options.work_class}")
    return ExtractionOptions(
        modules=names,
        digest_algorithms=tuple(sorted(set(algorithms))),
        cache_use=_CACHE_USES[options.cache_mode],
        parse_seconds=seconds,
        work=WorkClass(options.work_class or WorkClass.INTERACTIVE),
        depth=_DEPTHS[options.depth],
    )


def _modules_from_wire(asked: Sequence[str], modules: dict[str, Module]) -> tuple[str, ...]:
    """The modules of these names or sets, in the order of running; the default ones when nothing is named."""
    if not asked:
        return tuple(module.name for module in modules.values() if module.default_enabled)
    known = {*modules, *(each for module in modules.values() for each in module.sets)}
    for name in asked:
        if name not in known:
            raise InvalidRequestError(
                "options.modules", f"unknown module {name!r}; one of {', '.join(sorted(known))}"
            )
    wanted = set(asked)
    return tuple(
        module.name
        for module in modules.values()
        if module.name in wanted or not wanted.isdisjoint(module.sets)
    )


def hit_to_wire(
    ready: AtHand, fields: tuple[int, int], content_id: str, elapsed_seconds: float, instance: str
) -> bytes:
    """A document that was at hand, and how it was made, as two `fields` of an encoded reply."""
    info = extractor_pb2.ExtractionInfo(
        cache_status=extractor_pb2.CACHE_STATUS_HIT,
        content_id=content_id,
        elapsed_seconds=elapsed_seconds,
        request_id=current_call.get().request_id,
        instance=instance,
    )
    return part(fields[0], ready.document) + part(fields[1], info.SerializeToString())


def info_to_wire(
    extraction: Extraction, content_id: str, elapsed_seconds: float, instance: str
) -> extractor_pb2.ExtractionInfo:
    """How a document was made."""
    return extractor_pb2.ExtractionInfo(
        cache_status=extractor_pb2.CacheStatus.ValueType(extraction.cache_verdict.value),
        content_id=content_id,
        elapsed_seconds=elapsed_seconds,
        source_bytes_read=extraction.source_bytes_read,
        source_reads=extraction.source_reads,
        request_id=current_call.get().request_id,
        instance=instance,
    )


def capabilities_to_wire(context: CallContext, chunk_bytes: int) -> extractor_pb2.GetCapabilitiesResponse:
    """What the server can do."""
    settings = context.settings
    return extractor_pb2.GetCapabilitiesResponse(
        version=VERSION,
        formats=[
            extractor_pb2.FormatInfo(
                name=each.name,
                mime_type=each.mime_type,
                extensions=each.extensions,
                version=each.version,
                is_headed=each.is_headed,
            )
            for each in context.formats
        ],
        modules=[
            _module_to_wire(module, context.unavailable.get(module.name, ""))
            for module in context.modules.values()
        ],
        limits=extractor_pb2.Limits(
            max_inline_bytes=settings.max_inline_bytes,
            max_upload_bytes=settings.max_upload_bytes,
            max_parse_seconds=settings.parse_seconds,
            max_parse_memory_bytes=settings.parse_memory_bytes,
            max_document_bytes=settings.max_document_bytes,
        ),
        digests=list(_ALGORITHMS),
        chunk_bytes=chunk_bytes,
        file_uris_enabled=bool(settings.file_roots),
        sandbox=_sandbox(context.sandbox),
    )


def _module_to_wire(module: Module, reason: str) -> extractor_pb2.ModuleInfo:
    return extractor_pb2.ModuleInfo(
        name=module.name,
        version=module.version,
        description=module.description,
        default_enabled=module.default_enabled,
        reads=module.reads,
        needs_whole_file=module.needs_whole_file,
        cost_class=extractor_pb2.CostClass.ValueType(module.cost_class.value),
        least_depth=extractor_pb2.Depth.ValueType(module.least_depth.value),
        writes=[module.writes.name.lower()] if isinstance(module.writes, Part) else module.writes,
        sets=module.sets,
        worker_kind=module.worker_kind,
        needs_pixels=module.needs_pixels,
        ttl_class=result_pb2.TtlClass.ValueType(module.lifetime.value),
        is_kept_by_position=module.subject is Subject.POSITION,
        unavailable_reason=reason,
    )


def _sandbox(report: SandboxReport) -> extractor_pb2.Sandbox:
    is_off = report is NO_SANDBOX
    return extractor_pb2.Sandbox(
        is_tight=report.is_tight,
        barriers=[
            extractor_pb2.SandboxBarrier(
                name=name,
                in_force=not is_off and name not in report.missing,
                reason="METAEXTRACT_SANDBOX is off" if is_off else report.missing.get(name, ""),
            )
            for name in BARRIERS
        ],
        attempts=[
            extractor_pb2.SandboxAttempt(
                name=name, was_refused=name not in report.failures, result=report.failures.get(name, "")
            )
            for name in ([] if is_off else PROBES)
        ],
    )


def check_digest(field: str, digest: str) -> None:
    """Raises InvalidRequestError unless `digest` is "b3:" and 64 lower-case hexadecimal digits."""
    prefix, _, text = digest.partition(":")
    if prefix != "b3" or len(text) != _DIGEST_CHARS or not set(text) <= set("0123456789abcdef"):
        raise InvalidRequestError(field, 'expected "b3:" and 64 lower-case hexadecimal digits')
