"""Documents against ExifTool: names present and values equal, by family, of the corpus and of what other programs made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metaextract_client.oracle.entries import NoExifToolError
from metaextract_client.oracle.report import total_of
from tests.support import corpus
from tests.tools import documents
from tests.tools.accuracy import Measured, measure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.evidence import Evidence

# By family: the corpus folders, and the folders of made files.
_FAMILIES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "PDF": (("pdf",), ("pdf",)),
    "OOXML": (("ooxml",), ("docx", "xlsx", "pptx")),
    "ODF": (("odf",), ("odt", "ods", "odp", "odg")),
    "EPUB": (("epub",), ("epub",)),
    "OLE": (("ole",), ("doc", "xls", "ppt", "msi")),
    "RTF": (("rtf",), ("rtf",)),
    "fonts": (("font",), ("ttf", "otf", "ttc", "woff")),
    "programs": (("exe",), ("elf", "pe", "macho")),
    "archives": (("archive",), ("zip", "7z", "gz", "tgz", "iso", "jar", "whl", "kmz", "ar", "deb")),
    "calendars and contacts": ((), ("ics", "vcf")),
    "HTML": ((), ("html", "xhtml")),
}  # fmt: skip
_ELSEWHERE = frozenset({"file", "composite", "streams"})
"""What type it is was measured apart, by `identification`; what is calculated, by the photographs."""


def add(evidence: Evidence) -> None:
    """Adds a case a family, and one for each half of the corpus (BLAKE3)."""
    made = documents.made()
    for family, (folders, kinds) in _FAMILIES.items():
        files = [*corpus.document_files(folders), *(path for path in made if path.parent.name in kinds)]
        if not files:
            continue
        measured = _measured(files)
        scores = measured.healthy.scores
        score = total_of({name: each for name, each in scores.items() if name not in _ELSEWHERE})
        if not score.theirs:
            continue
        case = f"documents, {family}, {len(files)} files"
        evidence.single(case, "fields of ExifTool", "count", score.theirs)
        evidence.single(case, "names present", "%", 100 * score.present / score.theirs, ">= 95")
        evidence.single(case, "values equal", "%", 100 * score.equal / max(1, score.present), ">= 98")
        for half, tally in measured.halves.items():
            part = total_of({name: each for name, each in tally.scores.items() if name not in _ELSEWHERE})
            if part.theirs:
                evidence.single(case, f"names present, {half}", "%", 100 * part.present / part.theirs)
                evidence.single(case, f"values equal, {half}", "%", 100 * part.equal / max(1, part.present))


def _measured(files: list[Path]) -> Measured:
    """What comparing gave; a file of which ExifTool makes JSON that can't be read is left out, and said."""
    try:
        return measure(files)
    except NoExifToolError:
        if len(files) == 1:
            print(f"ExifTool's JSON of {files[0].name} can't be read")
            return Measured()
    half = len(files) // 2
    first, second = _measured(files[:half]), _measured(files[half:])
    for name, tally in second.halves.items():
        first.halves[name].join(tally)
    first.damaged.join(second.damaged)
    return first
