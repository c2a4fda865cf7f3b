"""The compiled engine against plain Python: every document byte for byte, what it costs to build, to carry and to start.

`AGAINST=REVISION` compares with older code as well. Both engines read the corpus, or without it the samples, through the whole service.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from tests.samples import PHOTOS, write_samples
from tests.support import corpus
from tests.support.all_documents import code_of, documents, older_tree
from tests.support.evidence import ROOT, Evidence
from tests.support.processes import start_cache, start_extractor

COMPILED = ROOT / "build" / "accelerated"
_POINTER = b"version https://git-lfs.github.com/spec/"  # what a repository has instead of some large files
_ROUNDS = 7


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    before = time.monotonic()
    subprocess.run(["touch", "docker/build_hook.py"], cwd=ROOT, check=True)
    subprocess.run(["make", "--silent", "accelerate"], cwd=ROOT, check=True)
    evidence.single("build", "make accelerate", "s", time.monotonic() - before)
    (wheel,) = (ROOT / "build" / "wheels").glob("*.whl")
    evidence.single("build", "the wheel", "MiB", wheel.stat().st_size / 2**20)
    libraries = sum(path.stat().st_size for path in COMPILED.rglob("*.so"))
    evidence.single("build", "of it compiled, unpacked", "MiB", libraries / 2**20)
    with tempfile.TemporaryDirectory() as folder:
        root, files = _files(Path(folder))
        pure = documents(ROOT, files, root)
        evidence.single("documents", "files", "count", len(files))
        evidence.single("documents", "bytes", "B", sum(map(len, pure.values())))
        compiled = documents(COMPILED, files, root)
        evidence.single("documents", "compiled and pure differ", "count", _differing(pure, compiled), "== 0")
        if against := os.environ.get("AGAINST"):
            with older_tree(against, Path(folder)) as tree:
                older = documents(tree, files, root)
            evidence.single(
                "documents", f"{against[:8]} and pure differ", "count", _differing(pure, older), "== 0"
            )
    starts: dict[Path, list[float]] = {ROOT: [], COMPILED: []}
    for number in range(_ROUNDS):
        for tree in (ROOT, COMPILED) if number % 2 else (COMPILED, ROOT):
            starts[tree].append(_start_seconds(tree))
    evidence.paired("start", "pair ready", "s", starts[COMPILED], starts[ROOT], "pure")
    evidence.single("start", "pair ready, pure, longest", "s", max(starts[ROOT]), "< 2")
    return evidence


def _files(folder: Path) -> tuple[Path, list[Path]]:
    root = corpus.corpus()
    if root is None:
        root = folder / "samples"
        write_samples(root)
        for path in PHOTOS:
            (root / path.name).write_bytes(path.read_bytes())
    files = sorted(
        path for path in root.rglob("*") if path.is_file() and path.suffix not in {".jsonl", ".md"}
    )
    return root, [path for path in files if path.read_bytes()[: len(_POINTER)] != _POINTER]


def _differing(one: dict[Path, bytes], other: dict[Path, bytes]) -> int:
    differing = [path for path in one if one[path] != other[path]]
    for path in differing[:10]:
        print(f"  differs: {path}")
    return len(differing)


def _start_seconds(tree: Path) -> float:
    started = time.perf_counter()
    with code_of(tree), start_cache() as cache, start_extractor(cache.address):
        return time.perf_counter() - started
