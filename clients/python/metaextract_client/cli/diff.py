"""`metaextract diff-exiftool`: where our document of a file and ExifTool's differ."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from metaextract_client.cli import exit_codes
from metaextract_client.extractor import ExtractorClient
from metaextract_client.oracle.compare import compare
from metaextract_client.oracle.entries import (
    EXIFTOOL_VARIABLE,
    NoExifToolError,
    of_document,
    of_exiftool,
    run_exiftool,
)
from metaextract_client.oracle.report import headline, table
from metaextract_client.walker import named_files

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """0 when all agree, 1 when something is wrong or missing."""
    paths = [str(each.path) for each in named_files(options.paths)]
    for missing in [path for path in paths if not Path(path).is_file()]:
        print(f"metaextract: {missing}: no such file", file=sys.stderr)
        return exit_codes.NOTHING
    try:
        found = run_exiftool(
            paths, options.exiftool or os.environ.get(EXIFTOOL_VARIABLE, ""), with_binary=True
        )
    except NoExifToolError as error:
        print(f"metaextract: {error}", file=sys.stderr)
        return exit_codes.NOTHING
    differs = False
    with ExtractorClient(options.extractor) as client:
        for path, said in zip(paths, found, strict=True):
            document = client.extract_file(path).document
            content = Path(path).read_bytes()
            result = compare(of_document(document, content), of_exiftool(*said))
            print(
                f"{path}\n{headline(result.scores)}\n{table(result.scores, dict.fromkeys(result.scores, 1))}"
            )
            for each in sorted(result.differences, key=lambda each: (each.kind, each.family, each.name)):
                if options.all or each.kind != "invented":
                    print(
                        f"  {each.kind:<8} {each.family}:{each.name}  exiftool {each.theirs!r}  ours {each.ours!r}"
                    )
                differs = True
    return exit_codes.FAILED if differs else exit_codes.OK
