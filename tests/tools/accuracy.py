"""Compares the engine with ExifTool over a folder: per family and per maker, the worst differences first.

    make accuracy FOLDER=/path/to/photographs ONLY=canon

The same comparison as `metaextract diff-exiftool`, without a service between. Files that ExifTool finds fault with are
counted apart. Differences are shown of the seen half alone; of the unseen one, only the score (`tests/support/halves.py`).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from extractor_service.formats.identification.identify import identify_source, named
from extractor_service.modules.base import Part
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from metaextract.document.v1 import document_pb2
from metaextract_client.oracle.compare import compare
from metaextract_client.oracle.entries import (
    NoExifToolError,
    is_healthy,
    of_document,
    of_exiftool,
    run_exiftool,
)
from metaextract_client.oracle.report import Tally, headline, ratio, table, total_of, worst
from tests.golden.documents import parse
from tests.support import corpus
from tests.support.halves import SEEN, UNSEEN, half_of
from tests.support.judged import judge


@dataclass
class Measured:
    """Tallies of healthy files by half, and of damaged ones."""

    halves: dict[str, Tally] = field(default_factory=lambda: {SEEN: Tally(), UNSEEN: Tally()})
    damaged: Tally = field(default_factory=Tally)
    judged: int = 0
    """Fields that ExifTool has otherwise, for a reason that is written (`tests/support/judged.py`)."""

    @property
    def healthy(self) -> Tally:
        """Both halves together."""
        both = Tally()
        for each in self.halves.values():
            both.join(each)
        return both


def measure(files: list[Path]) -> Measured:
    """What comparing all files gave; maker notes are counted by maker."""
    measured = Measured()
    told = run_exiftool([str(path) for path in files], corpus.exiftool(), with_binary=True)
    for path, said in zip(files, told, strict=True):
        data = path.read_bytes()
        theirs = list(of_exiftool(*said))
        makers = [each.group for each in theirs if each.family == "makernotes"]
        comparison = compare(of_document(document_of(data, path.name), data), theirs)
        half = half_of(data)
        measured.judged += judge(path.name, comparison, data, is_unseen=half == UNSEEN)
        tally = measured.halves[half] if is_healthy(said.values) else measured.damaged
        tally.add(str(path), comparison, {"makernotes": f"notes {makers[0]}"} if makers else None)
    return measured


def document_of(data: bytes, name: str) -> document_pb2.Document:
    """Our document, as the wire has it."""
    filled = parse(BlockCachedSource(BytesSource(data)), name)
    message = document_pb2.Document.FromString(encode.encode_part(Part.SECTIONS, filled, []))
    known = named(identify_source(BytesSource(data)), name)
    message.file.format, message.file.mime_type = known.type.name, known.type.mime_type
    return message


def _halves(measured: Measured, only: str) -> str:
    """Per family, the score of each half."""
    lines = [f"{'family':<16}{'seen: present':>15}{'equal':>8}{'unseen: present':>17}{'equal':>8}"]
    seen, unseen = (measured.halves[half].scores for half in (SEEN, UNSEEN))
    for name in sorted({*seen, *unseen}, key=lambda each: -seen[each].theirs):
        if only in name.lower() and (seen[name].theirs or unseen[name].theirs):
            parts = [
                f"{ratio(part, whole):.1%}"
                for score in (seen[name], unseen[name])
                for part, whole in ((score.present, score.theirs), (score.equal, score.present))
            ]
            lines.append(f"{name:<16}{parts[0]:>15}{parts[1]:>8}{parts[2]:>17}{parts[3]:>8}")
    return "\n".join(lines)


def main() -> int:
    folder, only = (os.environ.get(name, "") for name in ("FOLDER", "ONLY"))
    files = (
        sorted(path for path in Path(folder).rglob("*") if path.is_file()) if folder else corpus.image_files()
    )
    if not files:
        print("no image files: name a folder with FOLDER=", file=sys.stderr)
        return 2
    try:
        measured = measure(files)
    except NoExifToolError as error:
        print(error, file=sys.stderr)
        return 2
    only = only.lower()
    shown = [each for each in measured.halves[SEEN].differences if _concerns(each, only)]
    print(worst(shown, int(os.environ.get("LIMIT", "60"))))
    healthy = measured.healthy
    scores = {name: score for name, score in healthy.scores.items() if only in name.lower()}
    print(f"\n{len(files)} files, healthy ones:")
    print(table(scores, healthy.files))
    print(headline(scores))
    print(f"\n{_halves(measured, only)}")
    for half in (SEEN, UNSEEN):
        print(f"{half}: {headline(measured.halves[half].scores)}")
    print(f"judged, each with its reason: {measured.judged} fields")
    damaged = total_of(measured.damaged.scores)
    print(f"\ndamaged ones ({damaged.theirs} fields): {headline(measured.damaged.scores)}")
    return 0


def _concerns(difference: tuple[str, object], only: str) -> bool:
    path, each = difference
    return only in path.lower() or only in getattr(each, "family", "").lower()


if __name__ == "__main__":
    sys.exit(main())
