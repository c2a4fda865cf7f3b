"""Modules that fail, hang, spin, die, eat memory and reach out, in a load of sound ones: what of the sound ones' results is lost."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from pathlib import Path

from extractor_service.document import Outcome
from metaextract.extractor.v1.extractor_pb2 import ExtractOptions, ExtractRequest, InlineSource
from tests.extractor_service.extraction.test_groups import BODIES, MODULE, OUTCOMES
from tests.golden.samples import SAMPLES
from tests.support.evidence import Evidence
from tests.support.guests import extractor, install

_SOUND = ("metadata", "common", "content_digest", "perceptual", "provenance", "good")
_BAD = ("fails", "hangs", "spins", "dies", "eats", "reaches", "floods")
_ROUNDS = 12
_AT_ONCE = 3


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        for each, body in BODIES.items():
            reads = '"metadata",' if each == "derived" else ""
            code = MODULE.format(name=each.title(), lower=each, body=body, reads=reads)
            entry = (
                f'[project.entry-points."metaextract.modules"]\n{each} = "pkg_{each}.module:{each.title()}"\n'
            )
            install(Path(folder), f"pkg_{each}", code, entry)
        os.environ["PYTHONPATH"] = folder
        asyncio.run(_measure(evidence))
    return evidence


async def _measure(evidence: Evidence) -> None:
    data = SAMPLES["little.jpg"]()
    lost: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    calls = 0
    async with extractor(modules=tuple(BODIES), stall_seconds=1.0) as stub:
        waiting = asyncio.Semaphore(_AT_ONCE)

        async def one(bad: str, number: int) -> None:
            nonlocal calls
            options = ExtractOptions(modules=[*_SOUND, bad], parse_seconds=2.0)
            inline = InlineSource(data=data + bytes(number), name="a.jpg")
            async with waiting:
                answer = (
                    await stub.Extract(ExtractRequest(inline=inline, options=options), timeout=60)
                ).document
            calls += 1
            outcomes = {report.name: Outcome(report.outcome) for report in answer.modules}
            for each in _SOUND:
                if outcomes.get(each) is not Outcome.OK and not (
                    each in {"content_digest", "perceptual"} and outcomes.get(each) is Outcome.CORRUPT
                ):
                    lost[bad] += 1
            wrong[bad] += outcomes.get(bad) not in OUTCOMES[bad] or not answer.problems

        await asyncio.gather(
            *(one(bad, number * 10 + place) for number in range(_ROUNDS) for place, bad in enumerate(_BAD))
        )
    for bad in _BAD:
        evidence.single(
            f"a module that {bad}", "results of the others that were lost", "count", lost[bad], "== 0"
        )
        evidence.single(f"a module that {bad}", "answers that don't say so", "count", wrong[bad], "== 0")
    evidence.single("calls", "answered", "count", calls, f"== {_ROUNDS * len(_BAD)}")
