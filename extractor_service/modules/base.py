"""The interface of modules: one step of an extraction, cached by name, version, options and what it is made from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from extractor_service.depth import Depth

if TYPE_CHECKING:
    from PIL.Image import Image

    from extractor_service.document import Document, Position
    from extractor_service.formats.base import Format
    from extractor_service.sources.base import ByteSource


class Picture(Protocol):
    """The decoded picture of a file; see `pixels/decode.py`."""

    origin: str
    """What was decoded: "image", or the field of a picture within the file."""

    def main(self, document: Document) -> Image:
        """The picture, in RGB or grey."""
        ...

    def thumbnail(self, document: Document) -> Image | None:
        """The thumbnail that EXIF holds."""
        ...


@dataclass(frozen=True)
class ModuleContext:
    """What a module may know besides the bytes. Everything here but `pixels` is part of the cache key."""

    format: Format | None
    digest_algorithms: tuple[str, ...] = ()
    depth: Depth = Depth.STANDARD
    position: Position | None = None
    """What modules are about that are kept by place (`Subject.POSITION`)."""
    mime_type: str = ""
    """By the bytes; of what no reader reads as well."""
    pixels: Picture | None = None
    """The decoded picture, for modules that say `needs_pixels`."""

    @property
    def depth_option(self) -> str:
        """The depth as a part of a key; the usual one has no name."""
        return "" if self.depth is Depth.STANDARD else f"depth={self.depth.name.lower()}"


class Part(Enum):
    """What a module adds to the document, unless it adds sections that it names."""

    SECTIONS = "all sections that the format has"
    COMMON = "the common facts"
    DIGESTS = "digests of the content"
    OBSERVATIONS = "observations about the file"


class CostClass(Enum):
    """What running a module takes; the numbers are those of the wire enum."""

    DERIVED = 1
    """It reads nothing of the file: a fraction of a millisecond."""
    RANGES = 2
    """The bytes that matter: milliseconds."""
    WHOLE_FILE = 3
    """Every byte."""
    PIXELS = 4
    """A picture is decoded: tens of milliseconds."""
    PROGRAM = 5
    """Another program is asked: a tenth of a second and more."""


class Lifetime(Enum):
    """How long results stay good; the numbers are those of `TtlClass` in result.proto."""

    EXTRACTION = 1
    MODULE = 2
    PERCEPTUAL_HASH = 4
    GEOCODING = 5


class Subject(Enum):
    """What a module's results are about, and kept by."""

    CONTENT = 1
    POSITION = 2
    """Where the content was created: files of one place share a result. The file isn't read."""


READER, PIXELS, TEXT, PROGRAM, NUMBERS = "reader", "pixels", "text", "program", "numbers"
GUEST_PREFIX = "guest:"
"""Kinds of workers, each with processes of its own: readers of files, decoders of pictures, the one that asks another program, those
that read words or compute with arrays, and one for each module of another package. What a kind costs, it costs when it is first needed."""


class Module(ABC):
    """One step, a plain object without state. What isn't said is what most modules are."""

    name: str
    version: str
    """Raised whenever the output changes; part of the cache key."""
    description: str
    writes: Part | tuple[str, ...]
    """The part of the document that is its own, or the names of its sections: nothing else of it is kept, so that results
    of several modules, which are cached one by one, repeat nothing when they are joined."""
    default_enabled: bool = False
    sets: tuple[str, ...] = ()
    """Names by which it can be asked for together with others."""
    reads: tuple[str, ...] = ()
    """Modules whose output in the document it needs; their versions become part of its key."""
    cost_class: CostClass = CostClass.DERIVED
    needs_whole_file: bool = False
    """Whether it reads every byte: a distant file is then sent whole, not by ranges."""
    needs_pixels: bool = False
    """Whether it looks at the decoded picture, `context.pixels`."""
    worker_kind: str = READER
    lifetime: Lifetime = Lifetime.EXTRACTION
    subject: Subject = Subject.CONTENT
    least_depth: Depth = Depth.FAST
    """Below it, it doesn't run."""

    @abstractmethod
    def applies(self, context: ModuleContext) -> bool:
        """Whether there is anything to do."""

    def options(self, context: ModuleContext) -> str:
        """What of the context changes the result, in canonical form; part of the cache key."""
        return context.depth_option

    def unavailable(self) -> str:
        """Why it can't run here: a package or a program is missing. "" when it can. Asked once, in the front: imports nothing."""
        return ""

    def preload(self) -> None:
        """Loads what it needs, in the process from which workers are forked."""
        return

    @abstractmethod
    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds to `document`; what was added stays, whatever is raised. Errors as in `formats.base.Parser`."""


def effective_version(module: Module, modules: dict[str, Module], context: ModuleContext) -> str:
    """The module's version with those of the format and of all modules it reads, directly or not."""
    if module.subject is not Subject.CONTENT:
        return module.version  # nothing of the file is in it
    parts = [module.version]
    if context.format is not None:
        parts.append(f"{context.format.name}.{context.format.version}")
    parts += [f"{name}.{modules[name].version}" for name in closure(module, modules)]
    return "+".join(parts)


def closure(module: Module, modules: dict[str, Module]) -> list[str]:
    """The names of all modules that it needs, those it reads first."""
    names = list(module.reads)
    for name in names:
        names += [each for each in modules[name].reads if each not in names]
    return names
