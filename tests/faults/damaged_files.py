"""Files that once broke a parser, and seeded mutants of every family, through the whole service."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor

from metaextract.document.v1 import document_pb2
from metaextract.extractor.v1 import extractor_pb2
from metaextract_client import ExtractorClient
from metaextract_client.render import outcome_name
from tests.faults.mutants import PER_FAMILY, mutants
from tests.golden import containers, foreign, images, made, makernotes
from tests.golden.samples import MEDIA
from tests.samples import PHOTOS
from tests.support import corpus
from tests.support.evidence import Evidence
from tests.support.processes import family, start_cache, start_extractor

_AT_ONCE = 8
_LOST = frozenset({"CRASHED", "OUT_OF_MEMORY", "TIMEOUT"})


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    options = extractor_pb2.ExtractOptions(cache_mode=extractor_pb2.CACHE_MODE_BYPASS)
    folder = corpus.corpus()
    jobs = (
        [("damaged corpus", path.read_bytes()) for path in sorted((folder / "_damaged").iterdir())]
        if folder
        else []
    )
    for sample, make in _samples().items():
        jobs += [(sample, mutant) for mutant in mutants(sample, make())]
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    seconds: dict[str, float] = defaultdict(float)
    reader_faults: Counter[str] = Counter()
    with (
        start_cache() as cache,
        start_extractor(
            cache.address, METAEXTRACT_QUEUE_LENGTH="1000", METAEXTRACT_QUEUE_SECONDS="30"
        ) as extractor,
        ExtractorClient(extractor.address) as client,
        ThreadPoolExecutor(_AT_ONCE) as threads,
    ):
        client.extract_file(PHOTOS[0], options)
        before = {process.pid for process in family(extractor.pid)}

        def one(job: tuple[str, bytes]) -> tuple[str, str, float, int]:
            started = time.monotonic()
            document = client.extract_bytes(job[1], "damaged", options, timeout=60).document
            faults = sum(each.kind == document_pb2.PROBLEM_KIND_READER for each in document.problems)
            return job[0], outcome_name(document.outcome), time.monotonic() - started, faults

        for kind, outcome, elapsed, faults in threads.map(one, jobs):
            outcomes[kind][outcome] += 1
            reader_faults[kind] += faults
            seconds[kind] = max(seconds[kind], elapsed)
        lives = extractor.process.poll() is None and cache.process.poll() is None
        last = client.extract_file(PHOTOS[0], options)
        replaced = len({process.pid for process in family(extractor.pid)} - before)
    totals = sum(outcomes.values(), Counter())
    for kind in sorted(outcomes):
        print(
            f"  {kind:<16} {sum(outcomes[kind].values()):>4} files, slowest {seconds[kind]:.2f} s  {dict(outcomes[kind])}"
        )
    evidence.single("all", "files", "count", sum(totals.values()))
    evidence.single("all", "families of mutants", "count", len(outcomes) - bool(folder))
    evidence.single("all", "mutants per family", "count", PER_FAMILY)
    evidence.single("all", "service crashes", "count", float(not lives), "== 0")
    evidence.single("all", "slowest answer, queue included", "s", max(seconds.values()), "<= 5")
    evidence.single("all", "files without a typed outcome", "count", totals["UNSPECIFIED"], "== 0")
    evidence.single("all", "problems of the kind READER", "count", sum(reader_faults.values()), "== 0")
    evidence.single("all", "workers lost to a file", "count", sum(totals[each] for each in _LOST))
    evidence.single("all", "processes that are new at the end", "count", replaced)
    evidence.single(
        "all",
        "the photograph after them is OK",
        "0/1",
        float(outcome_name(last.document.outcome) == "OK"),
        "== 1",
    )
    for outcome in sorted(totals):
        evidence.single("all", f"outcome {outcome}", "count", totals[outcome])
    return evidence


def _samples() -> dict[str, object]:
    return {
        "jpeg": images.jpeg, "tiff": images.tiff_pages, "bigtiff": lambda: images.tiff_pages(big=True), "png": images.png,
        **{name.rpartition(".")[2]: make for name, make in containers.CONTAINERS.items()},
        **MEDIA,
        **foreign.FOREIGN,
        **{f"notes {maker}": make for maker, make in makernotes.PHOTOGRAPHS.items()},
        **{f"made {name}": make for name, make in made.MADE.items()},
    }  # fmt: skip
