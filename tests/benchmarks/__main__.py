"""Runs all benchmarks, or those named on the command line; exits with 1 when a goal is missed."""

from __future__ import annotations

import sys

from tests.benchmarks import cached_extract, cold_folder, get_result, large_uri, upload

BENCHMARKS = {
    "cached_extract_vs_echo": cached_extract.run,
    "get_result_vs_echo": get_result.run,
    "upload_vs_sink": upload.run,
    "cold_vs_exiftool": cold_folder.run,
    "large_uri": large_uri.run,
}


def main(names: list[str]) -> int:
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    missed = [name for name in names or BENCHMARKS if not BENCHMARKS[name](name).finish()]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
