"""Makes the synchronous clients from the asynchronous ones, so that both always have the same methods and return types.

`python -m tests.tools.synchronous` writes them; `make check` compares. Replaced are words, nothing cleverer: what reads badly
afterwards is to be written so that it doesn't.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CLIENT = Path(__file__).parents[2] / "clients" / "python" / "metaextract_client"
FILES = {"extractor_async.py": "extractor.py", "cache_async.py": "cache.py"}
_HEADER = "# Generated from {source} by tests/tools/synchronous.py: change that one, then `make protos`.\n"
_WORDS = (
    (r"\bAsync(?=[A-Z])", ""),
    (r"async for event in call:\n\s+yield event\n", "yield from call\n"),
    (r"for result in state\.hear\(answer\):\n\s+yield result\n", "yield from state.hear(answer)\n"),
    (r"await asyncio\.to_thread\((\w+(?:\.\w+)*), ", r"\1("),
    (r"await asyncio\.to_thread\((\w+(?:\.\w+)*)\)", r"\1()"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"^import asyncio$", "import time"),
    (r"\b(async|await) ", ""),
    (r"\baiter\(", "iter("),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\brun_async\b", "run"),
    (r"\bopen_async\b", "open_sync"),
    (r"_channel\.close\(None\)", "_channel.close()"),
    (r"call\.cancel\(\)", "call.cancel()  # type: ignore[no-untyped-call]"),
    (
        r"Asynchronous client; belongs to one event loop\.",
        "Synchronous client; safe to share between threads.",
    ),
    (r"The asynchronous client", "The synchronous client"),
    (r"The synchronous one is made from it\.", "The asynchronous one is beside it."),
    (r"`async with` it", "`with` it"),
)


def made(source: Path) -> str:
    """The synchronous twin of an asynchronous module."""
    text = source.read_text(encoding="utf-8")
    for pattern, replacement in _WORDS:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    text = _HEADER.format(source=source.name) + text
    ruff = str(Path(sys.executable).parent / "ruff")
    for command in ([ruff, "check", "--select", "I", "--fix", "-q", "-"], [ruff, "format", "-q", "-"]):
        name = str(CLIENT / FILES[source.name])
        text = subprocess.run(
            [*command[:-1], "--stdin-filename", name, "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text


def stale() -> list[Path]:
    """The twins that aren't what they would be made to today."""
    return [
        CLIENT / target
        for source, target in FILES.items()
        if not (CLIENT / target).exists()
        or (CLIENT / target).read_text(encoding="utf-8") != made(CLIENT / source)
    ]


def main() -> None:
    for source, target in FILES.items():
        (CLIENT / target).write_text(made(CLIENT / source), encoding="utf-8")
        print(f"generated {target}")


if __name__ == "__main__":
    main()
