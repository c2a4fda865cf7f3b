"""HDF5's types by name, and attributes' values in plain Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extractor_service.document import Field, ProblemKind, Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extractor_service.document import Document, Value

SECTION = "hdf5"


class Limits:
    """Of `Types`."""

    max_kept_types = 1000  # that were met: files have a dozen
    max_type_depth = 16  # types in types; each level copies all below it
    max_value_depth = 12  # three messages a level: well below the hundred that protobuf parses
    max_bytes = 64 * 1024  # as long as any value of a document may be
    max_members = 500  # of an enumeration or compound
    max_references = 100_000  # followed in one file, for names of dimensions
    max_searched = 4000  # of them to what wasn't met before: HDF5 looks through the whole file
    max_fill_bytes = 16  # a number, not a record


class Types:
    """Of one file."""

    def __init__(self, h5py: Any, document: Document) -> None:
        self._h5py = h5py
        self._document = document
        self._names: dict[bytes, str] = {}
        self._entries: dict[str, tuple[str, Value]] = {}
        self._in_memory: dict[bytes, tuple[Any, Any]] = {}
        self._followed = self._searched = 0
        self.paths: dict[int, str] = {}
        """Of objects that were met, by their address."""
        self.file: Any = None
        """For references, set once the file is open."""

    def describe(self, kind: Any) -> list[tuple[str, Value]]:
        """The type's name, and of enumerations and compounds their members."""
        h5t = self._h5py.h5t
        if self._is_deep(kind):
            return [("type", "(nested too deeply)")]
        name = self.name(kind)
        entries: list[tuple[str, Value]] = [self._entries.setdefault(name, ("type", name))]
        base = kind
        while base.get_class() in {h5t.VLEN, h5t.ARRAY}:
            base = base.get_super()
        if base.get_class() == h5t.ENUM and not _is_bool(base):
            entries.append(("members", Struct(tuple(_members(base)))))
        elif base.get_class() == h5t.COMPOUND and not _is_complex(base, h5t):
            entries.append(("fields", self._fields(base, 0)))
        return entries

    def _is_deep(self, kind: Any, left: int = Limits.max_type_depth) -> bool:
        """Whether types are nested more deeply than any writer nests them. h5py makes NumPy's types of them by recursion."""
        h5t = self._h5py.h5t
        while left:
            which = kind.get_class()
            if which == h5t.COMPOUND:
                count = min(kind.get_nmembers(), Limits.max_members)
                return any(
                    self._is_deep(kind.get_member_type(each), left - 1)
                    for each in range(count)
                    if kind.get_member_class(each) in {h5t.COMPOUND, h5t.VLEN, h5t.ARRAY}
                )
            if which not in {h5t.VLEN, h5t.ARRAY}:
                return False
            kind = kind.get_super()
            left -= 1
        return True

    def _fields(self, kind: Any, depth: int) -> list[Value]:
        fields: list[Value] = []
        for number in range(min(kind.get_nmembers(), Limits.max_members)):
            inner = kind.get_member_type(number)
            entries: list[tuple[str, Value]] = [
                ("name", kind.get_member_name(number).decode("utf-8", "replace")),
                ("type", self.name(inner)),
                ("offset", int(kind.get_member_offset(number))),
            ]
            if (
                inner.get_class() == self._h5py.h5t.COMPOUND
                and depth < Limits.max_value_depth
                and not _is_complex(inner, self._h5py.h5t)
            ):
                entries.append(("fields", self._fields(inner, depth + 1)))
            fields.append(Struct(tuple(entries)))
        return fields

    def name(self, kind: Any) -> str:
        """A type in the words of NumPy, where it has any."""
        h5t, which = self._h5py.h5t, kind.get_class()
        if which in {h5t.INTEGER, h5t.FLOAT}:
            key = kind.encode()
            known = self._names.get(key)
            if known is None:
                known = _number_name(kind) if which == h5t.FLOAT else _integer_name(kind)
                if len(self._names) < Limits.max_kept_types:
                    self._names[key] = known
            return known
        if which == h5t.STRING:
            charset = "utf-8" if kind.get_cset() == h5t.CSET_UTF8 else "ascii"
            return f"string ({charset}, {'variable' if kind.is_variable_str() else kind.get_size()})"
        if which == h5t.ENUM:
            return "bool" if _is_bool(kind) else f"enum of {self.name(kind.get_super())}"
        if which == h5t.COMPOUND:
            return str(kind.dtype) if _is_complex(kind, h5t) else "compound"
        if which == h5t.ARRAY:
            return f"{self.name(kind.get_super())}{list(kind.get_array_dims())}"
        if which == h5t.VLEN:
            return f"variable-length {self.name(kind.get_super())}"
        if which == h5t.REFERENCE:
            return "region reference" if kind.equal(h5t.STD_REF_DSETREG) else "reference"
        if which == h5t.OPAQUE:
            tag = kind.get_tag().decode("utf-8", "replace")
            return f"opaque ({kind.get_size()} bytes{f', {tag}' if tag else ''})"
        return "bitfield" if which == h5t.BITFIELD else "time" if which == h5t.TIME else f"class {which}"

    def fill_value(self, properties: Any, kind: Any) -> Iterator[tuple[str, Value]]:
        """What isn't written reads so, where the writer said it."""
        h5t = self._h5py.h5t
        if properties.fill_value_defined() != self._h5py.h5d.FILL_VALUE_USER_DEFINED:
            return
        if kind.get_class() in {h5t.INTEGER, h5t.FLOAT} and kind.get_size() <= Limits.max_fill_bytes:
            import numpy as np  # noqa: PLC0415 - h5py has loaded it

            told = np.zeros((1,), kind.dtype)
            properties.get_fill_value(told)
            yield "fill_value", told[0].item()

    def attribute(self, attribute: Any, name: str, path: str) -> Field:
        """The attribute as a field; long ones by their beginning or their size."""
        h5py = self._h5py
        space = attribute.get_space()
        if space.get_simple_extent_type() == h5py.h5s.NULL:
            return Field(name, None, group=path)
        kind = attribute.get_type()
        if self._is_deep(kind):
            return Field(name, None, text="(a type nested too deeply)", group=path)
        count = int(space.get_simple_extent_npoints())
        size = count * int(kind.get_size())
        which = kind.get_class()
        if (
            name == "REFERENCE_LIST"
            or which == h5py.h5t.REFERENCE
            or (
                name == "DIMENSION_LIST"
                and which == h5py.h5t.VLEN
                and kind.get_super().get_class() == h5py.h5t.REFERENCE
            )
        ):
            return self._references(attribute, (kind, space), name, path, count)
        if size > Limits.max_bytes and not (
            which == h5py.h5t.STRING and count == 1 and size < 16 * Limits.max_bytes
        ):
            return Field(name, None, text=f"({size} bytes)", group=path)
        most = self._document.limits.max_items
        value = self._read(attribute, kind, space)
        text = ""
        if count > most:
            text = f"(the first {most} of {count} values)"
            self._document.problem(
                SECTION, ProblemKind.LIMIT, f"{path} attribute {name}: {count} values are cut"
            )
        if which == h5py.h5t.ENUM and not _is_bool(kind):
            labels = {number: label for label, number in _members(kind)}
            raw = self._value(value, 0)
            members = ", ".join(
                f"{label}={number}" for number, label in list(labels.items())[: Limits.max_members]
            )
            return Field(
                name, _labelled(raw, labels), text, raw=raw, group=path, note=f"enumeration: {members}"[:2000]
            )
        return Field(name, self._value(value, 0), text, group=path)

    def _references(self, attribute: Any, stored: tuple[Any, Any], name: str, path: str, count: int) -> Field:
        """Names of what is referred to, where that is a dimension's; a list of thousands is counted, not followed."""
        if name == "REFERENCE_LIST" or count > 64:
            return Field(name, None, text=f"({count} references)", group=path)
        value = self._read(attribute, *stored)
        found: list[Value] = []
        for each in value.reshape(-1) if hasattr(value, "reshape") else [value]:
            inner = list(each) if hasattr(each, "__len__") else [each]
            names = [self._target(one) for one in inner[:8]]
            found.append(names[0] if len(names) == 1 else [*names])
        return Field(name, found[0] if count == 1 and name != "DIMENSION_LIST" else found, group=path)

    def _target(self, reference: Any) -> str:
        """The path of what is referred to. HDF5 looks for it in the whole file; what was met already is known here."""
        self._followed += 1
        if not reference:
            return "(reference)"
        if self._followed > Limits.max_references:
            if self._followed == Limits.max_references + 1:
                self._document.problem(
                    SECTION, ProblemKind.LIMIT, f"{Limits.max_references} references are followed"
                )
            return "(reference)"
        h5py = self._h5py
        address = h5py.h5o.get_info(h5py.h5r.dereference(reference, self.file)).addr
        known = self.paths.get(address)
        if known is None:
            self._searched += 1
            if self._searched > Limits.max_searched:
                return "(reference)"
            name = h5py.h5r.get_name(reference, self.file)
            known = self.paths[address] = name.decode("utf-8", "replace") if name else "(reference)"
        return known

    @staticmethod
    def dimensions(told: dict[str, Value]) -> list[tuple[str, Value]]:
        """Scales of a dataset, by its attributes (HDF5 Dimension Scales Specification)."""
        entries: list[tuple[str, Value]] = []
        if told.get("CLASS") == "DIMENSION_SCALE":
            entries.append(("scale", told.get("NAME") or ""))
        scales = told.get("DIMENSION_LIST")
        if isinstance(scales, list):
            entries.append(("dimensions", scales))
        if isinstance(told.get("DIMENSION_LABELS"), list):
            entries.append(("dimension_labels", told["DIMENSION_LABELS"]))
        return entries

    def _read(self, attribute: Any, kind: Any, space: Any) -> Any:
        """As h5py's attributes read themselves, without its objects around; a type in memory is made once."""
        import numpy as np  # noqa: PLC0415 - h5py has loaded it

        key = kind.encode()
        known = self._in_memory.get(key)
        if known is None:
            dtype = kind.dtype
            known = dtype, self._h5py.h5t.py_create(dtype)
            if len(self._in_memory) < Limits.max_kept_types:
                self._in_memory[key] = known
        dtype, stored = known
        shape = (
            space.get_simple_extent_dims() if space.get_simple_extent_type() == self._h5py.h5s.SIMPLE else ()
        )
        if dtype.subdtype is not None:
            dtype, inner = dtype.subdtype
            shape += inner
        values = np.zeros(shape, dtype=dtype)
        attribute.read(values, mtype=stored)
        return values[()]

    def numbers(self, member: Any, shape: Sequence[int]) -> Value:
        """All values of a small data set of whole numbers."""
        import numpy as np  # noqa: PLC0415 - h5py has loaded it

        if member.get_type().get_class() != self._h5py.h5t.INTEGER:
            return None
        values = np.zeros(tuple(shape), "i8")
        member.read(self._h5py.h5s.ALL, self._h5py.h5s.ALL, values)
        return self._value(values.reshape(-1), 0)

    def _value(self, value: Any, depth: int) -> Value:
        """A value in plain Python; nested compounds end at a depth that messages can hold."""
        h5py = self._h5py
        if depth > Limits.max_value_depth:
            return "(nested too deeply)"
        if isinstance(value, h5py.h5r.Reference):
            return "(reference)"
        if hasattr(value, "tolist"):
            if value.dtype.names:
                return self._records(value, depth)
            if value.dtype.kind == "V":
                return bytes(value.tobytes())
            if getattr(value, "ndim", 0):
                value = value[: self._document.limits.max_items] if value.ndim == 1 else value
            value = value.tolist() if value.dtype.kind not in "Mm" else value.astype("i8").tolist()
        if isinstance(value, (list, tuple)):
            return [self._value(item, depth + 1) for item in value[: self._document.limits.max_items]]
        if isinstance(value, bytes):
            try:
                return value.rstrip(b"\0").decode("utf-8")
            except UnicodeDecodeError:
                return value
        if isinstance(value, str):
            return value.encode("utf-8", "replace").decode("utf-8")
        if isinstance(value, complex):
            return Struct((("real", value.real), ("imaginary", value.imag)))
        return value if isinstance(value, (bool, int, float)) else str(value)

    def _records(self, value: Any, depth: int) -> Value:
        if getattr(value, "shape", ()):
            return [self._value(row, depth + 1) for row in value[: self._document.limits.max_items]]
        entries: list[tuple[str, Value]] = []
        for name in value.dtype.names:
            inner = self._value(value[name], depth + 1)
            members = self._h5py.check_enum_dtype(value.dtype[name].base)
            labels = {number: label for label, number in members.items()} if members else {}
            entries.append((name, _labelled(inner, labels) if labels else inner))
        return Struct(tuple(entries))


_IEEE = {2: (15, 10, 5, 0, 10), 4: (31, 23, 8, 0, 23), 8: (63, 52, 11, 0, 52)}
"""Of IEEE 754 by bytes: place of the sign, place and size of exponent and fraction (H5Tget_fields)."""
_OTHERS: dict[tuple[int, ...], str] = {(7, 3, 4, 0, 3): "float8_e4m3", (7, 2, 5, 0, 2): "float8_e5m2", (15, 7, 8, 0, 7): "bfloat16"}  # fmt: skip


def _integer_name(kind: Any) -> str:
    """NumPy's name, and how many bits count, where not all do."""
    bits = int(kind.get_precision())
    return str(kind.dtype) if bits == 8 * kind.get_size() else f"{kind.dtype} ({bits} bits)"


def _number_name(kind: Any) -> str:
    """NumPy's name; of numbers that NumPy lacks, what they are."""
    name, size = str(kind.dtype), int(kind.get_size())
    fields = tuple(map(int, kind.get_fields()))
    if _IEEE.get(size) == fields or (size > 8 and "128" in name):
        return name
    other = _OTHERS.get(fields) if size <= 2 else None
    return other or f"float of {8 * size} bits ({fields[2]} exponent, {fields[4]} fraction)"


def _is_bool(kind: Any) -> bool:
    """NumPy's bool is an enumeration of FALSE and TRUE."""
    return kind.get_nmembers() == 2 and {kind.get_member_name(0), kind.get_member_name(1)} == {
        b"FALSE",
        b"TRUE",
    }


def _is_complex(kind: Any, h5t: Any) -> bool:
    return (
        kind.get_nmembers() == 2
        and [kind.get_member_name(number) for number in range(2)] == [b"r", b"i"]
        and kind.get_member_class(0) == h5t.FLOAT
    )


def _members(kind: Any) -> Iterator[tuple[str, int]]:
    for number in range(min(kind.get_nmembers(), Limits.max_members)):
        yield kind.get_member_name(number).decode("utf-8", "replace"), int(kind.get_member_value(number))


def _labelled(value: Value, labels: dict[int, str]) -> Value:
    if isinstance(value, list):
        return [_labelled(each, labels) for each in value]
    return labels.get(value, f"Unknown ({value})") if isinstance(value, int) else value
