"""From a plan to the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.tickets import ticket_of_call
from extractor_service.depth import Depth
from extractor_service.formats.identification.identify import identify, suggestion
from extractor_service.modules.base import ModuleContext
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client.files import SMALL_FILE_BYTES

if TYPE_CHECKING:
    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.serving.call_context import CallContext


def plan_to_wire(
    request: pb.PlanExtractionRequest, options: ExtractionOptions, context: CallContext
) -> pb.PlanExtractionResponse:
    """What the extraction would take."""
    planner, backoff = context.planner, context.backoff
    likely = identify(request.head, request.size_bytes).type if request.head else suggestion(request.name)
    found = likely.format if likely is not None else None
    size, name = request.size_bytes, found.name if found is not None else ""
    mime_type = likely.mime_type if likely is not None else ""
    about = ModuleContext(found, options.digest_algorithms, options.depth, mime_type=mime_type)
    modules = [
        module
        for module in context.modules.values()
        if module.name in options.modules and module.applies(about)
    ]
    strategy = pb.PLAN_STRATEGY_RANGES
    if size <= min(SMALL_FILE_BYTES, context.settings.max_inline_bytes):
        strategy = pb.PLAN_STRATEGY_INLINE
    elif not request.can_seek or any(module.needs_whole_file for module in modules):
        strategy = pb.PLAN_STRATEGY_WHOLE_STREAM
    inline = size if strategy == pb.PLAN_STRATEGY_INLINE else 0
    plan = planner.plan(found, size, inline, options.depth)
    errors = planner.errors(name, options.depth)
    row = backoff.decide().rows[options.work]
    moves_all = strategy != pb.PLAN_STRATEGY_RANGES
    refused = moves_all and row.refuse_above_bytes is not None and size > row.refuse_above_bytes
    return pb.PlanExtractionResponse(
        format=name,
        strategy=strategy,
        modules=[module.name for module in modules],
        moved_bytes=size if moves_all else plan.read_bytes,
        memory_bytes=plan.memory_bytes,
        seconds=plan.seconds,
        basis=pb.ESTIMATE_BASIS_MEASURED if plan.sample_count else pb.ESTIMATE_BASIS_TABLE,
        sample_count=plan.sample_count,
        seconds_error_ratio=errors.seconds_ratio,
        bytes_error_ratio=errors.bytes_ratio,
        is_admissible=not refused and not backoff.limiter.is_full(ticket_of_call(options.work)),
        depths=[
            pb.DepthCost(
                depth=pb.Depth.ValueType(depth.value),
                moved_bytes=size if moves_all else each.read_bytes,
                memory_bytes=each.memory_bytes,
                seconds=each.seconds,
                sample_count=each.sample_count,
            )
            for depth in Depth
            for each in (planner.plan(found, size, inline, depth),)
        ],
    )
