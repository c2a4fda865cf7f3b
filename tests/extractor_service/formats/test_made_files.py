"""Files made by the cited layouts are read in full, and cut or mutated ones cost a Problem at most; ExifTool judges them in `accuracy`."""

from __future__ import annotations

import contextlib
import random
import re

import pytest

from extractor_service.document import Document, LimitExceededError
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify_source
from extractor_service.formats.reading import meanings
from extractor_service.formats.registry import BY_NAME
from extractor_service.modules.common import image_size
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.golden import made_blocks, made_notes, made_raws
from tests.golden.makernotes import _NOTE_AT, directory, photograph

_LEAST = {"arw": 40, "mrw": 35, "x3f": 40, "iiq": 35, "rw2": 100, "raf": 70, "ciff.jpg": 50}


def read(data: bytes) -> Document:
    source, document = BlockCachedSource(BytesSource(data)), Document()
    found = identify_source(source).format
    if found is not None:
        with contextlib.suppress(CorruptFileError, LimitExceededError):
            found.load()(source, document)
    return document


def count(document: Document) -> int:
    return sum(map(len, document.sections.values()))


@pytest.mark.parametrize("kind", made_raws.KINDS)
def test_a_raw_file_of_every_kind_is_read_in_full(kind):
    for data in made_raws.files(kind, 3):
        document = read(data)
        assert count(document) >= _LEAST[kind]
        assert not document.problems


@pytest.mark.parametrize("kind", made_raws.KINDS)
def test_mutants_of_raw_files_are_survived(kind):
    rng = random.Random(kind)
    for data in made_raws.files(kind, 2):
        for _ in range(30):
            changed = bytearray(data[: rng.randrange(16, len(data))] if rng.random() < 0.5 else data)
            for _ in range(rng.randrange(1, 6)):
                changed[rng.randrange(min(len(changed), 4096))] = rng.randrange(256)
            read(bytes(changed))


@pytest.mark.parametrize("maker", made_notes.MAKERS)
def test_structures_of_a_maker_are_read_and_mutants_survived(maker):
    rng = random.Random(maker)
    for made in made_blocks.files(maker, 1):
        assert not [each for each in read(made.data).problems if "cut" in each.message]
        changed = bytearray(made.data)
        for _ in range(4):
            changed[rng.randrange(1024, len(changed))] = rng.randrange(256)
        read(bytes(changed))


def test_a_raw_files_own_size_goes_before_its_previews():
    document = read(next(made_raws.files("raf", 1)))
    stated = document.find("raf", "RawImageCroppedSize")
    assert stated is not None
    assert image_size(document, BY_NAME["raf"]) == tuple(stated.value)
    assert document.find("file", "ImageWidth").value != stated.value[0]


def test_wrong_checksums_of_a_distortion_say_so():
    data = next(made_raws.files("rw2", 1))
    document = read(data)
    distorted = [field for field in document.sections["panasonicraw"] if field.name.startswith("Distortion")]
    assert distorted
    at = distorted[0].origin.offset_bytes
    document = read(data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :])
    assert any("checksums" in each.message for each in document.problems)
    assert not [field for field in document.sections["panasonicraw"] if field.name.startswith("Distortion")]


def test_conditions_choose_by_camera_count_and_first_bytes():
    found = meanings.structures("Pentax::Main", "PENTAX", "PENTAX K-3 Mark III")
    assert found[555][0].table == "Pentax::LevelInfoK3III"
    found = meanings.structures("Pentax::Main", "PENTAX", "PENTAX K-5")
    assert [each.table for each in found[555]] == ["Pentax::LevelInfo"]
    about = meanings.About(4, "undef", b"0101abcd")
    assert meanings.holds((("count", "==", 4), ("head", "=~", "^010[12]")), about, {})
    assert not meanings.holds((("head", "!~", "^0101"),), about, {})
    either = (("or", "", ((("Model", "=~", "^DSC-"),), (("Model", "=~", "^NEX-"),))),)
    assert meanings.of_camera(either, "SONY", "NEX-7") == ()
    assert meanings.of_camera(either, "SONY", "ILCE-7") is None
    mixed = (
        ("or", "", ((("Model", "=~", "^ILCE-6"),), (("Software", "=~", "v5"),))),
        ("FlashStatus", "no bits", 1),
    )
    assert meanings.of_camera(mixed, "SONY", "ILCE-6100") == (mixed[1],)
    rest = meanings.of_camera(mixed, "SONY", "ILCE-9")
    assert rest is not None
    assert meanings.holds(rest, about, {"Software": "ILCE-9 v5.00", "FlashStatus": 2})
    assert not meanings.holds(rest, about, {"Software": "ILCE-9 v5.00", "FlashStatus": 3})
    assert not meanings.holds(rest, about, {"Software": "ILCE-9 v1.00"})


def test_every_generated_condition_is_one_that_readers_understand():
    from extractor_service.formats.tags import meanings as facts
    from extractor_service.formats.tags import structures

    def parts(condition):
        for part in condition:
            if part[0] == "or":
                for each in part[2]:
                    yield from parts(each)
            else:
                yield part

    conditions = [row[0] for table in facts.TABLES.values() for rows in table.values() for row in rows]
    conditions += [
        each
        for table in structures.TABLES.values()
        for rows in table.values()
        for row in rows
        for each in row[0]
    ]
    everything = [part for condition in conditions for part in parts(condition) if part != ("?", "", 0)]
    assert meanings.rest_of((("?", "", 0),), {"LensType"}) is None, "what nobody can say is never asked"
    assert len(everything) > 1000
    about = meanings.About(1, "undef", b"0100")
    for what, sign, operand in everything:
        if sign in {"=~", "!~"}:
            re.compile(operand)
        assert meanings.holds(((what, sign, operand),), about, {}) in {True, False}
    for table in facts.TABLES.values():
        for row in (row for rows in table.values() for row in rows):
            if row[1] not in {"", "?"}:
                meanings.conversion(row[1])


def test_every_structure_leads_to_a_table_that_is_there_and_none_in_circles():
    from extractor_service.formats.reading.tagset import find_table, module_of
    from extractor_service.formats.tags import structures

    def follow(table, path):
        assert table not in path
        assert find_table(module_of(table), table) or table in structures.TABLES, (
            "one may only lead on to others"
        )
        for rows in structures.TABLES.get(table, {}).values():
            for row in rows:
                if row[1]:
                    follow(row[1], (*path, table))

    for table in structures.TABLES:
        follow(table, ())


def test_a_directory_of_another_maker_is_read_by_that_makers_table():
    inner = directory([(0x0107, 4, [5])], _NOTE_AT + 64)
    note = (b"SONY DSC \0\0\0" + directory([(0xB028, 4, [_NOTE_AT + 64])], _NOTE_AT + 12)).ljust(
        64, b"\0"
    ) + inner
    document = read(photograph("SONY", "DSLR-A100", note))
    stated = document.find("makernotes", "ImageStabilization")
    assert stated is not None and stated.text == "On"
    assert not document.problems
