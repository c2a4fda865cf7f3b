"""Counts constants without a reason, by this rule; part of `make check`.

A constant is a name in capitals that a module or a class (but no enumeration) gives a value made of numbers alone.
Its reason is a comment: behind it, in the lines right above it or its block, or as a string right below. Two kinds:

- *Limits, times, sizes and ratios* (a name with BYTES, SECONDS, RATIO, CHARS, COUNT, MAX, MIN, LEAST, MOST …) need a reason
  each, and their unit in the name or in it.
- *Numbers of a specification* (tags, marks, types, places) need the specification's section once, in the file's docstring or
  in any comment of the file.

More than four limits of one class become one `Limits`, so that a reader finds them together and a test can lower them.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("extractor_service", "cache_service", "service_runtime", "clients/python/metaextract_client")
_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*$")
_LIMIT = re.compile(
    r"(BYTES|SECONDS|RATIO|CHARS|COUNT|MAX|MIN|LEAST|MOST|MINUTES|LIMIT|WINDOW|PIECES|PARALLEL|EVERY|AHEAD|AFTER|CHUNKS|BATCH)"
)
_SOURCE = re.compile(
    r"(ISO|IEC|RFC|EXIF|TIFF|CIPA|ITU|Adobe|ExifTool|exiftool|section|annex|specification|spec|https?://|\.org|docs\.)"
)


def _is_number(node: ast.expr) -> bool:
    allowed = (ast.Constant, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.Name, ast.Load)
    inner = list(ast.walk(node))
    return all(isinstance(each, allowed) for each in inner) and any(
        isinstance(each, ast.Constant) and type(each.value) in {int, float} for each in inner
    )


def _has_reason(lines: list[str], node: ast.stmt, following: ast.stmt | None) -> bool:
    if "#" in lines[node.end_lineno - 1] or any(
        "#" in lines[at] for at in range(node.lineno - 1, node.end_lineno)
    ):
        return True
    above = node.lineno - 2
    while (
        above >= 0
        and re.match(r"\s*_?[A-Z][A-Z0-9_, ]*(: [\w\[\], ]+)? = ", lines[above])
        and "#" not in lines[above]
    ):
        above -= 1  # a block of constants shares the comment above it
    if above >= 0 and lines[above].strip().startswith("#"):
        return True
    return isinstance(following, ast.Expr) and isinstance(getattr(following, "value", None), ast.Constant)


def unreasoned(path: Path) -> list[str]:
    """Constants of a file that lack their reason, as "path:line: text"."""
    text = path.read_text(encoding="utf-8")
    lines, tree = text.splitlines(), ast.parse(text)
    names_source = bool(_SOURCE.search(ast.get_docstring(tree) or "")) or any(
        "#" in line and _SOURCE.search(line.partition("#")[2]) for line in lines
    )
    found = []

    def look(body: list[ast.stmt], *, in_limits: bool = False) -> None:
        for node, following in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.ClassDef):
                if not any("Enum" in ast.unparse(base) for base in node.bases):
                    look(node.body, in_limits=node.name == "Limits")
                continue
            if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
                continue
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if not isinstance(target, ast.Name) or not _is_number(node.value):
                continue
            if not _NAME.match(target.id) and not in_limits:
                continue
            is_limit = in_limits or _LIMIT.search(target.id)
            if _has_reason(lines, node, following) or (names_source and not is_limit):
                continue
            found.append(f"{path.relative_to(ROOT)}:{node.lineno}: {lines[node.lineno - 1].strip()}")

    look(tree.body)
    return found


def crowded(path: Path) -> list[str]:
    """Modules around one class with more than four limits of its own, which belong into one `Limits`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [
        node.targets[0].id
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and _NAME.match(node.targets[0].id)
        and _LIMIT.search(node.targets[0].id)
        and _is_number(node.value)
    ]
    found = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and each.id in names}
            if len(used) > 4:
                found.append(
                    f"{path.relative_to(ROOT)}: {node.name} has {len(used)} limits: {', '.join(sorted(used))}"
                )
    return found


def sources() -> list[Path]:
    """All hand-written modules."""
    return [
        path
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "tags" not in path.parts and "_pb2" not in path.name
    ]


def main() -> int:
    bad = [each for path in sources() for each in (*unreasoned(path), *crowded(path))]
    for each in bad:
        print(each)
    if bad:
        print(f"{len(bad)} without a reason, or scattered; the rule is in tests/tools/limits.py")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
