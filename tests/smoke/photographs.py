"""The photographs that all paths work on."""

from __future__ import annotations

from pathlib import Path


def photos() -> list[Path]:
    """Of the tree whose code is counted."""
    import tests.samples

    return sorted((Path(tests.samples.__file__).parent / "photos").glob("*.jpg"))
