"""Modules of several kinds in one request: what one does to itself, and that the others don't mind. Real workers, real deaths."""

import asyncio

import pytest

from extractor_service.document import Outcome
from metaextract.document.v1.document_pb2 import DIGEST_ALGORITHM_SHA256
from metaextract.extractor.v1.extractor_pb2 import (
    ExtractOptions,
    ExtractRequest,
    GetCapabilitiesRequest,
    InlineSource,
)
from tests.golden.samples import SAMPLES
from tests.support.guests import extractor, install

MODULE = """
import os, signal, time
from extractor_service.document import Field
from extractor_service.modules.base import CostClass, Module


class {name}(Module):
    name = "{lower}"
    version = "1"
    description = "An example."
    writes = ("{lower}",)
    cost_class = CostClass.RANGES
    reads = ({reads})

    def applies(self, context):
        return True

    def run(self, source, document, context):
        {body}
"""
BODIES = {
    "good": 'document.add("good", Field("Bytes", source.size_bytes))',
    "fails": 'raise RuntimeError("a defect")',
    "hangs": "time.sleep(60)",
    "spins": "exec('while True: pass')",
    "dies": "os.kill(os.getpid(), signal.SIGSEGV)",
    "eats": "bytearray(4 * 2**30)",
    "reaches": "open('/etc/passwd').read()",
    "floods": "[document.add('floods', Field('x', 'y' * 1000)) for _ in range(100_000)]",
    "derived": 'document.add("derived", Field("Sections", len(document.sections)))',
}
OUTCOMES = {
    "good": {Outcome.OK}, "derived": {Outcome.OK}, "fails": {Outcome.CORRUPT, Outcome.PARTIAL}, "hangs": {Outcome.TIMEOUT}, "spins": {Outcome.TIMEOUT},
    "dies": {Outcome.CRASHED}, "eats": {Outcome.OUT_OF_MEMORY}, "reaches": {Outcome.CORRUPT, Outcome.PARTIAL}, "floods": {Outcome.PARTIAL},
}  # fmt: skip


@pytest.fixture
def packages(tmp_path, monkeypatch):
    for name, body in BODIES.items():
        reads = '"metadata",' if name == "derived" else ""
        code = MODULE.format(name=name.title(), lower=name, body=body, reads=reads)
        install(
            tmp_path,
            f"pkg_{name}",
            code,
            f'[project.entry-points."metaextract.modules"]\n{name} = "pkg_{name}.module:{name.title()}"\n',
        )
    install(
        tmp_path,
        "pkg_broken",
        "import nothing_of_that_name",
        '[project.entry-points."metaextract.modules"]\nbroken = "pkg_broken.module:Broken"\n',
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tuple(BODIES)


def request(*modules, **options):
    data = InlineSource(data=SAMPLES["little.jpg"](), name="a.jpg")
    return ExtractRequest(inline=data, options=ExtractOptions(modules=modules, **options))


async def test_no_module_takes_another_down(packages):
    async with extractor(modules=(*packages, "broken"), stall_seconds=1.0) as stub:
        told = {each.name: each for each in (await stub.GetCapabilities(GetCapabilitiesRequest())).modules}
        assert "nothing_of_that_name" in told["broken"].unavailable_reason
        alone = (await stub.Extract(request("metadata", "composite", "common"))).document
        wanted = ("metadata", "composite", "common", "digests", *packages, "broken")
        answer = (
            await stub.Extract(request(*wanted, parse_seconds=2.0, digests=[DIGEST_ALGORITHM_SHA256]))
        ).document
        outcomes = {report.name: Outcome(report.outcome) for report in answer.modules}
        assert set(outcomes) >= set(packages) | {"metadata", "composite", "common", "broken"}
        for name in packages:
            assert outcomes[name] in OUTCOMES[name], (name, outcomes[name], answer.problems)
        assert outcomes["broken"] is Outcome.PARTIAL
        own = {section.name: section.fields for section in alone.sections}
        assert {section.name: section.fields for section in answer.sections if section.name in own} == own
        assert answer.common == alone.common and len(answer.file.digests) == 2
        named = " ".join(problem.message for problem in answer.problems)
        assert all(name in named for name in ("fails", "hangs", "dies", "eats", "broken"))
        again = (await stub.Extract(request("metadata", "good", "derived"))).document
        assert {Outcome(report.outcome) for report in again.modules} == {Outcome.OK}


async def test_several_at_once_with_the_deadly_ones(packages):
    async with extractor(modules=packages) as stub:
        asked = [request("metadata", "dies", "good") for _ in range(6)] + [
            request("metadata", "good") for _ in range(6)
        ]
        answers = await asyncio.gather(*(stub.Extract(each) for each in asked))
        for answer in answers:
            outcomes = {report.name: Outcome(report.outcome) for report in answer.document.modules}
            assert outcomes["metadata"] is outcomes["good"] is Outcome.OK


async def test_sets_name_modules_and_unknown_ones_are_refused():
    async with extractor() as stub:
        answer = (await stub.Extract(request("forensic"))).document
        assert {report.name for report in answer.modules} == {"c2pa", "provenance", "thumbnail"}
        told = (await stub.GetCapabilities(GetCapabilitiesRequest())).modules
        assert {each.name for each in told if "advanced" in each.sets} >= {"c2pa", "provenance", "privacy"}
        assert all(each.version and each.cost_class and each.writes and each.ttl_class for each in told)
