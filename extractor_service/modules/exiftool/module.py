"""The module that asks ExifTool of files that no reader here reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.document import Field, HardLimitError, ProblemKind, Struct
from extractor_service.modules.base import PROGRAM, CostClass, Lifetime, Module
from extractor_service.modules.exiftool.process import MOST_BYTES, ExifTool, program

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

SECTION = "exiftool"
_NEVER = frozenset({"application/dicom", "application/octet-stream", ""})
_MAX_DEPTH = 8  # of structures in its answer
_NOTE = "read by ExifTool"


class ExifToolModule(Module):
    """What ExifTool says of identified files without a reader; each field is marked with its reader."""

    name = "exiftool"
    version = "1"
    description = "ExifTool, where it is installed, as the reader of identified files that have none here."
    writes = (SECTION,)
    cost_class = CostClass.PROGRAM
    worker_kind = PROGRAM
    lifetime = Lifetime.MODULE
    needs_whole_file = True

    def __init__(self) -> None:
        self._running: ExifTool | None = None

    def applies(self, context: ModuleContext) -> bool:
        """To files that are known for what they are and have no reader; never to DICOM, which is large and has one."""
        return context.format is None and context.mime_type not in _NEVER

    def options(self, context: ModuleContext) -> str:
        """None."""
        del context
        return ""

    def unavailable(self) -> str:
        """Whether it isn't installed."""
        return "" if program() else "not installed: exiftool with perl"

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "exiftool"."""
        del context
        if source.size_bytes > MOST_BYTES:
            raise HardLimitError(
                f"a file of {source.size_bytes} bytes isn't given to ExifTool, at most {MOST_BYTES} are"
            )
        if self._running is None:
            self._running = ExifTool(program() or "/usr/bin/exiftool")
        told = self._running.ask(source)  # what it fails by is its own fault, not the file's: never kept
        for key, value in told.items():
            group, _, name = key.rpartition(":")
            if name == "Error":
                document.problem(SECTION, ProblemKind.UNSUPPORTED, f"ExifTool: {value}"[:300])
            elif name not in {"SourceFile", "Warning"} and value != "":
                document.add(SECTION, Field(name, _value(value, 0), group=group, note=_NOTE))
            elif name == "Warning":
                document.problem(SECTION, ProblemKind.DAMAGED, f"ExifTool: {value}"[:300])


def _value(value: object, depth: int) -> Value:
    if depth > _MAX_DEPTH:
        return str(value)
    if isinstance(value, list):
        return [_value(each, depth + 1) for each in value]
    if isinstance(value, dict):
        return Struct(tuple((str(name), _value(each, depth + 1)) for name, each in value.items()))
    return value if isinstance(value, (str, int, float, bool)) else None
