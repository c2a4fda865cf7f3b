"""The system calls that workers make over FOLDER (default: the corpus): what the sandbox has to allow.

`python -m tests.tools.syscalls [FOLDER]`, with `strace` installed and as a user who may attach to processes. Prints each call,
how often it was made, how often refused, and the files that were opened. The sandbox is off meanwhile, unless SANDBOX=1.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import ExtractorClient
from metaextract_client.errors import MetaExtractError
from tests.support.corpus import corpus
from tests.support.processes import family, start_cache, start_extractor

_CALL = re.compile(r"^(\d+) +(?:\d+\.\d+ )?([a-z_0-9]+)\(")
_PATH = re.compile(r'open(?:at)?\([^"]*"([^"]*)", ([A-Z_|0-9]+)')
_MAX_FILE_BYTES = 64 * 2**20


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else corpus()
    assert folder is not None, "no corpus here: name a folder"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    log = Path("build/syscalls.txt")
    sandbox = "true" if os.environ.get("SANDBOX") else "false"
    with (
        start_cache() as cache,
        start_extractor(cache.address, METAEXTRACT_SANDBOX=sandbox) as extractor,
        ExtractorClient(extractor.address) as client,
    ):
        template = family(extractor.pid)[1].pid
        tracer = subprocess.Popen(["strace", "-f", "-qq", "-o", str(log), "-p", str(template)])
        time.sleep(1)
        outcomes: Counter[str] = Counter()
        for path in files:
            if path.stat().st_size > _MAX_FILE_BYTES:
                continue
            for depth in (extractor_pb2.DEPTH_STANDARD, extractor_pb2.DEPTH_FULL):
                options = extractor_pb2.ExtractOptions(
                    cache_mode=extractor_pb2.CACHE_MODE_BYPASS, depth=depth
                )
                try:
                    outcomes[str(client.extract_file(path, options).document.outcome)] += 1
                except MetaExtractError as error:
                    outcomes[type(error).__name__] += 1
        tracer.terminate()
        tracer.wait()
    calls, refused, opened = Counter[str](), Counter[str](), Counter[str]()
    with log.open(errors="replace") as lines:
        for line in lines:
            found = _CALL.match(line)
            if found is None or int(found[1]) == template:
                continue
            calls[found[2]] += 1
            refused[found[2]] += "= -1 EPERM" in line or "= -1 EACCES" in line
            if (path_found := _PATH.search(line)) is not None:
                opened[f"{path_found[2]} {path_found[1]}"] += 1
    print(f"{len(files)} files, outcomes {dict(outcomes)}")
    for name, count in calls.most_common():
        print(f"{name:<20} {count:>9} {refused[name]:>6} refused")
    print("\nopened:")
    for name, count in opened.most_common(400):
        print(f"{count:>7} {name}")


if __name__ == "__main__":
    main()
