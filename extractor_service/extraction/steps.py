"""Which modules run for a request, under which keys, and what of their results is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Outcome
from extractor_service.extraction import located
from extractor_service.modules.base import Part, Subject, effective_version
from extractor_service.results import perceptual
from extractor_service.results.client import NewResult
from extractor_service.results.keys import ModuleKey, verified_space
from metaextract.cache.v1 import result_pb2
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.modules.base import Module, ModuleContext
    from extractor_service.sources.base import Input
    from extractor_service.workers.protocol import ModuleResult


class Step(NamedTuple):
    """A module to run, and by what its result is kept."""

    module: Module
    key: ModuleKey


class Steps:
    """Chooses among the modules."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self._modules = {module.name: module for module in modules}

    def asked(self, options: ExtractionOptions) -> Iterator[str]:
        """What was asked for, in the order of running; digests that nobody asked for by name are asked for by algorithm."""
        return (name for name in self._modules if name in options.modules)

    def of_content(self, source: Input, options: ExtractionOptions, context: ModuleContext) -> list[Step]:
        """The modules to run, in order; digests that the input already has aren't computed again."""
        steps = []
        is_placed = located.needs_position(options.modules, self._modules)
        for module in self._modules.values():
            is_asked = module.name in options.modules or (module.name == located.SOURCE and is_placed)
            if not is_asked or module.subject is not Subject.CONTENT or not module.applies(context):
                continue
            if options.depth.value < module.least_depth.value:
                continue
            if module.writes is Part.DIGESTS and (
                source.complete is not None or {"blake3", *options.digest_algorithms} <= set(source.digests)
            ):
                continue
            version = effective_version(module, self._modules, context)
            options_text = module.options(context)
            steps.append(
                Step(
                    module,
                    ModuleKey(source.content_id, module.name, version, options_text, space_of(source)),
                )
            )
        return steps

    def of_place(self, options: ExtractionOptions, fragments: Mapping[str, bytes]) -> list[Step]:
        """The steps of modules that are kept by place, where the place is known."""
        if not located.needs_position(options.modules, self._modules):
            return []
        position = located.position_of(fragments.get(located.SOURCE))
        if position is None:
            return []
        return [
            Step(module, located.key(module, position, verified_space(current_call.get().tenant)))
            for name, module in self._modules.items()
            if name in options.modules and module.subject is Subject.POSITION
        ]


def space_of(source: Input) -> str:
    """In whose space the results of a content are."""
    return source.claim_space or verified_space(current_call.get().tenant)


def new_results(
    missing: Sequence[Step], fragments: dict[str, bytes], storable: dict[str, ModuleResult]
) -> list[NewResult]:
    """What the cache is to keep: of each step its fragment, for as long as its module says."""
    return [
        NewResult(
            step.key,
            fragments[step.module.name],
            result.elapsed_seconds,
            # Kept briefly: the reader, not the file, may be to blame.
            result_pb2.TTL_CLASS_FAILURE
            if result.outcome >= Outcome.CORRUPT.value
            else result_pb2.TtlClass.ValueType(step.module.lifetime.value),
            perceptual.hashes_of(result.fragment) if step.module.name == perceptual.MODULE else (),
        )
        for step in missing
        if (result := storable.get(step.module.name)) is not None
    ]
