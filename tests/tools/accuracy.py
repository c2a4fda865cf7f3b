"""Compares the engine with ExifTool over a folder: per family and per maker, the worst differences first.

    make accuracy FOLDER=/path/to/photographs

The same comparison as `metaextract diff-exiftool`, without a service between.
"""

from __future__ import annotations

import sys
from pathlib import Path

from extractor_service.modules.base import Part
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from metaextract.document.v1 import document_pb2
from metaextract_client.oracle.compare import compare
from metaextract_client.oracle.entries import NoExifToolError, of_document, of_exiftool, run_exiftool
from metaextract_client.oracle.report import Tally, headline, table, worst
from tests.golden.documents import parse
from tests.support import corpus


def measure(files: list[Path]) -> Tally:
    """What comparing all files gave; maker notes are counted by maker."""
    tally = Tally()
    for path, (values, printed) in zip(
        files, run_exiftool([str(path) for path in files], corpus.exiftool()), strict=True
    ):
        data = path.read_bytes()
        filled = parse(BlockCachedSource(BytesSource(data)))
        message = document_pb2.Document.FromString(encode.encode_part(Part.SECTIONS, filled, []))
        theirs = list(of_exiftool(values, printed))
        makers = [each.group for each in theirs if each.family == "makernotes"]
        comparison = compare(of_document(message), theirs)
        tally.add(str(path), comparison, {"makernotes": f"notes {makers[0]}"} if makers else None)
    return tally


def main() -> int:
    files = (
        sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file())
        if len(sys.argv) > 1
        else corpus.image_files()
    )
    if not files:
        print("no image files: name a folder with FOLDER=", file=sys.stderr)
        return 2
    try:
        tally = measure(files)
    except NoExifToolError as error:
        print(error, file=sys.stderr)
        return 2
    print(worst(tally.differences))
    print()
    print(table(tally.scores, tally.files))
    print(headline(tally.scores))
    return 0


if __name__ == "__main__":
    sys.exit(main())
