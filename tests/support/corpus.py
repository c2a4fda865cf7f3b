"""Real files to measure on: the corpus beside the project, or the committed samples without it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tests.samples import PHOTOS

if TYPE_CHECKING:
    from collections.abc import Sequence

FAMILIES = (
    "jpeg",
    "tiff",
    "png",
    "raw",
    "heif",
    "webp",
    "gif",
    "jxl",
    "jp2",
    "psd",
    "bmpetc",
    "svg",
    "xmp",
    "c2pa",
)
MEDIA = ("mp4", "mkv", "wav", "aiff", "asf", "flac", "mp3", "ogg", "audio_other")
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
    return _files(folder, [family] if family else FAMILIES)


def media_files() -> list[Path]:
    """All films and sounds of the corpus; [] without it."""
    folder = corpus()
    return _files(folder, MEDIA) if folder else []


DOCUMENTS = ("pdf", "ooxml", "odf", "epub", "ole", "rtf", "font", "exe", "archive", "email")


def document_files(families: Sequence[str] = DOCUMENTS) -> list[Path]:
    """Documents, mail, archives, fonts and programs of the corpus; [] without it."""
    folder = corpus()
    return _files(folder, families) if folder else []


def _files(folder: Path, families: Sequence[str]) -> list[Path]:
    found = [path for each in families for path in sorted((folder / each).glob("*")) if path.is_file()]
    return [path for path in found if path.read_bytes()[: len(_POINTER)] != _POINTER]


def exiftool() -> str:
    """The ExifTool to compare with (METAEXTRACT_EXIFTOOL, else the PATH); "" when there is none."""
    return os.environ.get("METAEXTRACT_EXIFTOOL") or shutil.which("exiftool") or ""
