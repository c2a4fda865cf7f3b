"""Compares the engine with ExifTool over made files: maker notes of every layout, their structures, raw files.

    .venv/bin/python -m tests.tools.made [canon] [x3f] …

What no corpus has is made by cited layouts (`tests/golden/made_*.py`) and read by both.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from metaextract_client.oracle.compare import compare
from metaextract_client.oracle.entries import of_document, of_exiftool, run_exiftool
from metaextract_client.oracle.report import Tally, ratio, total_of, worst
from tests.golden import (
    jumbf,
    made_blocks,
    made_ciphers,
    made_notes,
    made_raws,
    made_reconyx,
    made_segments,
    made_trailers,
)
from tests.support import corpus
from tests.support.judged import judge
from tests.tools.accuracy import document_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_PHOTOGRAPHS, _RAWS = 12, 8  # of a layout: so that each tag is in about five


def cases() -> Iterator[tuple[str, str, list[bytes]]]:
    """What was made, the family that it is about ("" for all), and the files."""
    for maker in made_notes.MAKERS:
        yield f"made notes {maker}", "makernotes", list(made_notes.files(maker, _PHOTOGRAPHS))
    for maker in made_notes.MAKERS:
        blocks = [each.data for each in made_blocks.files(maker)]
        if blocks:
            yield f"made structures {maker}", "makernotes", blocks
    yield "made structures nikon-enciphered", "makernotes", list(made_ciphers.files())
    yield "made structures sony-enciphered", "makernotes", list(made_ciphers.sony())
    yield "made structures reconyx", "makernotes", list(made_reconyx.files())
    yield "made structures kodak", "makernotes", list(made_notes.kodaks().values())
    for name, make in jumbf.CONTAINERS.items():
        yield f"made {name.replace('.', ' ')}", "jumbf", [make()]
    for kind in made_trailers.KINDS:
        yield f"made trailer {kind} jpg", "", list(made_trailers.files(kind, _RAWS))
    for kind in made_segments.KINDS:
        yield f"made segments {kind} jpg", "", list(made_segments.files(kind, _RAWS))
    for kind in made_raws.KINDS:
        yield f"made {kind}", "", list(made_raws.files(kind, _RAWS))


def measure(wanted: list[str]) -> dict[str, Tally]:
    """A tally of each case that has one of the wanted words in its name; of all without any."""
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, family, files in cases():
            if wanted and not set(wanted) & set(name.split()):
                continue
            suffix = "jpg" if family == "makernotes" else name.split()[-1]
            paths = [Path(folder, f"{index}.{suffix}") for index in range(len(files))]
            for path, data in zip(paths, files, strict=True):
                path.write_bytes(data)
            said = run_exiftool([str(path) for path in paths], corpus.exiftool(), with_binary=True)
            tally = tallies[name] = Tally()
            for path, theirs, data in zip(paths, said, files, strict=True):
                comparison = compare(
                    of_document(document_of(data, path.name), data), list(of_exiftool(*theirs))
                )
                if family:
                    comparison.scores = {
                        key: each for key, each in comparison.scores.items() if key == family
                    }
                    comparison.differences = [
                        each for each in comparison.differences if each.family == family
                    ]
                judge(f"{name} {path.name}", comparison, data)
                tally.add(f"{name} {path.name}", comparison)
    return tallies


def main() -> int:
    """Prints a line a case, and the worst differences of what was asked for by name."""
    for name, tally in measure(sys.argv[1:]).items():
        score = total_of(tally.scores)
        print(
            f"{name:24} {score.theirs:6} fields  present {ratio(score.present, score.theirs):6.2%}  "
            f"equal {ratio(score.equal, score.present):6.2%}  printed {ratio(score.printed_equal, score.printed):6.2%}  invented {score.invented}"
        )
        if sys.argv[1:]:
            print(worst(tally.differences, int(os.environ.get("LIMIT", "40"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
