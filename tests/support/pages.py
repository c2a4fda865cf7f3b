"""The READMEs of this repository: their sections, the code in them, and where their links lead."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_NOT_OURS = frozenset({"node_modules", ".venv", "build", ".pytest_cache"})


class Code(NamedTuple):
    """A block of code."""

    language: str
    text: str


def files(pattern: str) -> list[Path]:
    """Files of ours whose names match, relative to the root; not what was installed or built."""
    found = (path.relative_to(ROOT) for path in sorted(ROOT.rglob(pattern)))
    return [path for path in found if not _NOT_OURS & set(path.parts)]


_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def code_of(text: str) -> list[Code]:
    """The blocks of code in order."""
    return [Code(match[2], textwrap.dedent(match[3])) for match in _BLOCK.finditer(text)]


def prose_of(text: str) -> str:
    """The text without its blocks of code."""
    return _BLOCK.sub("", text)


def section(text: str, heading: str) -> str:
    """What stands below `heading`, up to the next one of its rank."""
    rank = heading.partition(" ")[0]
    _, _, after = text.partition(f"\n{heading}\n")
    assert after, heading
    return re.split(rf"^{rank} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def anchors(text: str) -> set[str]:
    """What links may name after `#`, as GitHub makes it of headings."""
    headings = re.findall(r"^#+ (.+)$", prose_of(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(text: str) -> list[str]:
    """Targets of links and pictures."""
    return re.findall(r"\]\(([^)\s]+)\)", prose_of(text))
