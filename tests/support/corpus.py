"""Real image files to measure on: the corpus beside the project, or the committed samples without it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.samples import PHOTOS

FAMILIES = ("jpeg", "tiff", "png", "raw", "heif", "webp", "gif", "jxl", "jp2", "psd", "bmpetc", "svg", "xmp")
_POINTER = b"version https://git-lfs.github.com/spec/"  # what a repository has instead of some large files
_DEFAULT = Path(__file__).parents[2] / ".." / "shared" / "corpus"


def corpus() -> Path | None:
    """The corpus folder (METAEXTRACT_CORPUS); None when there is none."""
    folder = Path(os.environ.get("METAEXTRACT_CORPUS") or _DEFAULT).resolve()
    return folder if folder.is_dir() else None


def image_files(family: str = "") -> list[Path]:
    """All image files, or those of one family; the committed photographs stand in for a corpus that isn't there."""
    folder = corpus()
    if folder is None:
        return sorted(PHOTOS) if family in {"", "jpeg"} else []
    families = [family] if family else FAMILIES
    found = [path for each in families for path in sorted((folder / each).glob("*")) if path.is_file()]
    return [path for path in found if not path.read_bytes()[:40].startswith(_POINTER)]


def exiftool() -> str:
    """The ExifTool to compare with (METAEXTRACT_EXIFTOOL, else the PATH); "" when there is none."""
    return os.environ.get("METAEXTRACT_EXIFTOOL") or shutil.which("exiftool") or ""
