"""Which modules run for a request, under which keys, and what of their results is stored."""

from __future__ import annotations

from functools import lru_cache
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
    from collections.abc import Mapping, Sequence

    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.modules.base import Module, ModuleContext
    from extractor_service.sources.base import Input
    from extractor_service.workers.protocol import ModuleResult


_MOST_CHOICES = 256  # sets of modules that are remembered, and by far more than clients use


class Step(NamedTuple):
    """A module to run, and by what its result is kept."""

    module: Module
    key: ModuleKey


class _Choice(NamedTuple):
    """Of a request's modules: their names, those that are kept by content with the depth each needs, those kept by place."""

    asked: tuple[str, ...]
    of_content: tuple[tuple[Module, int], ...]
    of_place: tuple[Module, ...]


class Steps:
    """Chooses among the modules."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self._modules = {module.name: module for module in modules}
        # Most requests are for the same few sets of modules, and of the same formats.
        self._chosen = lru_cache(_MOST_CHOICES)(self._choose)
        self._versions: dict[tuple[str, str], str] = {}

    def asked(self, options: ExtractionOptions) -> tuple[str, ...]:
        """What was asked for, in the order of running; digests that nobody asked for by name are asked for by algorithm."""
        return self._chosen(options.modules).asked

    def of_content(self, source: Input, options: ExtractionOptions, context: ModuleContext) -> list[Step]:
        """The modules to run, in order; digests that the input already has aren't computed again."""
        steps = []
        depth, space = options.depth.value, space_of(source)
        for module, least_depth in self._chosen(options.modules).of_content:
            if depth < least_depth or not module.applies(context):
                continue
            if module.writes is Part.DIGESTS and (
                source.complete is not None or {"blake3", *options.digest_algorithms} <= set(source.digests)
            ):
                continue
            version = self._version(module, context)
            key = ModuleKey(source.content_id, module.name, version, module.options(context), space)
            steps.append(Step(module, key))
        return steps

    def of_place(self, options: ExtractionOptions, fragments: Mapping[str, bytes]) -> list[Step]:
        """The steps of modules that are kept by place, where the place is known."""
        modules = self._chosen(options.modules).of_place
        if not modules:
            return []
        position = located.position_of(fragments.get(located.SOURCE))
        if position is None:
            return []
        return [
            Step(module, located.key(module, position, verified_space(current_call.get().tenant)))
            for module in modules
        ]

    def _choose(self, names: tuple[str, ...]) -> _Choice:
        asked = [module for name, module in self._modules.items() if name in names]
        of_place = [module for module in asked if module.subject is Subject.POSITION]
        of_content = [
            (module, module.least_depth.value)
            for module in self._modules.values()
            if module.subject is Subject.CONTENT
            and (module.name in names or (of_place and module.name == located.SOURCE))
        ]
        return _Choice(tuple(module.name for module in asked), tuple(of_content), tuple(of_place))

    def _version(self, module: Module, context: ModuleContext) -> str:
        """Kept, of each module and format one."""
        key = module.name, context.format.name if context.format is not None else ""
        version = self._versions.get(key)
        if version is None:
            version = self._versions[key] = effective_version(module, self._modules, context)
        return version


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
