"""What a tag means beside its type: on which cameras it is there, on which scale, and which of the bits count.

The facts are generated (`tags/meanings.py`). A formula is an expression of `val` with numbers, arithmetic, exp, log and
sqrt; its tree is checked before it is compiled, so that a table can say nothing else.
"""

from __future__ import annotations

import ast
import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

from extractor_service.formats.reading.tagset import Conversion, find_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from extractor_service.document import Value

_FUNCTIONS = {"exp": math.exp, "log": math.log, "sqrt": math.sqrt}
_NODES = (
    ast.Expression, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Call, ast.Name, ast.Constant, ast.Load, ast.operator, ast.unaryop, ast.cmpop,
)  # fmt: skip


class Meaning(NamedTuple):
    """Of one alternative of a tag."""

    condition: str
    """"+regex" or "-regex" of the camera's model; "" for all, or where the condition isn't known."""
    formula: str
    mask: int


def meanings(table: str) -> Mapping[int | str, Sequence[Meaning]]:
    """By id, the meanings of the alternatives of a table's tags; ids without any aren't in it."""
    rows = find_table("meanings", table)
    return {key: [Meaning(*each) for each in alternatives] for key, alternatives in rows.items()}


def chosen(alternatives: Sequence[Meaning], model: str) -> int | None:
    """Which alternative a camera has; None when it has none of them."""
    return next((place for place, each in enumerate(alternatives) if _holds(each.condition, model)), None)


def _holds(condition: str, model: str) -> bool:
    return not condition or (re.search(condition[1:], model) is not None) == (condition[0] == "+")


@lru_cache(maxsize=256)
def conversion(formula: str) -> Conversion:
    """The meant value out of the stored one; anything but a number stays as it is."""
    evaluate = _compiled(formula)

    def convert(value: Value) -> Value:
        return evaluate(value) if type(value) is int or type(value) is float else value  # type: ignore[arg-type]

    return Conversion(convert)


def _compiled(formula: str) -> Callable[[float], Value]:
    tree = ast.parse(formula, mode="eval")
    for node in ast.walk(tree):
        is_named = not isinstance(node, ast.Name) or node.id == "val" or node.id in _FUNCTIONS
        if not isinstance(node, _NODES) or not is_named:
            raise ValueError(f"no formula: {formula}")
    code = compile(tree, "<formula>", "eval")
    names = {"__builtins__": {}, **_FUNCTIONS}

    def evaluate(val: float) -> Value:
        return cast("Value", eval(code, names, {"val": val}))  # noqa: S307 - the tree was checked above

    return evaluate
