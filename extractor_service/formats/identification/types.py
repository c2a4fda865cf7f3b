"""What identification answers with: a type of file, the evidence for it, and the reader, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.formats.identification.families import FAMILIES
from extractor_service.formats.registry import FORMATS
from extractor_service.formats.tags import file_types

if TYPE_CHECKING:
    from extractor_service.formats.base import Format


class Evidence(Enum):
    """By what a type is told, strongest first; the numbers are those of the wire enum."""

    NONE = 0
    MAGIC = 1
    CONTAINER = 2
    TEXT = 3
    EXTENSION = 4


@dataclass(frozen=True, slots=True, eq=False)
class FileType:
    """A type of file. There is one of each, so that comparing and hashing cost nothing."""

    name: str
    """Short, lower case, unique: "jpeg", "docx", "7z"."""
    mime_type: str
    """Registered by IANA, or as it is usually written; "application/octet-stream" where nobody gave it one."""
    extensions: tuple[str, ...] = ()
    """Without dot, the usual one first."""
    reader: str = ""
    """Name of the Format that reads it; "" for none."""

    @property
    def format(self) -> Format | None:
        """What reads it; None for nothing."""
        return _READERS.get(self.reader)


class Identity(NamedTuple):
    """What a file is."""

    type: FileType
    evidence: Evidence
    charset: str = ""
    """Of text, as IANA names it; "" of anything else."""
    is_final: bool = True
    """Whether reading a directory of the file would say nothing more exact."""

    @property
    def format(self) -> Format | None:
        """What reads it; None for nothing."""
        return self.type.format


UNKNOWN = Identity(FileType("", "application/octet-stream"), Evidence.NONE)
_READERS = {each.name: each for each in FORMATS}


@cache
def all_types() -> tuple[FileType, ...]:
    """Every type: those with a reader, their families, then those of the table; no name and no media type twice."""
    own = [FileType(each.name, each.mime_type, each.extensions, each.name) for each in FORMATS]
    reads = {name: each.name for each in FORMATS for name in each.also}
    readers = {each.name for each in FORMATS}
    own += [
        FileType(name, mime_type, tuple(extensions.split()), reader or reads.get(name, ""))
        for name, mime_type, extensions, reader in FAMILIES
        if name not in readers
    ]
    names, mimes = {each.name for each in own}, {each.mime_type.lower() for each in own}
    result = own
    for name, mime_type, extensions in file_types.TYPES:
        if name in names or mime_type.lower() in mimes:
            continue
        names.add(name)
        result.append(FileType(name, mime_type, tuple(extensions.split()), reads.get(name, "")))
    return tuple(result)


@cache
def by_name() -> dict[str, FileType]:
    """Types by name."""
    return {each.name: each for each in all_types()}


@cache
def by_mime() -> dict[str, FileType]:
    """Types by media type in lower case; of several, the first."""
    found: dict[str, FileType] = {}
    for each in all_types():
        found.setdefault(each.mime_type.lower(), each)
    return found


@cache
def by_extension() -> dict[str, FileType]:
    """Types by extension; of several the family's member before the format that reads it, then the first."""
    found: dict[str, FileType] = {}
    members = {name for name, *_ in FAMILIES}
    for each in sorted(all_types(), key=lambda each: each.name not in members):
        for extension in each.extensions:
            found.setdefault(extension, each)
    return found


@cache
def in_table(place: int) -> FileType:
    """The type at that place of the generated table, or the own one of the same media type or name."""
    name, mime_type, _ = file_types.TYPES[place]
    known = by_name().get(name)
    if known is not None and known.mime_type == mime_type:
        return known
    return by_mime().get(mime_type.lower()) or by_name()[name]
