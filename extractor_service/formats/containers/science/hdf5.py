"""HDF5 (and netCDF-4): the tree, shapes, types, storage and attributes, through h5py; no dataset is read.

A field per object, named by its path, and one per attribute in the object's group. External and soft links are
named, never followed; an object reachable twice is described once, so that cycles end.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from extractor_service.document import Field, LimitExceededError, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.sources.base import will_read
from extractor_service.sources.fileobj import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

SECTION = "hdf5"
_MAX_VALUE_DEPTH = 12  # three messages a level: well below the hundred that protobuf parses


class Limits:
    """Of `_Tree`."""

    max_depth = 64  # groups in groups: bounds the recursion; deeper ones are a Problem
    max_announced = 1024  # what a distant file notes of hints (_MAX_HINTS); it would drop the others
    header_bytes = 512  # a guess at an object header with its first attributes; short ones cost little
    max_attribute_bytes = 64 * 1024  # as long as any value of a document may be; larger ones tell their size
    max_items = 256  # array attributes say enough by their beginning; what is cut is a Problem


def parse(source: ByteSource, document: Document) -> None:
    """Groups, datasets, named types, links and attributes in the order of their names."""
    import h5py  # noqa: PLC0415 - 30 MiB, in workers only

    try:
        # The core of the file is read through a block cache already: HDF5's own raw-data cache stays empty.
        file = h5py.File(SourceFile(source), "r", rdcc_nbytes=0)
    except (OSError, RuntimeError, ValueError, KeyError) as error:
        raise CorruptFileError(f"HDF5: {_short(error)}") from error
    with file:
        if file.userblock_size:
            document.add(SECTION, Field("UserBlockSize", file.userblock_size, unit="By", group="/"))
        try:
            tree = _Tree(h5py, document, file["/"], source)
        except (KeyError, RuntimeError, OSError) as error:
            raise CorruptFileError(f"HDF5: {_short(error)}") from error
        tree.visit(file, "/", 0)


class _Tree:
    def __init__(self, h5py: Any, document: Document, root: Any, source: ByteSource) -> None:
        self._h5py = h5py
        self._source = source
        self._document = document
        info = h5py.h5o.get_info(root.id)
        self._seen: set[tuple[int, int]] = {(info.fileno, info.addr)}

    def visit(self, group: Any, path: str, depth: int) -> None:
        """Describes `group`'s attributes and members."""
        self._attributes(group, path)
        if depth > Limits.max_depth:
            self._document.problem(
                SECTION, ProblemKind.LIMIT, f"{path}: deeper than {Limits.max_depth} groups"
            )
            return
        names = self._guard(path, lambda: list(group)) or []
        self._guard(path, lambda: self._announce(group, names))
        for name in names:
            self._guard(
                f"{path.rstrip('/')}/{name}", lambda name=name: self._member(group, name, path, depth)
            )

    def _announce(self, group: Any, names: list[str]) -> None:
        """Names the places of the members' headers, all at once: a distant file then sends them in one answer."""
        places = []
        for name in names[: Limits.max_announced]:
            info = group.id.links.get_info(name.encode())
            if info.type == self._h5py.h5l.TYPE_HARD:
                places.append((int(info.u), Limits.header_bytes))
        will_read(self._source, places)

    def _member(self, group: Any, name: str, parent: str, depth: int) -> None:
        h5py, document = self._h5py, self._document
        path = f"{parent.rstrip('/')}/{name}"
        link = group.get(name, getlink=True)
        if not isinstance(link, h5py.HardLink):
            target = getattr(link, "path", "")
            file = getattr(link, "filename", "")
            kind = "external link" if file else "soft link"
            entries: tuple[tuple[str, Value], ...] = (
                ("kind", kind),
                ("target", f"{file}:{target}" if file else target),
            )
            document.add(SECTION, Field(path, Struct(entries), group=parent))
            return
        info = h5py.h5o.get_info(group.id, name.encode())
        identity = (info.fileno, info.addr)
        if identity in self._seen:
            document.add(
                SECTION,
                Field(path, Struct((("kind", "hard link to an object described before"),)), group=parent),
            )
            return
        self._seen.add(identity)
        member = group[name]
        document.add(SECTION, Field(path, self._describe(member), group=parent))
        if isinstance(member, h5py.Group):
            self.visit(member, path, depth + 1)
        else:
            self._attributes(member, path)

    def _describe(self, member: Any) -> Struct:
        h5py = self._h5py
        if isinstance(member, h5py.Group):
            return Struct((("kind", "group"), ("members", len(member))))
        if not isinstance(member, h5py.Dataset):
            return Struct((("kind", "named type"), ("type", str(member.dtype))))
        shape: Value = None if member.shape is None else [int(length) for length in member.shape]
        entries: list[tuple[str, Value]] = [
            ("kind", "dataset"),
            ("shape", shape),
            ("type", _type_name(h5py, member.dtype)),
            ("size_bytes", int(member.nbytes)),
        ]
        if member.maxshape is not None and member.maxshape != member.shape:
            entries.append(("max_shape", ["unlimited" if n is None else int(n) for n in member.maxshape]))
        if member.chunks:
            entries.append(("chunks", [int(length) for length in member.chunks]))
        for label, value in (
            ("compression", member.compression),
            ("shuffle", member.shuffle or None),
            ("fletcher32", member.fletcher32 or None),
            ("external", bool(member.external) or None),
            ("virtual", member.is_virtual or None),
        ):
            if value is not None:
                entries.append((label, value))
        return Struct(tuple(entries))

    def _attributes(self, owner: Any, path: str) -> None:
        names = self._guard(path, lambda: list(owner.attrs)) or []
        for name in names:
            self._guard(f"{path} attribute {name}", lambda name=name: self._attribute(owner, name, path))

    def _attribute(self, owner: Any, name: str, path: str) -> None:
        attribute = owner.attrs.get_id(name)
        size_bytes = attribute.dtype.itemsize
        for length in attribute.shape or ():
            size_bytes *= int(length)
        if size_bytes > Limits.max_attribute_bytes:
            self._document.add(SECTION, Field(name, None, text=f"({size_bytes} bytes)", group=path))
            return
        length = math.prod(attribute.shape or ())
        text = ""
        if length > Limits.max_items:
            text = f"(the first {Limits.max_items} of {length} values)"
            self._document.problem(
                SECTION, ProblemKind.LIMIT, f"{path} attribute {name}: {length} values are cut"
            )
        self._document.add(
            SECTION, Field(name, _value(owner.attrs[name], self._h5py, 0), text=text, group=path)
        )

    def _guard(self, what: str, action: Any) -> Any:
        """The action's result; a failure concerns `what` alone."""
        try:
            return action()
        except (LimitExceededError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - HDF5 raises all kinds on damage
            self._document.problem(SECTION, ProblemKind.DAMAGED, f"{what}: {_short(error)}")
            return None


def _type_name(h5py: Any, dtype: Any) -> str:
    text = h5py.check_string_dtype(dtype)
    if text is not None:
        return f"string ({text.encoding}, {'variable' if text.length is None else text.length})"
    inner = h5py.check_vlen_dtype(dtype)
    if inner is not None:
        return f"variable-length {inner}"
    if h5py.check_ref_dtype(dtype) is not None:
        return "reference"
    return str(dtype)


def _value(value: Any, h5py: Any, depth: int) -> Value:
    """An attribute's value in plain Python; nested compounds end at a depth that messages can hold."""
    if depth > _MAX_VALUE_DEPTH:
        return "(nested too deeply)"
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, h5py.Reference | h5py.RegionReference):
        return "(reference)"
    if hasattr(value, "tolist"):
        if value.dtype.names:
            return _records(value, h5py, depth)
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_value(item, h5py, depth + 1) for item in value[: Limits.max_items]]
    if isinstance(value, bytes):
        try:
            return value.rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError:
            return value
    if isinstance(value, complex):
        return Struct((("real", value.real), ("imaginary", value.imag)))
    if isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _records(value: Any, h5py: Any, depth: int) -> Value:
    if getattr(value, "shape", ()):
        rows: Iterable[Any] = value.reshape(-1)[: Limits.max_items]
        return [_records(row, h5py, depth + 1) for row in rows]
    return Struct(tuple((name, _value(value[name], h5py, depth + 1)) for name in value.dtype.names))


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__
