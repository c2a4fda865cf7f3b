"""The guides of the READMEs, followed to the letter in a copy of the tree: their code, their lines, the tests that they name."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import grpc
import pytest

from cache_service.tiers.base import Tier
from metaextract.extractor.v1.extractor_pb2 import (
    ExtractOptions,
    ExtractRequest,
    GetCapabilitiesRequest,
    InlineSource,
)
from tests.support.guests import extractor, install
from tests.support.pages import ROOT, code_of, section

PACKAGES = ("cache_service", "extractor_service", "service_runtime", "protos", "clients/python", "tests")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The tree as a newcomer finds it, to be changed."""
    folder = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return Copy(folder)


class Copy:
    """A copy of the tree, and what a newcomer does there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def guide(self, page: str, heading: str) -> list[str]:
        """The code of a guide, block by block."""
        text = (self.folder / page).read_text(encoding="utf-8")
        return [code.text for code in code_of(section(text, heading))]

    def write(self, path: str, text: str) -> None:
        """A new file."""
        assert not (self.folder / path).exists()
        (self.folder / path).write_text(text, encoding="utf-8")

    def change(self, path: str, before: str, after: str) -> None:
        """One place in a file."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert text.count(before) == 1, (path, before)
        (self.folder / path).write_text(text.replace(before, after), encoding="utf-8")

    def append(self, path: str, text: str) -> None:
        """More at the end of a file."""
        with (self.folder / path).open("a", encoding="utf-8") as file:
            file.write("\n" + text)

    def run(self, *words: str, **environ: str) -> str:
        """The output of `python -m …`, which must succeed."""
        python = os.pathsep.join(str(self.folder / name) for name in ("", "protos", "clients/python"))
        run = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": python, **environ},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
        return run.stdout

    def test(self, path: str, name: str, least: int) -> None:
        """The named contract suite tries the addition in `least` tests or more."""
        output = self.run("pytest", "-q", "-p", "no:cacheprovider", path, "-k", name)
        passed = re.search(r"(\d+) passed", output)
        assert passed and int(passed[1]) >= least, output[-2000:]


def test_a_format(copy):
    guide = copy.guide("extractor_service/formats/README.md", "## Add a format")
    parser, line, sample = guide
    copy.write("extractor_service/formats/containers/photo/qoi.py", parser)
    registry = "extractor_service/formats/registry.py"
    copy.change(registry, ")  # fmt: skip\n\nBY_NAME", f"{line})  # fmt: skip\n\nBY_NAME")
    made, _, listed = sample.partition("CONTAINERS = {\n")
    copy.change(
        "tests/golden/containers.py", "CONTAINERS = {\n", f"{made}CONTAINERS = {{\n{listed.splitlines()[0]}\n"
    )
    before = {path: path.read_bytes() for path in (copy.folder / "tests/golden/expected").rglob("*.json")}
    copy.run("tests.golden")
    after = {path: path.read_bytes() for path in (copy.folder / "tests/golden/expected").rglob("*.json")}
    assert {path.name for path in after.keys() - before} == {"one.qoi.json"}
    assert all(after[path] == data for path, data in before.items())
    copy.test("tests/contracts/test_formats.py", "qoi", 5)


def test_a_module(copy):
    code, line = copy.guide("extractor_service/modules/README.md", "## Add a module here")
    copy.write("extractor_service/modules/fieldcount.py", code)
    registry = "extractor_service/modules/registry.py"
    copy.change(registry, '    "digests": ', f'{line}    "digests": ')
    copy.test("tests/contracts/test_modules.py", "fieldcount or fragments or no_two", 10)


async def test_a_module_of_another_package(copy, tmp_path, monkeypatch):
    code, entry = copy.guide(
        "extractor_service/modules/README.md", "## Add a module from a package of your own"
    )
    install(tmp_path, "colour_words", code, entry)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    text = InlineSource(data=b"red wine, Blue sky, red rose\n" * 3, name="wine.txt")
    options = ExtractOptions(modules=["colour_words"])
    async with extractor(modules=("colour_words",)) as stub:
        told = {
            module.name: module for module in (await stub.GetCapabilities(GetCapabilitiesRequest())).modules
        }
        assert told["colour_words"].worker_kind == "guest:colour_words"
        assert not told["colour_words"].default_enabled and not told["colour_words"].unavailable_reason
        answer = await stub.Extract(ExtractRequest(inline=text, options=options))
        assert answer.document.modules[0].outcome == 1
        words = [field.value.text for section in answer.document.sections for field in section.fields]
        assert words == ["red", "blue", "red"] * 3
    async with extractor() as stub:
        with pytest.raises(grpc.aio.AioRpcError, match="unknown module 'colour_words'"):
            await stub.Extract(ExtractRequest(inline=text, options=options))


def test_a_back_off_policy(copy):
    code = copy.guide("extractor_service/README.md", "## Add a back-off policy")[0]
    copy.write("extractor_service/backoff/policies/halving.py", code)
    registry = "extractor_service/backoff/policies/registry.py"
    copy.change(registry, "GradientPolicy, NoBackoff", "GradientPolicy, HalvingPolicy, NoBackoff")
    line = "from extractor_service.backoff.policies.none import"
    copy.change(
        registry, line, f"from extractor_service.backoff.policies.halving import HalvingPolicy\n{line}"
    )
    copy.test("tests/contracts/test_backoff_policy.py", "halving", 17)


def test_an_eviction_policy(copy):
    code = copy.guide("cache_service/README.md", "## Add an eviction policy")[0]
    copy.write("cache_service/eviction/second_chance.py", code)
    registry = "cache_service/eviction/registry.py"
    copy.change(registry, '    "s3-fifo"', '    "second-chance": SecondChancePolicy,\n    "s3-fifo"')
    line = "from cache_service.eviction.s3fifo import"
    copy.change(
        registry, line, f"from cache_service.eviction.second_chance import SecondChancePolicy\n{line}"
    )
    copy.test("tests/contracts/test_eviction.py", "second", 5)


def test_a_signal(copy):
    code, line = copy.guide("service_runtime/memory/README.md", "## Add a signal")
    copy.write("service_runtime/memory/signals/swap.py", code)
    registry = "service_runtime/memory/signals/registry.py"
    copy.change(registry, "    stalls.find,\n", f"    stalls.find,\n{line}")
    copy.change(registry, "import cgroup, host, stalls", "import cgroup, host, stalls, swap")
    copy.test("tests/contracts/test_signals.py", "swap", 4)
    copy.test("tests/service_runtime/memory/test_signals.py", "discovery", 2)


def test_a_call(copy):
    """Described, generated, served by a method whose signature is the guide's."""
    method = copy.guide("protos/README.md", "## Add an RPC")[0]
    proto = "protos/metaextract/cache/v1/pressure.proto"
    call = "  // Tells.\n  rpc GetThresholds(GetThresholdsRequest) returns (GetThresholdsResponse);\n"
    copy.change(proto, "service PressureService {\n", f"service PressureService {{\n{call}")
    copy.append(
        proto, "// Asks.\nmessage GetThresholdsRequest {}\n\n// Answers.\nmessage GetThresholdsResponse {}\n"
    )
    copy.run("tests.tools.generate", PATH="")  # without go and npm: Python alone
    body = f"{method}    return pressure_pb2.GetThresholdsResponse()\n"
    copy.append("cache_service/services/pressure_service.py", textwrap.indent(body, "    "))
    copy.write("tests/test_thresholds.py", _CALL_TEST)
    copy.test("tests/test_thresholds.py", "thresholds", 1)


_CALL_TEST = """
import inspect
from cache_service.services.pressure_service import PressureServicer
from metaextract.cache.v1 import pressure_pb2, pressure_pb2_grpc

def test_thresholds():
    assert pressure_pb2_grpc.PressureServiceStub.__init__ and pressure_pb2.GetThresholdsRequest()
    base = pressure_pb2_grpc.PressureServiceServicer.GetThresholds
    assert PressureServicer.GetThresholds is not base
    assert list(inspect.signature(PressureServicer.GetThresholds).parameters) == list(inspect.signature(base).parameters)
"""


def test_the_tier_of_the_guide_is_the_tier(copy):
    text = copy.guide("cache_service/README.md", "## Add a tier")[0]
    named = set(re.findall(r"def (\w+)", text))
    assert named == {
        name for name in vars(Tier) if callable(getattr(Tier, name)) and not name.startswith("_")
    }
