"""One engine that reads the same files again whenever it is told to, in a process of its own: `python engine_pass.py TREE FILES`.

A line in is a pass; a line out is its CPU seconds for each file. The first line out is how many fields each file's document has. It asks
a tree for nothing but what trees of all ages have: `parse` of its own golden documents, which gets what it asks for by name.
"""

from __future__ import annotations

import gc
import importlib
import inspect
import json
import sys
import time
from pathlib import Path
from typing import Any

# The engine; older trees have no others that are on by default.
_MODULES = ("metadata", "composite", "common")
_HEAD_BYTES = 16 * 1024
_COLLECT_AT = 20_000  # as today's workers, for all trees


def main(tree: str, listed: str) -> None:
    sys.path[:0] = [tree, f"{tree}/protos", f"{tree}/clients/python"]
    from extractor_service.sources.blocks import BlockCachedSource
    from extractor_service.sources.descriptor import BytesSource

    documents: Any = importlib.import_module("tests.golden.documents")
    assert documents.__file__.startswith(tree)
    documents.MODULES = [each for each in documents.MODULES if each.name in _MODULES]
    wanted = inspect.signature(documents.parse).parameters
    encode = documents.encode
    files = [(Path(path).name, Path(path).read_bytes()) for path in json.loads(Path(listed).read_text())]

    def one(name: str, data: bytes) -> int:
        given = {"head": data[:_HEAD_BYTES], "name": name}
        given = {key: value for key, value in given.items() if key in wanted}
        document = documents.parse(BlockCachedSource(BytesSource(data)), **given)
        encode.encode_part(documents.Part.SECTIONS, document, [])
        encode.encode_part(documents.Part.COMMON, document, [])
        return document.field_count

    print(json.dumps([one(*file) for file in files]), flush=True)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AT)
    for _ in sys.stdin:
        seconds = []
        for file in files:
            before = time.thread_time()
            one(*file)
            seconds.append(time.thread_time() - before)
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
