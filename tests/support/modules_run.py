"""Modules run as a worker runs them, in this process."""

from __future__ import annotations

from extractor_service.document import Document, LimitExceededError, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import by_the_name, identify_source
from extractor_service.formats.registry import BY_NAME as FORMATS
from extractor_service.modules.base import ModuleContext, closure
from extractor_service.modules.pixels.decode import Pixels
from extractor_service.modules.registry import BY_NAME
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource


def run(data: bytes, *names: str, name: str = "", **context) -> Document:
    """The document after these modules and what they read; what damage they met is in its problems."""
    known = by_the_name(identify_source(BytesSource(data)), name).identity.type
    source, document = BlockCachedSource(BytesSource(data)), Document()
    about = ModuleContext(
        FORMATS.get(known.reader),
        mime_type=known.mime_type,
        pixels=Pixels(source, known.mime_type),
        **context,
    )
    wanted = {*names, *(each for name in names for each in closure(BY_NAME[name], BY_NAME))}
    for module in BY_NAME.values():
        if module.name in wanted and module.applies(about):
            try:
                module.run(source, document, about)
            except (CorruptFileError, LimitExceededError) as error:
                document.problem(module.name, ProblemKind.DAMAGED, str(error))
    return document


def values(document: Document, section: str) -> dict[str, object]:
    """Values by name of a section; the last of each."""
    return {field.name: field.value for field in document.sections.get(section, ())}
