"""Which files can be read while they pass, in order and once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.modules.base import CostClass, ModuleContext, Part, Subject, closure

if TYPE_CHECKING:
    from extractor_service.extraction.options import ExtractionOptions
    from extractor_service.formats.identification.types import Identity
    from extractor_service.modules.base import Module


def may_pass(identity: Identity, options: ExtractionOptions, modules: dict[str, Module]) -> bool:
    """Whether a reader that only goes forward is all that needs bytes of the file; digests are the stream's own."""
    reader = identity.format
    if reader is None or not reader.reads_forward:
        return False
    context = ModuleContext(
        reader, options.digest_algorithms, options.depth, mime_type=identity.type.mime_type
    )
    needed = {*options.modules}
    for name in options.modules:
        needed.update(closure(modules[name], modules))
    return not any(_reads_too(modules[name], context) for name in needed)


def _reads_too(module: Module, context: ModuleContext) -> bool:
    """Whether it looks at the file beside the reader."""
    return (
        module.subject is Subject.CONTENT
        and module.cost_class is not CostClass.DERIVED
        and module.writes not in {Part.SECTIONS, Part.DIGESTS}
        and module.applies(context)
    )
