"""One suite for every module of the registry: results are cached one by one, so that each must be its own alone.

A new module needs its line in the registry; everything here then concerns it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from extractor_service.depth import Depth
from extractor_service.document import Document, Field, Position
from extractor_service.formats.identification.identify import identify
from extractor_service.formats.registry import BY_NAME, FORMATS
from extractor_service.modules import guests
from extractor_service.modules.base import (
    NUMBERS,
    PIXELS,
    PROGRAM,
    READER,
    TEXT,
    CostClass,
    Module,
    ModuleContext,
    Part,
    Subject,
    effective_version,
)
from extractor_service.modules.loaded import MODULES
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from metaextract.cache.v1 import result_pb2
from metaextract.document.v1 import document_pb2
from tests.golden.samples import SAMPLES

PLACE = Position(52.52, 13.405)
MODULES_BY_NAME = {module.name: module for module in MODULES}
FILM = ModuleContext(BY_NAME["mp4"], position=PLACE, mime_type="video/mp4")
every_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)


class Fifth(Module):
    """What a fifth module might be: it adds a section of its own, beside all that the others have found."""

    name = "fifth"
    version = "1"
    description = "A section of its own."
    default_enabled = True
    writes = ("fifth",)
    reads = ("metadata",)

    def applies(self, context):
        return context.format is not None

    def run(self, source, document, context):
        document.add("fifth", Field("FieldCount", document.field_count))


def fragments(name: str, modules) -> tuple[dict[str, document_pb2.Document], Document]:
    """What each module adds, as the worker encodes it."""
    data = SAMPLES[name]()
    source, document = BlockCachedSource(BytesSource(data)), Document()
    context = ModuleContext(identify(data[:16384], len(data)).format, ("sha256",), Depth.STANDARD, PLACE)
    parts = {}
    for module in modules:
        if module.applies(context):
            module.run(source, document, context)
            parts[module.name] = document_pb2.Document.FromString(
                encode.encode_part(module.writes, document, [])
            )
    return parts, document


@pytest.mark.parametrize("name", ["little.jpg", "tree.h5", "song.mp3", "hdus.fits"])
@pytest.mark.parametrize("modules", [MODULES, (*MODULES, Fifth())], ids=["all", "and a fifth"])
def test_fragments_are_disjoint_and_merging_repeats_nothing(name, modules):
    parts, document = fragments(name, modules)
    merged = document_pb2.Document()
    for part in parts.values():
        merged.MergeFromString(part.SerializeToString())
    names = [section.name for section in merged.sections]
    assert len(names) == len(set(names)), names
    assert {section.name: len(section.fields) for section in merged.sections} == {
        section: len(fields) for section, fields in document.sections.items()
    }
    algorithms = [digest.algorithm for digest in merged.file.digests]
    assert len(algorithms) == len(set(algorithms)) == 2
    assert sum(part.HasField("common") for part in parts.values()) <= 1


def test_no_two_write_the_same():
    # Observations are a list to which several modules add; each encodes its own alone, as none reads another's.
    parts = [
        module.writes
        for module in MODULES
        if isinstance(module.writes, Part) and module.writes is not Part.OBSERVATIONS
    ]
    named = [
        section for module in MODULES if not isinstance(module.writes, Part) for section in module.writes
    ]
    assert len(parts) == len(set(parts)) and len(named) == len(set(named))


@every_module
def test_it_reads_what_ran_before(module):
    earlier = [each.name for each in MODULES[: MODULES.index(module)]]
    assert set(module.reads) <= set(earlier)
    assert [each.name for each in MODULES].count(module.name) == 1


@every_module
def test_its_key_changes_with_what_it_is_made_from(module):
    by_name = {each.name: each for each in MODULES}
    context = ModuleContext(FORMATS[0])
    version = effective_version(module, by_name, context)
    assert module.version in version
    if module.subject is Subject.POSITION:
        return
    assert FORMATS[0].version in version
    for name in module.reads:
        assert f"{name}.{by_name[name].version}" in version


@pytest.mark.parametrize(
    "module", [each for each in MODULES if each.applies(FILM)], ids=lambda module: module.name
)
def test_it_reads_every_byte_only_if_it_says_so(module):
    data = SAMPLES["movie.mp4"]()
    data += bytes(4_000_000)  # behind the last box: nothing that a parser needs
    source, document = BlockCachedSource(BytesSource(data)), Document()
    context = FILM
    for name in module.reads:
        MODULES_BY_NAME[name].run(source, document, context)
    module.run(source, document, context)
    assert module.needs_whole_file or source.bytes_read < len(data)


@every_module
def test_it_can_be_described_and_says_what_it_costs(module):
    told = guests.describe(module)
    assert json.loads(json.dumps(told))["name"] == module.name
    assert module.cost_class in CostClass and module.lifetime.value in result_pb2.TtlClass.values()
    assert module.needs_pixels == (module.cost_class is CostClass.PIXELS)
    assert (module.cost_class is CostClass.DERIVED) <= (not module.needs_whole_file)
    assert module.worker_kind in {READER, PIXELS, TEXT, PROGRAM, NUMBERS}


@every_module
def test_it_loads_quickly_and_alone(module):
    """The first of a kind loads its library; what comes after takes less than 50 ms (`make bench ONLY=module_costs` tells them all)."""
    if reason := module.unavailable():
        pytest.skip(reason)
    module.preload()
    began_at = time.perf_counter()
    module.preload()
    assert time.perf_counter() - began_at < 0.05


def test_the_front_loads_no_library_of_a_module():
    code = (
        "import sys; import extractor_service.assembly; "
        "print([name for name in ('numpy', 'PIL', 'py3langid', 'pypdfium2', 'cryptography', 'h5py', 'pikepdf') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


@every_module
def test_it_says_what_it_is_in_one_sentence(module):
    assert module.name.isidentifier() and module.version and module.description.endswith(".")
