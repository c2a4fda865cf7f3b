"""What a tag means beside its type: on which cameras it is there, on which scale, and which of the bits count.

The facts are generated (`tags/meanings.py`). A formula is an expression of `val` with numbers, arithmetic, exp, log and
sqrt; its tree is checked before it is compiled, so that a table can say nothing else.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from extractor_service.formats.reading.tagset import Conversion, Tag, build, find_table, raw_table

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from extractor_service.document import Number, Value

_NUMBER: Final = re.compile(r" *-?\d{1,15}(?:\.\d{1,15})? *")
_FUNCTIONS: Final = {"exp": math.exp, "log": math.log, "sqrt": math.sqrt}
_NODES: Final = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Call, ast.Name, ast.Constant, ast.Load, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip


Condition: TypeAlias = "tuple[tuple[str, str, Any], ...]"
"""(what, operator, operand): Model and Make of the camera, format and count of the entry, or a value that came before."""
_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "bits": operator.and_, "no bits": lambda found, wanted: not found & wanted,
}  # fmt: skip
_CAMERA: Final = frozenset({"Model", "Make", "or"})
_OF_ENTRY: Final = frozenset({"format", "count", "head"})
HEAD_BYTES = 64  # as far as any condition on a value's first bytes looks


class Meaning(NamedTuple):
    """Of one alternative of a tag."""

    condition: Condition
    """Parts that must all hold; () for always, or where the condition isn't known."""
    formula: str
    mask: int
    form: str = ""
    """The type that the stored bytes are read as, where it isn't the file's."""


def meanings(table: str) -> Mapping[int | str, Sequence[Meaning]]:
    """By id, the meanings of the alternatives of a table's tags; ids without any aren't in it."""
    rows = find_table("meanings", table)
    return {key: [Meaning(*each) for each in alternatives] for key, alternatives in rows.items()}


class About(NamedTuple):
    """What conditions ask of an entry."""

    values: int
    """How many."""
    kind: str
    """Its TIFF type, by ExifTool's name."""
    head: bytes
    """Its first bytes."""


class Inner(NamedTuple):
    """What the bytes of a tag hold, where one of the conditions holds; a table of "" is a plain value."""

    conditions: tuple[Condition, ...]
    table: str
    kind: str
    """"block" of values at fixed places, "pointer" to one, or "directory"."""
    unit: str
    """Of a block: what its ids count in."""
    order: str
    """"BE" or "LE" where it isn't the note's."""
    length: int
    """Bytes, of one within a block; 0 for the rest."""


def structures(table: str, make: str, model: str) -> Mapping[int | str, tuple[Inner, ...]]:
    """By id, what the tags of a table hold in files of a camera."""
    found: dict[int | str, tuple[Inner, ...]] = {}
    for key, alternatives in find_table("structures", table).items():
        kept = []
        for row in alternatives:
            inner = Inner(*row)
            fitting = (of_camera(each, make, model) for each in inner.conditions)
            conditions = tuple(each for each in fitting if each is not None)
            if conditions or not inner.conditions:
                kept.append(inner._replace(conditions=conditions))
        if any(each.table for each in kept):
            found[key] = tuple(kept)
    return found


def tags(module: str, table: str, conversions: Mapping[str, Conversion]) -> dict[int | str, Tag]:
    """Tags by id with scales, masks and types, of tables that don't depend on the camera; conversions by tag name."""
    rows = raw_table(module, table)
    built = build(rows, conversions)
    names = {row[0] for alternatives in rows.values() for row in alternatives}
    for key, facts in meanings(table).items():
        tag, fact = built[key], facts[0]
        if fact.formula not in {"", "?"} and tag.name not in conversions:
            built[key] = tag = Tag(rows[key][0], conversion(fact.formula))
        tag.mask, tag.form = fact.mask, fact.form
        tag.condition = rest_of(fact.condition, names) or ()
        tag.variants = (tag,) if tag.condition else ()
    return built


def of_camera(condition: Condition, make: str, model: str) -> Condition | None:
    """What is left of a condition for a camera; None when it can't hold there."""
    names = {"Model": model, "Make": make}
    left: list[tuple[str, str, Any]] = []
    for what, sign, operand in condition:
        if what == "or":
            found = [each for each in (of_camera(one, make, model) for one in operand) if each is not None]
            if not found:
                return None
            if () not in found:
                left.append((what, sign, tuple(found)))
        elif what in names:
            if (re.search(str(operand), names[what]) is not None) != (sign == "=~"):
                return None
        else:
            left.append((what, sign, operand))
    return tuple(left)


def rest_of(condition: Condition, known: Container[str]) -> Condition | None:
    """The parts that are about the entry, and about values that this table's tags have; None when others are needed."""
    parts = tuple(each for each in condition if not _is_of_camera(each))
    return parts if all(_is_known(each, known) for each in parts) else None


def _is_of_camera(part: tuple[str, str, Any]) -> bool:
    what, _, operand = part
    if what == "or":
        return all(_is_of_camera(each) for conjunction in operand for each in conjunction)
    return what in _CAMERA


def _is_known(part: tuple[str, str, Any], known: Container[str]) -> bool:
    what, _, operand = part
    if what == "or":
        return all(_is_known(each, known) for conjunction in operand for each in conjunction)
    return what in _OF_ENTRY or what in _CAMERA or what in known


def holds(condition: Condition, entry: About, values: Mapping[str, Value]) -> bool:
    """Whether the parts hold that aren't about the camera; a value that isn't there is 0."""
    for what, sign, wanted in condition:
        if what == "or":
            if not any(holds(each, entry, values) for each in wanted):
                return False
            continue
        if what in _CAMERA:
            continue
        if what == "head":
            if (re.search(str(wanted), entry.head.decode("latin-1")) is not None) != (sign == "=~"):
                return False
            continue
        if sign in {"=~", "!~"}:
            if (re.search(str(wanted), str(values.get(what, ""))) is not None) != (sign == "=~"):
                return False
            continue
        found = entry.kind if what == "format" else entry.values if what == "count" else values.get(what, 0)
        if isinstance(found, list):
            found = found[0] if found else 0
        elif isinstance(found, bytes):
            found = found.decode("latin-1")
        try:
            if not _OPERATORS[sign](found, wanted):
                return False
        except TypeError:
            return False
    return True


@lru_cache(maxsize=256)
def conversion(formula: str) -> Conversion:
    """The meant value out of the stored one, which may be a number written as text; anything else stays as it is."""
    evaluate = _compiled(formula)

    def convert(value: Value) -> Value:
        if isinstance(value, (int, float)):
            return value if isinstance(value, bool) else evaluate(value)
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            return evaluate(float(value))
        return value

    return Conversion(convert)


def _compiled(formula: str) -> Callable[[Number], Value]:
    tree = ast.parse(formula, mode="eval")
    for node in ast.walk(tree):
        is_named = not isinstance(node, ast.Name) or node.id == "val" or node.id in _FUNCTIONS
        if not isinstance(node, _NODES) or not is_named:
            raise ValueError(f"no formula: {formula}")
    code = compile(tree, "<formula>", "eval")
    names = {"__builtins__": {}, **_FUNCTIONS}

    def evaluate(val: Number) -> Value:
        meant: Value = eval(code, names, {"val": val})  # noqa: S307 - the tree was checked above
        return meant

    return evaluate
