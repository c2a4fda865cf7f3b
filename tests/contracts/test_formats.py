"""One suite for every format of the registry: a sample, its expected document, and bytes that hate it.

A new format needs its line in the registry and a sample in `tests/golden/samples.py`; everything here then concerns it.
"""

from __future__ import annotations

import contextlib
import json
import random
from collections import defaultdict
from pathlib import Path

import pytest

from extractor_service.document import Document, LimitExceededError
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify_source, named, suggestion
from extractor_service.formats.registry import FORMATS
from extractor_service.modules.base import Part
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from tests.golden.documents import golden_document
from tests.golden.samples import SAMPLES

EXPECTED = Path(__file__).parents[1] / "golden" / "expected"
BY_FORMAT: dict[str, list[str]] = defaultdict(list)
for _name, _make in SAMPLES.items():
    BY_FORMAT[named(identify_source(BytesSource(_make())), _name).type.reader].append(_name)

every_format = pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)


def test_every_sample_is_of_a_known_format():
    assert BY_FORMAT.pop("", []) == []


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_goes_in_one_message(name):
    assert len(SAMPLES[name]()) <= 64 * 1024  # so the demo's second pass comes from the cache at once


@every_format
def test_it_has_a_sample_with_its_expected_document(each):
    assert BY_FORMAT[each.name], "tests/golden/samples.py"
    for name in BY_FORMAT[each.name]:
        assert (EXPECTED / f"{name}.json").exists(), "python -m tests.golden"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_gives_its_expected_document(name):
    expected = json.loads((EXPECTED / f"{name}.json").read_text(encoding="utf-8"))
    assert golden_document(SAMPLES[name](), name) == expected


@every_format
def test_a_sample_s_ending_is_one_of_the_format_s(each):
    assert each.extensions, "files by that format have a usual ending"
    for name in BY_FORMAT[each.name]:
        assert suggestion(name).reader == each.name or name.rpartition(".")[2] in each.extensions


@every_format
def test_what_it_says_of_itself_is_possible(each):
    assert each.version and "/" in each.mime_type
    assert callable(each.load()), "the named reader exists"
    small, large = each.memory.bytes_for(0), each.memory.bytes_for(1 << 40)
    assert 0 < small <= large <= each.memory.most_bytes
    if each.size_fields is not None:
        assert each.size_fields.section in _sections_of_samples(each.name)


def _sections_of_samples(name: str) -> set[str]:
    sections = {"quicktime", "makernotes"}  # of pictures with tracks, and Canon's heaps: not in every sample
    for sample in BY_FORMAT[name]:
        sections |= set(json.loads((EXPECTED / f"{sample}.json").read_text(encoding="utf-8"))["sections"])
    return sections


@every_format
def test_an_early_end_and_flipped_bits_cost_a_problem_not_a_crash(each):
    rng = random.Random(each.name)
    data = SAMPLES[BY_FORMAT[each.name][0]]()
    hostile = [data[: rng.randrange(len(data))] for _ in range(40)]
    for _ in range(80):
        mutant = bytearray(data)
        for _ in range(rng.randrange(1, 9)):
            mutant[rng.randrange(len(mutant))] = rng.randrange(256)
        hostile.append(bytes(mutant))
    for one in hostile:
        document = Document()
        with contextlib.suppress(CorruptFileError, LimitExceededError):
            each.load()(BlockCachedSource(BytesSource(one)), document)
        assert len(encode.encode_part(Part.SECTIONS, document, document.problems)) < 8 * 1024 * 1024
