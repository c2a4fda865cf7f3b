"""Files for the demo, the tests and the benchmarks: committed photographs, and what the golden generators make."""

from __future__ import annotations

from pathlib import Path

from tests.golden.samples import SAMPLES

DOCUMENTS = Path(__file__).parent / "documents"
"""Documents by other programs (`python -m tests.tools.documents`)."""
PHOTOS = sorted((Path(__file__).parent / "photos").glob("*.jpg"))


def write_samples(folder: Path) -> list[Path]:
    """All golden samples, written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, make in SAMPLES.items():
        path = folder / name
        path.write_bytes(make())
        paths.append(path)
    return paths
