"""How facts of documents are found in our fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extractor_service.document import Document, LimitExceededError, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify_source, named
from extractor_service.modules.base import ModuleContext
from extractor_service.modules.loaded import MODULES
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Ours:
    """Our fields of one file."""

    def __init__(self, path: Path) -> None:
        source = BlockCachedSource(BytesSource(path.read_bytes()))
        context, document = ModuleContext(named(identify_source(source), path.name).format), Document()
        for module in MODULES:
            if module.default_enabled and module.applies(context):
                try:
                    module.run(source, document, context)
                except (CorruptFileError, LimitExceededError) as error:
                    print(f"  {path.name}: {error}")
        self.fields = [(name, each) for name, fields in document.sections.items() for each in fields]

    def all(self, name: str, group: str | None = None, section: str = "") -> list[Any]:
        """The values of all fields of that name."""
        return [
            each.value for where, each in self.fields
            if each.name == name and group in {None, each.group} and section in {"", where}
        ]  # fmt: skip

    def one(self, name: str, group: str | None = None, section: str = "") -> Any:
        """The first of them; None without one."""
        return next(iter(self.all(name, group, section)), None)

    def structs(self, name: str, group: str | None = None) -> list[dict[str, Any]]:
        """Structures of that name, as dictionaries."""
        return [dict(each.entries) for each in self.all(name, group) if isinstance(each, Struct)]


def one(name: str, group: str | None = None, section: str = "", default: Any = None) -> Callable[[Ours], Any]:
    def read(ours: Ours) -> Any:
        value = ours.one(name, group, section)
        return default if value is None else value

    return read


def every(name: str, group: str | None = None, section: str = "") -> Callable[[Ours], Any]:
    return lambda ours: [
        part
        for each in ours.all(name, group, section)
        for part in (each if isinstance(each, list) else [each])
    ]


def has(name: str, group: str | None = None) -> Callable[[Ours], Any]:
    return lambda ours: any(ours.all(name, group))


def column(name: str, key: str, group: str | None = None, default: Any = None) -> Callable[[Ours], Any]:
    return lambda ours: [each.get(key, default) for each in ours.structs(name, group)]


def member(key: str, default: Any = None) -> Callable[[Ours], Any]:
    return column("Member", key, "Members", default)


def member_names(ours: Ours) -> list[str]:
    return [each["Name"].strip("/").removeprefix("./") for each in ours.structs("Member", "Members")]


def in_order(read: Callable[[Ours], Any]) -> Callable[[Ours], Any]:
    return lambda ours: sorted(map(str, read(ours)))


def member_modes(ours: Ours) -> list[int | None]:
    return [int(each["Mode"], 8) if "Mode" in each else None for each in ours.structs("Member", "Members")]


def member_sums(ours: Ours) -> list[int | None]:
    return [int(each["CRC"], 16) if "CRC" in each else None for each in ours.structs("Member", "Members")]


def member_folders(ours: Ours) -> list[bool]:
    return [each.get("Kind") == "folder" for each in ours.structs("Member", "Members")]


def zip_column(name: str, default: Any = None) -> Callable[[Ours], Any]:
    """A column of the ZIP directory's own fields."""

    def read(ours: Ours) -> list[Any]:
        rows: dict[str, Any] = {}
        for where, each in ours.fields:
            if where == "zip" and each.group.startswith("Member"):
                rows.setdefault(each.group, default)
                if each.name == name:
                    rows[each.group] = each.value
        return list(rows.values())

    return read


def of_fonts(name: str, default: Any = None) -> Callable[[Ours], Any]:
    return lambda ours: [
        ours.one(name, group) if ours.one(name, group) is not None else default for group in font_groups(ours)
    ]


def font_groups(ours: Ours) -> list[str]:
    return list(
        dict.fromkeys(
            each.group for where, each in ours.fields if where == "font" and each.group.startswith("Font")
        )
    )


def per_program(name: str, *, is_list: bool = True) -> Callable[[Ours], Any]:
    """A fact of each architecture."""

    def read(ours: Ours) -> list[Any]:
        groups = dict.fromkeys(
            each.group
            for where, each in ours.fields
            if where == "program" and each.group.startswith("Program")
        )
        values = [ours.all(name, group) for group in groups]
        return [
            [part for each in found for part in (each if isinstance(each, list) else [each])]
            if is_list
            else found
            for found in values
        ]

    return read


def first_of(*reads: Callable[[Ours], Any]) -> Callable[[Ours], Any]:
    return lambda ours: next((value for read in reads if (value := read(ours)) is not None), None)


def by_name(read: Callable[[Ours], Any]) -> Callable[[Ours], Any]:
    """A column in the order of the members' names."""
    return lambda ours: [
        value
        for _, value in sorted(zip(member_names(ours), read(ours), strict=True), key=lambda pair: pair[0])
    ]
