"""Files that unpack to far more than they are: what each takes before it is refused or cut, and that this is told."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

from extractor_service.document import Outcome
from extractor_service.formats.identification.identify import by_the_name, identify_source
from extractor_service.modules.registry import BY_NAME
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers.pool import WorkerPool
from extractor_service.workers.pools import WorkerPools
from extractor_service.workers.protocol import Job, JobResult
from metaextract.document.v1 import document_pb2
from tests.faults import bombs, module_bombs
from tests.support.evidence import Evidence

_MIB = 2**20
_COMMAND = (sys.executable, "-m", "extractor_service.workers")
_MODULES = ("metadata", "composite", "common")
_TYPED = {each.value for each in Outcome} - {
    Outcome.CRASHED.value,
    Outcome.OUT_OF_MEMORY.value,
    Outcome.TIMEOUT.value,
}


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    rows = asyncio.run(_measure(os.environ.get("BOMB", "")))
    for bomb, (size, seconds, peak, result) in rows.items():
        outcomes = {module.outcome for module in result.modules}
        problems = [
            problem.message
            for module in result.modules
            for problem in document_pb2.Document.FromString(module.fragment).problems
        ]
        print(
            f"  {bomb:<34} {size:>9} B {seconds * 1000:>6.0f} ms {peak / _MIB:>6.1f} MiB "
            f" {[Outcome(each).name for each in sorted(outcomes)]} {result.failure_message} {problems[:1]}"
        )
        is_typed = result.failure is None and bool(outcomes) and outcomes <= _TYPED
        evidence.single(bomb, "CPU", "s", seconds, "<= 0.5")
        evidence.single(bomb, "peak over idle", "MiB", peak / _MIB, "<= 64")
        evidence.single(bomb, "refused or cut, and told", "0/1", float(is_typed), "== 1")
    return evidence


async def _measure(word: str) -> dict[str, tuple[int, float, int, JobResult]]:
    pools = WorkerPools(lambda kind: WorkerPool(_COMMAND, 1, 512 * _MIB, kind=kind))
    await pools.readers.start()
    rows = {}
    try:
        for bomb, make in {**bombs.BOMBS, **module_bombs.BOMBS}.items():
            if word and word not in bomb:
                continue
            data = make()
            known = by_the_name(identify_source(BytesSource(data)), bomb).identity.type
            file_format = known.reader
            pool = await pools.get(BY_NAME[module_bombs.OF_MODULES.get(bomb, _MODULES)[-1]].worker_kind)
            descriptor = os.memfd_create("bomb")
            try:
                os.write(descriptor, data)
                modules = module_bombs.OF_MODULES.get(bomb, _MODULES)
                job = Job(file_format, modules, len(data), 20.0, mime_type=known.mime_type)
                # First a small file by the same reader, so that what it loads isn't taken for the bomb's.
                await pool.run(Job(file_format, modules, 16, 20.0, mime_type=known.mime_type), descriptor)
                worker = pool._idle[0] if pool._idle else None
                idle = _status(worker.pid, "VmRSS") if worker else 0
                result = await pool.run(job, descriptor)
                peak = _status(worker.pid, "VmHWM") if worker and worker.is_usable else 512 * _MIB + idle
            finally:
                os.close(descriptor)
            seconds = result.cpu_seconds if result.cpu_seconds is not None else 20.0
            rows[f"{bomb} ({file_format or 'none'})"] = (len(data), seconds, max(0, peak - idle), result)
            for each in pool._idle:  # the next one gets a worker of its own
                each.kill()
            pool._idle.clear()
    finally:
        await pools.close()
    return rows


def _status(pid: int, field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1024 if found else 0
