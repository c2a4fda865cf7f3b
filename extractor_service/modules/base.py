"""The interface of modules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from extractor_service.document import Depth

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.formats.base import Format
    from extractor_service.sources.base import ByteSource


@dataclass(frozen=True)
class ModuleContext:
    """What a module may know besides the bytes. Everything here is part of the cache key."""

    format: Format | None
    digest_algorithms: tuple[str, ...] = ()
    depth: Depth = Depth.STANDARD

    @property
    def depth_option(self) -> str:
        """The depth as a part of a key; the usual one has no name."""
        return "" if self.depth is Depth.STANDARD else f"depth={self.depth.name.lower()}"


class Part(Enum):
    """What a module adds to the document, unless it adds sections that it names."""

    SECTIONS = "all sections that the format has"
    COMMON = "the common facts"
    DIGESTS = "digests of the content"


class Module(Protocol):
    """One step, a plain object without state."""

    name: str
    version: str
    """Raised whenever the output changes; part of the cache key."""
    description: str
    default_enabled: bool
    writes: Part | tuple[str, ...]
    """The part of the document that is its own, or the names of its sections: nothing else of it is kept, so that results
    of several modules, which are cached one by one, repeat nothing when they are joined."""
    needs_whole_file: bool
    """Whether it reads every byte: a distant file is then sent whole, not by ranges."""
    reads: tuple[str, ...]
    """Modules whose output in the document it needs; their versions become part of its key."""

    def applies(self, context: ModuleContext) -> bool:
        """Whether there is anything to do."""
        ...

    def options(self, context: ModuleContext) -> str:
        """What of the context changes the result, in canonical form; part of the cache key."""
        ...

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds to `document`; what was added stays, whatever is raised. Errors as in `formats.base.Parser`."""
        ...


def effective_version(module: Module, modules: dict[str, Module], context: ModuleContext) -> str:
    """The module's version with those of the format and of all modules it reads."""
    parts = [module.version]
    if context.format is not None:
        parts.append(f"{context.format.name}.{context.format.version}")
    parts += [f"{name}.{modules[name].version}" for name in module.reads]
    return "+".join(parts)
