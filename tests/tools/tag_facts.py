"""What the listing of tags leaves out: which stored values mean "none", on which cameras a tag is there, scales and masks.

These are facts that ExifTool's tables state as short expressions; a few forms of them are understood, the rest is left out.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from extractor_service.formats.reading import meanings
from extractor_service.formats.reading.meanings import Condition, Inner

_SCRIPT = Path(__file__).with_suffix(".pl")
# How a stored value is said to mean "none": the condition, and what is left out under it.
_NONE_FORMS = (
    (re.compile(r"\$val\s*==\s*(-?\w+)\s*\?\s*undef\s*:\s*\$val"), "!{0}"),
    (re.compile(r"\$val\s*!=\s*(-?\w+)\s*\?\s*\$val\s*:\s*undef"), "!{0}"),
    (re.compile(r"\(\$val and \$val\s*!=\s*(\w+)\)\s*\?\s*\$val\s*:\s*undef"), "!0,{0}"),
    (re.compile(r"\$val\s*(?:\?\s*\$val\s*:|\|\|)\s*undef"), "!0"),
    (re.compile(r"length\(\$val\)\s*\?\s*\$val\s*:\s*undef"), "!0"),
    (re.compile(r"\$val eq \"(?:\\0)+\"\s*\?\s*undef\s*:\s*\$val"), "!0"),
    (re.compile(r"\$val\s*<\s*(\d+)\s*\?\s*undef\s*:\s*\$val"), "<{0}"),
    (re.compile(r"\$val\s*<=\s*0\s*\?\s*undef\s*:\s*\$val"), "<1"),
    (re.compile(r"\$val\s*>\s*0\s*\?\s*\$val\s*:\s*undef"), "<1"),
    (re.compile(r"\$val\s*>=\s*0\s*\?\s*\$val\s*:\s*undef"), "<0"),
)
_CONDITIONS = (
    (re.compile(r"\$\$self\{(Model|Make)\} (=~|!~) /((?:[^/\\]|\\.)*)/(i?)"), "camera"),
    (re.compile(r"\$\$self\{(Model|Make)\} (eq|ne) [\"']([^\"']*)[\"']"), "name"),
    (re.compile(r"\$\$self\{(TIFF_TYPE|FILE_TYPE)\} (eq|ne) [\"'](\w+)[\"']"), "file"),
    (re.compile(r"\$(format) (eq|ne) [\"'](\w+)[\"']"), "format"),
    (re.compile(r"\$\$valPt (=~|!~) /((?:[^/\\]|\\.)*)/(s?)"), "head"),
    (re.compile(r"\$(count)\s*(==|!=|<=|>=|<|>)\s*(\d+)"), "count"),
    (re.compile(r"\$\$self\{([\w-]+)\}\s*(==|!=|<=|>=|<|>)\s*(-?\w+)"), "value"),
    (re.compile(r"\$\$self\{([\w-]+)\} (eq|ne) [\"']?(\d+)[\"']?"), "value"),
    (re.compile(r"\$\$self\{([\w-]+)\} (=~|!~) /((?:[^/\\]|\\.)*)/(i?)"), "camera"),
    (re.compile(r"\$\$self\{([\w-]+)\} (lt|le|gt|ge) [\"']([\d.]+)[\"']"), "text"),
    (re.compile(r"\$\$self\{([\w-]+)\} (bits|no bits) (\w+)"), "value"),
    (re.compile(r"\$\$self\{([\w-]+)\}"), "value"),
    (re.compile(r"not \$\$self\{([\w-]+)\}"), "none"),
)
# Kept for other tags' conditions, and handed on as it is.
_KEPT = re.compile(
    r"(?:\$\$?self(?:->)?\{\w+\}\s*=\s*[^;=]+;\s*)*(?:return\s+)?(?:\$\$?self(?:->)?\{\w+\}\s*=\s*)*\$val;?"
)
_KEEPS = re.compile(r"\$\$?self(?:->)?\{(\w+)\}\s*=\s*\$val\s*(?:[;})]|$)")
_BIT = re.compile(r"\((\$\$self\{\w+\}) & (0x0?[1248])\) (!=|==) (?:\2|0x1|1)(?!\w)")  # one bit, set or not
_SIGNS = {"==": "bits", "!=": "no bits"}
_NOT_OF = re.compile(r"\$\$self\{Model\} =~ (/(?:[^/\\]|\\.)*/) \? undef : \$val$")
_EXCLUDED = re.compile(r"\$\$valPt ne [\"']((?:\\0)+|(?:\\xff)+)[\"']")
_NUMBER = r"(?:0x[0-9a-f]+|\d+\.?\d*(?:e-?\d+)?)"
_FORMULA = re.compile(rf"(?:val|{_NUMBER}|\*\*|[-+*/()\s]|exp|log|sqrt)+", re.IGNORECASE)
_CHOICE = re.compile(r"(.+?)\?(.+?):(.+)")
# A choice within a larger expression.
_NESTED = re.compile(r"\(([^()?:]+)\?([^()?:]+):([^()?:]+)\)")
_COMPARISON = re.compile(rf"\(?\s*val\s*(?:(?:==|!=|<=|>=|<|>)\s*-?{_NUMBER})?\s*\)?", re.IGNORECASE)


# Tables that hooks move by a camera's firmware; the reader does that itself (`makernotes/nikon_shot.py`).
_MOVED = frozenset(
    {"Nikon::MenuSettingsZ8", "Nikon::MenuSettingsZ8v2", "Nikon::MenuSettingsZ9v4", "Nikon::SeqInfoZ9"}
)
_MOST_ALTERNATIVES = 16  # more is no condition that a table should hold


class Facts(NamedTuple):
    """Of one alternative of a tag; "" and 0 are unknown."""

    name: str
    none: str
    condition: Condition
    """(what, operator, operand) of each part: the camera's Model or Make, the entry's format and count, or a value before."""
    formula: str
    """The meant value as an expression of `val`, the stored one; "?" for one that is no such expression."""
    mask: int
    form: str
    """The type that the stored bytes are read as, where it isn't the file's."""


Rows = list[dict[str, str]]


def load(library: Path) -> Rows:
    """All that ExifTool's tables say, a row a tag, and one a table."""
    done = subprocess.run(["perl", f"-I{library}", str(_SCRIPT)], capture_output=True, check=True)
    rows: Rows = json.loads(done.stdout.decode("utf-8", "replace"))
    _rename(rows)
    _exclude(rows)
    return rows


def _exclude(rows: Rows) -> None:
    """A value that some cameras haven't, as a condition."""
    for row in rows:
        form = _NOT_OF.search(row.get("RawConv", ""))
        if form is not None and "Condition" not in row:
            row["RawConv"] = row["RawConv"][: form.start()] + "$val"
            row["Condition"] = f"$$self{{Model}} !~ {form[1]}"


def _rename(rows: Rows) -> None:
    """Conditions ask for what ExifTool keeps under names of its own: by the tags instead that are kept under them."""
    kept: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        for name in _KEEPS.findall(row.get("RawConv", "")):
            kept[row["table"].partition("::")[0].removesuffix("Custom"), name].add(row.get("name", ""))
    for row in rows:
        maker = row["table"].partition("::")[0].removesuffix("Custom")
        if "Condition" in row:
            row["Condition"] = re.sub(
                r"(?<=\$\$self\{)\w+(?=\})",
                lambda found, maker=maker: (
                    next(iter(kept[maker, found[0]]))  # type: ignore[misc]
                    if len(kept.get((maker, found[0]), ())) == 1
                    else found[0]
                ),
                row["Condition"],
            )


def structures(rows: Rows) -> dict[str, dict[str, list[Inner]]]:
    """By table and id, what tags hold, as far as it can be said in a row; an unknown condition hides what comes behind it."""
    tables = {row["table"]: row for row in rows if "process" in row}
    found: dict[str, dict[str, list[Inner]]] = defaultdict(lambda: defaultdict(list))
    closed: set[tuple[str, str]] = set()
    for row in rows:
        if "id" not in row:
            continue
        place = (row["table"], row["id"])
        conditions = _conditions(row.get("Condition", ""))
        inner = _inner(row, tables) if conditions is not None else None
        if conditions is None or place in closed:
            closed.add(place)
        elif inner is not None:
            found[place[0]][place[1]].append(inner._replace(conditions=conditions))
        elif not conditions:
            closed.add(place)  # a plain value in all other cases
        else:
            found[place[0]][place[1]].append(Inner(conditions, "", "", "", "", 0))
    return found


def _inner(row: dict[str, str], tables: dict[str, dict[str, str]]) -> Inner | None:
    name = row.get("inner", "")
    table = tables.get(name)
    if table is None or {"innerValidate", "innerBase", "innerMaxSubdirs"} & set(row):
        return None
    if "hooks" in table and name not in _MOVED:
        return None
    process, start = (
        row.get("innerProcessProc") or table["process"] or "ProcessExif",
        row.get("innerStart", ""),
    )
    order = {"BigEndian": "BE", "LittleEndian": "LE"}.get(row.get("innerByteOrder", ""), "")
    if process == "ProcessBinaryData" and not start:
        form = re.fullmatch(r"undef\[(\d+)\]", row.get("Format", ""))
        return Inner(
            (), name, "block", re.sub(r"\[.*", "", table["unit"]), order, int(form[1]) if form else 0
        )
    if (
        process == "ProcessBinaryData"
        and start in {"$val", "$dirStart + $val"}
        and row.get("Format") == "int32u"
    ):
        return Inner((), name, "pointer", re.sub(r"\[.*", "", table["unit"]), order, 0)
    if process == "ProcessExif" and start in {"", "$val"} and not order:
        return Inner((), name, "directory", "", "", 0)
    return None


def _conditions(text: str) -> tuple[Condition, ...] | None:
    """Alternatives of which one must hold, () for always; None where a part is of no known form."""
    plain = re.sub(r"\s+", " ", re.sub(r"#.*", "", text)).replace("$self->{", "$$self{").strip()
    if not plain:
        return ()
    plain = _BIT.sub(lambda found: f"{found[1]} {_SIGNS[found[3]]} {found[2]}", plain)
    literals: list[str] = []

    def keep(found: re.Match[str]) -> str:
        literals.append(found[0])
        return f"\0{len(literals) - 1}\0"

    # Expressions hold brackets and bars of their own.
    tokens = re.split(r"\s*(\(|\)|\bor\b|\|\||\band\b|&&)\s*", re.sub(r"/(?:[^/\\]|\\.)*/", keep, plain))
    found = _any_of([each for each in tokens if each])
    if found is None:
        return None
    alternatives = []
    for each in found:
        texts = [re.sub("\0(\\d+)\0", lambda place: literals[int(place[1])], part) for part in each]
        parts = [_part(part) for part in texts if not _EXCLUDED.fullmatch(part)]
        if None in parts:
            return None
        alternatives.append(tuple(part for part in parts if part is not None))
    return () if () in alternatives else tuple(alternatives)


def _any_of(tokens: list[str]) -> list[list[str]] | None:
    """Alternatives, each a list of parts; takes its tokens off the list. None for what isn't so simple."""
    found: list[list[str]] = []
    current: list[list[str]] = [[]]
    while tokens:
        token = tokens.pop(0)
        if token == ")":
            break
        if token in {"or", "||"}:
            found, current = [*found, *current], [[]]
        elif token in {"and", "&&"}:
            continue
        else:
            inner = _any_of(tokens) if token == "(" else [[token]]
            if inner is None or len(inner) * len(current) > _MOST_ALTERNATIVES:
                return None
            current = [[*before, *after] for before in current for after in inner]
    return [*found, *current]


def read(rows: Rows) -> dict[tuple[str, str], list[Facts]]:
    """By table and id, each alternative's facts in order."""
    found: dict[tuple[str, str], list[Facts]] = defaultdict(list)
    for row in rows:
        if "id" not in row:
            continue
        facts = Facts(
            row["name"],
            _joined(_none(row.get("RawConv", "")), _none_of(row.get("Condition", ""))),
            _condition(row.get("Condition", "")),
            _formula(row.get("ValueConv", "")) or ("?" if _is_converted(row) else ""),
            int(row.get("Mask", "0"), 0) or _low_bits(row.get("RawConv", "")),
            row.get("Format", "")
            if re.fullmatch(r"(?:u?int|rational|float|double|undef|string)\w*", row.get("Format", ""))
            else "",
        )
        found[row["table"], row["id"]].append(facts)
    return found


def _none(text: str) -> str:
    for pattern, mark in _NONE_FORMS:
        form = pattern.fullmatch(text.strip())
        if form is not None:
            return mark.format(*(str(int(each, 0)) for each in form.groups()))
    return ""


def _low_bits(text: str) -> int:
    """The mask of a value of which only the low bits count; 0 for all."""
    form = re.fullmatch(r"\$val & (0x0*[37f]f*)", text.strip())
    return int(form[1], 16) if form is not None else 0


def _is_converted(row: dict[str, str]) -> bool:
    """Whether the stored value isn't the meant one, in a way that no formula here says."""
    raw = row.get("RawConv", "")
    is_plain = not raw or _none(raw) or _low_bits(raw) or _KEPT.fullmatch(raw.strip())
    is_counted = (
        re.search(r"\[(?!\d+\])", row.get("Format", "")) is not None
    )  # as often as another value says
    return bool(row.get("ValueConv") or row.get("IsOffset")) or is_counted or not is_plain


def _joined(first: str, second: str) -> str:
    """Two lists of values that mean none as one."""
    if first.startswith("!") and second.startswith("!"):
        return f"{first},{second[1:]}"
    return first or second


def _none_of(text: str) -> str:
    """A condition that excludes bytes which are all zeros or all ones excludes a value."""
    form = _EXCLUDED.search(text)
    if form is None:
        # Also a value that is kept on the way, and must not be 0.
        return "!0" if "= Get16u($valPt, 0)) and" in text else ""
    digits = form[1].count("\\x") or form[1].count("\\0")
    return f"!{256**digits - 1}" if "\\x" in form[1] else "!0"


def _condition(text: str) -> Condition:
    """The parts that must all hold, () for none; ("or", "", alternatives) is one part, "?" one that nobody can say."""
    found = _conditions(text)
    if found is None:
        return (("?", "", 0),)
    if len(found) < 2:
        return found[0] if found else ()
    return (("or", "", found),)


def _part(text: str) -> tuple[str, str, str | int] | None:
    for pattern, kind in _CONDITIONS:
        form = pattern.fullmatch(text)
        if form is None:
            continue
        if kind == "camera":
            return form[1], form[2], f"(?i){form[3]}" if form[4] else form[3]
        if kind == "head":
            return "head", form[1], f"(?s){form[2]}" if form[3] else form[2]
        if kind == "name":
            return form[1], "=~" if form[2] == "eq" else "!~", f"^{re.escape(form[3])}$"
        if kind == "file":
            return form[1], "==" if form[2] == "eq" else "!=", form[3]
        if kind == "text":
            return form[1], {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}[form[2]], form[3]
        if kind == "format":
            return "format", "==" if form[2] == "eq" else "!=", form[3]
        if form.re.groups == 1:
            return form[1], "==" if kind == "none" else "!=", 0
        try:
            return form[1], {"eq": "==", "ne": "!="}.get(form[2], form[2]), int(form[3], 0)
        except ValueError:
            return None
    return None


def _formula(text: str) -> str:
    """The formula, if it is one that readers compile; "" else."""
    found = _expression(text)
    try:
        meanings.conversion(found or "val")
    except (SyntaxError, ValueError):
        return ""
    return found


def _expression(text: str) -> str:
    plain = re.sub(r"\s+", " ", text.replace("$val", "val")).strip()
    if "val" not in plain or plain == "val":
        return ""
    if _FORMULA.fullmatch(plain):
        return plain
    nested = _NESTED.sub(r"((\2) if \1 else (\3))", plain)
    if nested != plain and "?" not in nested:
        return nested
    choice = _CHOICE.fullmatch(
        plain[1:-1] if plain.startswith("(") and plain.endswith(")") and "?" in plain else plain
    )
    if (
        choice is None
        or not _COMPARISON.fullmatch(choice[1])
        or not all(_FORMULA.fullmatch(each) for each in choice.groups()[1:])
    ):
        choice = _CHOICE.fullmatch(plain)
    if choice is None or not _COMPARISON.fullmatch(choice[1]):
        return ""
    yes, no = choice[2].strip(), choice[3].strip()
    return (
        f"({yes}) if {choice[1].strip()} else ({no})"
        if _FORMULA.fullmatch(yes) and _FORMULA.fullmatch(no)
        else ""
    )
