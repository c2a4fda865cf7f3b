"""The tree of an HDF5 file: a field per object, named by its path, and one per attribute in the object's group.

External and soft links are named, never followed; an object reachable twice is described once, so that cycles end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extractor_service.document import ByteRange, Field, LimitExceededError, ProblemKind, Struct
from extractor_service.formats.containers.hdf5.types import Types
from extractor_service.formats.containers.hdf5.views import Views
from extractor_service.sources.base import will_read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "hdf5"
_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2"}  # fmt: skip
_COMPRESSIONS = {1: "gzip", 4: "szip", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32013: "zfp", 32015: "zstd", 32026: "blosc2"}  # fmt: skip
# Entries that thousands of datasets have in common are one object: that is a tenth of what a large file's document takes.
_DATASET, _GROUP = ("kind", "dataset"), ("kind", "group")
_LAYOUTS = {
    number: ("layout", name) for number, name in enumerate(("compact", "contiguous", "chunked", "virtual"))
}
_DEFLATE, _SHUFFLE, _FLETCHER = 1, 2, 3
_MOST_SORTED = 10_000  # members of a group that are read in the order of names; HDF5 builds a table of all of them for that
_MOST_SIZES_BYTES = 256  # of an empty array of MATLAB: its dimensions
_MOST_SOURCES = 64  # of a data set that lies in other files
_HARD, _SOFT, _EXTERNAL = 0, 1, 64


class Limits:
    """Of `Tree`."""

    max_depth = 64  # groups in groups: bounds the recursion; deeper ones are a Problem
    max_announced = 1024  # what a distant file notes of hints (_MAX_HINTS); it would drop the others
    header_bytes = 512  # a guess at an object header with its first attributes; short ones cost little
    max_attribute_bytes = 64 * 1024  # as long as any value of a document may be; larger ones tell their size
    max_paths = 10_000  # kept, for references; others are looked for once
    max_members = 30_000  # of a group that are listed: more than a document holds, and less than its 50,000 fields for the sake of memory


class Tree:
    """Describes one file."""

    def __init__(self, h5py: Any, document: Document, source: ByteSource) -> None:
        self._h5py = h5py
        self._source = source
        self._document = document
        self._types = Types(h5py, document)
        self._views = Views(document)
        self._seen: dict[int, str] = {}

    def read(self, file: Any, root: Any) -> None:
        """Everything below `root`, then what conventions make of it."""
        info = self._guard("/", lambda: self._h5py.h5o.get_info(root))
        self._types.file = file
        if info is not None:
            self._seen[info.addr] = "/"
        try:
            self._group(root, "/", info.num_attrs if info is not None else 0, 0)
        finally:
            self._views.finish()

    def _group(self, group: Any, path: str, attributes: int, depth: int) -> None:
        """Describes a group's attributes and members."""
        self._views.group(path, self._attributes(group, path, attributes))
        if depth > Limits.max_depth:
            self._document.problem(
                SECTION, ProblemKind.LIMIT, f"{path}: deeper than {Limits.max_depth} groups"
            )
            return
        members = self._guard(path, lambda: self._members(group, path)) or []
        will_read(
            self._source,
            [
                (int(place), Limits.header_bytes)
                for _, kind, place in members[: Limits.max_announced]
                if kind == _HARD
            ],
        )
        prefix = path.rstrip("/")
        for name, kind, _ in members:
            label = f"{prefix}/{_text(name)}"
            try:
                self._member(group, name, kind, label, path, depth)
            except (LimitExceededError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - HDF5 raises all kinds on damage
                self._document.problem(SECTION, ProblemKind.DAMAGED, f"{label}: {short(error)}")

    def _members(self, group: Any, path: str) -> list[tuple[bytes, int, Any]]:
        """Name, kind and place of each link; of too many the first."""
        h5 = self._h5py.h5
        found: list[tuple[bytes, int, Any]] = []

        def take(name: bytes, info: Any) -> int | None:
            found.append((name, info.type, info.u))
            return None if len(found) < Limits.max_members else 1

        count = group.get_num_objs()
        order = h5.ITER_NATIVE if count > _MOST_SORTED else h5.ITER_INC
        group.links.iterate(take, idx_type=h5.INDEX_NAME, order=order, info=True)
        if count > len(found):
            self._document.problem(
                SECTION, ProblemKind.LIMIT, f"{path}: {len(found)} of {count} members are listed"
            )
        return found

    def _member(self, group: Any, name: bytes, kind: int, path: str, parent: str, depth: int) -> None:
        h5py, document = self._h5py, self._document
        if kind != _HARD:
            document.add(SECTION, Field(path, Struct(tuple(self._link(group, name, kind))), group=parent))
            return
        member = h5py.h5o.open(group, name)
        info = h5py.h5o.get_info(member)
        identity = info.addr
        if identity in self._seen:
            entries: tuple[tuple[str, Value], ...] = (
                ("kind", "hard link to an object described before"),
                ("target", self._seen[identity]),
            )
            document.add(SECTION, Field(path, Struct(entries), group=parent))
            return
        if info.rc > 1:  # the others can't be met twice
            self._seen[identity] = path
        if isinstance(member, h5py.h5g.GroupID):
            self._seen[identity] = path  # a damaged count must not make a cycle
            entries = (_GROUP, ("members", int(member.get_num_objs())))
            document.add(SECTION, Field(path, Struct(entries), group=parent))
            self._group(member, path, info.num_attrs, depth + 1)
            return
        if isinstance(member, h5py.h5d.DatasetID):
            if len(self._types.paths) < Limits.max_paths:
                self._types.paths[info.addr] = path
            self._dataset(member, path, parent, info.num_attrs)
            return
        entries = (("kind", "named type"), *self._types.describe(member))
        document.add(SECTION, Field(path, Struct(entries), group=parent))
        self._attributes(member, path, info.num_attrs)

    def _link(self, group: Any, name: bytes, kind: int) -> Iterator[tuple[str, Value]]:
        target = group.links.get_val(name)
        if kind == _SOFT:
            yield "kind", "soft link"
            yield "target", _text(target)
        elif kind == _EXTERNAL:
            yield "kind", "external link"
            yield "target", ":".join(_text(each) for each in target)
        else:
            yield "kind", f"link of type {kind}"

    def _dataset(self, member: Any, path: str, parent: str, attributes: int) -> None:
        space, kind, properties = member.get_space(), member.get_type(), member.get_create_plist()
        shape: Value = None
        extent = space.get_simple_extent_type()
        if extent != self._h5py.h5s.NULL:
            shape = (
                [int(each) for each in space.get_simple_extent_dims()]
                if extent == self._h5py.h5s.SIMPLE
                else []
            )
        size = int(space.get_simple_extent_npoints()) * int(kind.get_size()) if shape is not None else 0
        entries: list[tuple[str, Value]] = [_DATASET, ("shape", shape)]
        entries += self._types.describe(kind)
        entries.append(("size_bytes", size))
        if shape:
            most = space.get_simple_extent_dims(True)
            largest: list[Value] = [
                "unlimited" if each in {-1, 0xFFFFFFFFFFFFFFFF} else int(each) for each in most
            ]
            if largest != shape:
                entries.append(("max_shape", largest))
        layout = properties.get_layout()
        entries.append(_LAYOUTS.get(layout) or ("layout", f"layout {layout}"))
        if layout == self._h5py.h5d.CHUNKED:
            entries.append(("chunks", [int(each) for each in properties.get_chunk()]))
        entries += self._filters(properties)
        if layout == self._h5py.h5d.CONTIGUOUS and properties.get_external_count():
            entries.append(("external", True))
            entries.append(("sources", self._external(properties)))
        if layout == self._h5py.h5d.VIRTUAL:
            entries.append(("virtual", True))
            entries.append(("sources", self._virtual(properties)))
        entries += self._types.fill_value(properties, kind)
        origin = None
        if layout == self._h5py.h5d.CONTIGUOUS:
            offset = member.get_offset()
            origin = (
                ByteRange(int(offset), size)
                if offset is not None and 0 <= int(offset) < self._source.size_bytes
                else None
            )
        field = Field(path, Struct(tuple(entries)), group=parent, origin=origin)
        self._document.add(SECTION, field)
        told = self._attributes(member, path, attributes)
        dimensions = self._types.dimensions(told)
        if dimensions:
            field.value = Struct((*entries, *dimensions))
        if told.get("MATLAB_empty") and isinstance(shape, list) and 0 < size <= _MOST_SIZES_BYTES:
            told["MATLAB_size"] = self._guard(
                path, lambda: self._types.numbers(member, space.get_simple_extent_dims())
            )
        self._views.dataset(path, shape, field.value, told)

    @staticmethod
    def _external(properties: Any) -> list[Value]:
        """Files that have the data, as far as they are listed."""
        count = min(int(properties.get_external_count()), _MOST_SOURCES)
        return [_text(properties.get_external(number)[0]) for number in range(count)]

    @staticmethod
    def _virtual(properties: Any) -> list[Value]:
        """Files and data sets that a virtual one is put together of."""
        count = min(int(properties.get_virtual_count()), _MOST_SOURCES)
        return [
            f"{_text(properties.get_virtual_filename(number))}:{_text(properties.get_virtual_dsetname(number))}"
            for number in range(count)
        ]

    def _filters(self, properties: Any) -> Iterator[tuple[str, Value]]:
        count = properties.get_nfilters()
        if not count:
            return
        names: list[Value] = []
        for number in range(count):
            code, _, values, name = properties.get_filter(number)
            names.append(_FILTERS.get(code) or _text(name) or f"filter {code}")
            if code in _COMPRESSIONS:
                yield "compression", _COMPRESSIONS[code]
            if code == _DEFLATE and values:
                yield "compression_level", int(values[0])
            elif code == _SHUFFLE:
                yield "shuffle", True
            elif code == _FLETCHER:
                yield "fletcher32", True
        yield "filters", names

    def _attributes(self, owner: Any, path: str, count: int) -> dict[str, Value]:
        """Adds the attributes; those that conventions ask for are returned as well."""
        told: dict[str, Value] = {}
        if count <= 0:
            return told
        names: list[bytes] = []
        # By names: opened by their number, each costs a table of all, where there are many. In the order of storage: for any
        # other, HDF5 opens all at once, each with its own copy of a type that they may share.
        order = self._h5py.h5.ITER_NATIVE
        self._guard(f"{path} attributes", lambda: self._h5py.h5a.iterate(owner, names.append, order=order))
        for each in sorted(names):
            name = _text(each)
            try:
                attribute = self._h5py.h5a.open(owner, each)
                field = self._types.attribute(attribute, name, path)
            except (LimitExceededError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - HDF5 raises all kinds on damage
                self._document.problem(
                    SECTION, ProblemKind.DAMAGED, f"{path} attribute {name}: {short(error)}"
                )
                continue
            self._document.add(SECTION, field)
            self._views.attribute(told, name, field.value)
        if path == "/":
            self._views.outer = told
        return told

    def _guard(self, what: str, action: Callable[[], Any]) -> Any:
        """The action's result; a failure concerns `what` alone."""
        try:
            return action()
        except (LimitExceededError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - HDF5 raises all kinds on damage
            self._document.problem(SECTION, ProblemKind.DAMAGED, f"{what}: {short(error)}")
            return None


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def short(error: Exception) -> str:
    """The first line of what went wrong."""
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
