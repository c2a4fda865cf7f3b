"""ONNX: producer, operator sets, inputs, outputs, operators counted, weights listed. github.com/onnx/onnx, onnx.proto.

A protobuf message: walked by ranges, weights are passed over.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.models.tensors import SECTION, Tally
from extractor_service.formats.reading import protobuf_wire as wire
from extractor_service.formats.reading.damage import Surviving, tolerant
from extractor_service.formats.reading.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.document import Document, Value
    from extractor_service.sources.base import ByteSource

_TYPES = (
    "undefined", "float", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16", "double", "uint32",
    "uint64", "complex64", "complex128", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz", "uint4",
    "int4", "float4e2m1", "float8e8m0", "uint2", "int2",
)  # fmt: skip
_TEXTS = {2: "ProducerName", 3: "ProducerVersion", 4: "Domain", 6: "Description"}


class Limits:
    """Of `_Model`."""

    max_text_bytes = 64 * 1024  # as long as any value of a document may be
    max_message_bytes = 1024 * 1024  # of a node or a value's type
    max_nodes = 200_000  # looked into, to count operators, those of inner graphs with them
    max_depth = 16  # graphs in graphs: bodies of loops and branches
    max_listed = 1000  # inputs and outputs
    max_weights = 20_000  # each costs a read
    name_bytes = 1024  # of a weight's dimensions and name, which stand before or behind its data


@tolerant(SECTION)
def parse(source: ByteSource, document: Document) -> None:
    """What the model says of itself, and an outline of its graph."""
    reader = Reader(source)
    model = _Model(reader, document)
    model.read()
    if not model.is_one:
        document.sections.pop(SECTION, None)
        raise CorruptFileError("no model of ONNX")


class _Model:
    def __init__(self, reader: Reader, document: Document) -> None:
        self._reader, self._document = reader, document
        self._tally = Tally(document)
        self._operators: Counter[str] = Counter()
        self.is_one = False
        self._weights: set[str] = set()
        self._nodes = self._inner_nodes = 0

    def _put(self, name: str, value: Value, at: int, size: int, group: str = "Model") -> None:
        self._document.add(SECTION, Field(name, value, group=group, origin=ByteRange(at, max(size, 1))))

    def _walk(self, at: int, size: int) -> Iterator[tuple[int, int, int]]:
        return wire.walk(self._reader.some, at, at + size)

    def _message(self, at: int, size: int) -> dict[int, list[int | bytes]]:
        if size > Limits.max_message_bytes:
            raise ValueError(f"a message of {size} bytes at {at}")
        return wire.fields(self._reader.exact(at, size))

    def _text(self, at: int, size: int) -> str:
        return self._reader.exact(at, min(size, Limits.max_text_bytes)).decode("utf-8", "replace")

    def read(self) -> None:
        """The outer message (ModelProto)."""
        length = self._reader.length
        for number, value, size in self._walk(0, length):
            if number == 1 and size < 0:
                self._put("IRVersion", value, 0, 2)
            elif number in _TEXTS and size >= 0:
                if size:
                    self._put(_TEXTS[number], self._text(value, size), value, size)
            elif number == 5 and size < 0:
                self._put("ModelVersion", wire.signed(value), 0, 1)
            elif number == 7 and size >= 0:
                self.is_one = True
                with Surviving(self._document, SECTION, "the graph", value):
                    self._graph(value, size)
            elif number == 8 and size >= 0:
                self.is_one = True
                told = self._message(value, size)
                domain = wire.text(told, 1) or "ai.onnx"
                self._put("OperatorSet", f"{domain} {wire.number(told, 2)}", value, size)
            elif number == 14 and size >= 0:
                told = self._message(value, size)
                self._put(wire.text(told, 1), wire.text(told, 2), value, size, "Metadata")
            elif number not in {20, 25, 26}:
                raise ValueError(f"a field {number} that no model has")
        if self.is_one:
            self._tally.finish()

    def _graph(self, at: int, size: int) -> None:
        """GraphProto: nodes counted by operator, weights, then inputs that aren't weights, and outputs."""
        values: list[tuple[str, int, int]] = []
        for number, place, length in self._walk(at, size):
            if length < 0:
                continue
            if number == 1:
                self._nodes += 1
                self._node(place, length, 0)
            elif number == 2:
                self._put("GraphName", self._text(place, length), place, length)
            elif number == 5:
                with Surviving(self._document, SECTION, "a weight", place):
                    self._weight(place, length)
            elif number == 15:
                with Surviving(self._document, SECTION, "a sparse weight", place):
                    self._sparse(place, length)
            elif number in {11, 12} and len(values) <= Limits.max_listed:
                values.append(("Input" if number == 11 else "Output", place, length))
            elif number == 10 and length:
                self._put("GraphDescription", self._text(place, length), place, length)
        self._put("NodeCount", self._nodes, at, size)
        if self._inner_nodes:
            self._put("InnerNodeCount", self._inner_nodes, at, size)
        if self._nodes + self._inner_nodes > Limits.max_nodes:
            self._document.problem(
                SECTION,
                ProblemKind.LIMIT,
                f"operators of {Limits.max_nodes} nodes are counted, there are more",
            )
        counted: tuple[tuple[str, Value], ...] = tuple(self._operators.most_common())
        self._put("Operators", Struct(counted), at, size)
        for name, place, length in values[: Limits.max_listed]:
            with Surviving(self._document, SECTION, name, place):
                told = self._message(place, length)
                if name == "Output" or wire.text(told, 1) not in self._weights:
                    self._put(name, Struct(tuple(_value_facts(told))), place, length)

    def _node(self, at: int, size: int, depth: int) -> None:
        """NodeProto: its operator, and the graphs among its attributes (AttributeProto)."""
        if self._nodes + self._inner_nodes > Limits.max_nodes:
            return
        for number, place, length in self._walk(at, size):
            if number == 4 and length >= 0:
                self._operators[self._text(place, min(length, 200))] += 1
            elif number == 5 and length >= 0:
                for inner, begin, long in self._walk(place, length):
                    if inner in {6, 11} and long >= 0:
                        self._inner(begin, long, depth + 1)

    def _inner(self, at: int, size: int, depth: int) -> None:
        """The graph of a loop or branch: its operators and weights."""
        if depth > Limits.max_depth:
            raise ValueError(f"graphs deeper than {Limits.max_depth}")
        for number, place, length in self._walk(at, size):
            if length < 0:
                continue
            if number == 1:
                self._inner_nodes += 1
                self._node(place, length, depth)
            elif number == 5:
                self._weight(place, length, "(inner)/")
            elif number == 15:
                self._sparse(place, length, "(inner)/")

    def _sparse(self, at: int, size: int, prefix: str = "") -> None:
        """SparseTensorProto: its values are a tensor, which has the name; parameters are those that are stored."""
        values, dimensions = (-1, 0), list[int]()
        for number, place, length in self._walk(at, size):
            if number == 1 and length >= 0:
                values = (place, length)
            elif number == 3:
                dimensions += wire.packed(
                    [self._reader.exact(place, min(length, Limits.name_bytes))] if length >= 0 else [place]
                )
        if values[0] >= 0:
            self._weight(*values, prefix, dimensions)

    def _weight(self, at: int, size: int, prefix: str = "", sparse: list[int] | None = None) -> None:
        """TensorProto, without its data; `sparse` has the dimensions of what it holds only some values of."""
        if self._tally.count == Limits.max_weights:
            raise ValueError(f"more than {Limits.max_weights} weights")
        shape: list[int] = []
        kind, name, where = 0, "", 0
        for number, place, length in self._walk(at, size):
            if number == 1:
                shape += wire.packed(
                    [self._reader.exact(place, min(length, Limits.name_bytes))] if length >= 0 else [place]
                )
            elif number == 2 and length < 0:
                kind = place
            elif number == 8 and length >= 0:
                name = self._text(place, min(length, Limits.name_bytes))
            elif number == 14 and length < 0:
                where = place
        shape = [wire.signed(each) for each in shape]
        self._weights.add(name)
        entries: list[tuple[str, Value]] = [
            ("type", _type(kind)),
            ("shape", [*(shape if sparse is None else sparse)]),
        ]
        if sparse is not None:
            entries.append(("sparse", True))
        if where:
            entries.append(("external", True))
        self._tally.add(prefix + name, _type(kind), shape, tuple(entries), ByteRange(at, size))


def _type(number: int) -> str:
    return _TYPES[number] if 0 <= number < len(_TYPES) else f"Unknown ({number})"


def _value_facts(told: dict[int, list[int | bytes]]) -> Iterator[tuple[str, Value]]:
    """Name, type and shape of a value (ValueInfoProto, TypeProto); open dimensions by their name."""
    yield "name", wire.text(told, 1)
    for kind in wire.messages(told, 2):
        for tensor in wire.messages(kind, 1):
            yield "type", _type(wire.number(tensor, 1))
            for shape in wire.messages(tensor, 2):
                yield (
                    "shape",
                    [
                        wire.signed(wire.number(each, 1)) if 1 in each else wire.text(each, 2) or "?"
                        for each in wire.messages(shape, 1)
                    ],
                )
        for field, name in ((4, "sequence"), (5, "map"), (8, "sparse tensor"), (9, "optional")):
            if field in kind:
                yield "type", name
