"""Content credentials as fields: the same store in every container, in pieces, in the wrong order, cut."""

import random
import struct

import pytest

from extractor_service.document import ProblemKind
from tests.extractor_service.formats.test_made_files import read
from tests.golden import images, jumbf
from tests.support.fields import values


@pytest.mark.parametrize("name", jumbf.CONTAINERS)
def test_a_store_says_the_same_in_every_container(name):
    document = read(jumbf.CONTAINERS[name]())
    found = values(document, "jumbf")
    assert found["Title"] == "A picture"
    assert found["Alg"] == "sha256"
    assert found["Hash"] == bytes(32)
    assert found["Exif_Make"] == "Maker"
    assert found["Number"] == 2.5
    assert found["C2PAActionsSalt"] == bytes(range(16)).hex()
    assert found["C2PAThumbnailClaimJpegType"] == "image/jpeg"
    assert [dict(each.entries)["action"] for each in found["Actions"]] == ["c2pa.edited"]
    assert not document.problems


def test_types_and_labels_stand_in_their_order():
    document = read(jumbf.jpeg())
    labels = [field.value for field in document.sections["jumbf"] if field.name == "JUMDLabel"]
    assert labels == ["c2pa", "urn:uuid:1", "c2pa.assertions", "c2pa.actions", "stds.exif", "c2pa.thumbnail.claim.jpeg", "c2pa.claim"]  # fmt: skip
    types = [field.text for field in document.sections["jumbf"] if field.name == "JUMDType"]
    assert types[0] == "(c2pa)-0011-0010-800000aa00389b71"


def test_long_bytes_and_nothing_are_told_by_words():
    texts = {field.name: field.text for field in read(jumbf.jpeg()).sections["jumbf"]}
    assert texts["Pad"] == "(Binary data 100 bytes)"
    assert texts["Nothing"] == "null"


@pytest.mark.parametrize("name", ["credentials.png", "credentials.webp", "credentials.mp4"])
def test_a_thumbnail_is_told_by_its_place(name):
    data = jumbf.CONTAINERS[name]()
    place = next(
        field for field in read(data).sections["jumbf"] if field.name == "C2PAThumbnailClaimJpegData"
    ).origin
    assert data[place.offset_bytes : place.offset_bytes + place.length_bytes] == jumbf.PICTURE


@pytest.mark.parametrize("part_bytes", [40, 65, 500, 60_000])
def test_segments_of_any_length_join(part_bytes):
    assert values(read(jumbf.jpeg(part_bytes)), "jumbf") == values(read(jumbf.jpeg()), "jumbf")


def test_a_head_the_wrong_way_round_is_one():
    assert values(read(jumbf.jpeg(swapped=True)), "jumbf")["Title"] == "A picture"


def test_segments_in_another_order_join_by_their_numbers():
    whole = jumbf.store()
    parts = [(2, whole[300:]), (1, whole[8:300])]
    document = read(
        images.bare_jpeg(
            [(0xEB, b"JP" + struct.pack(">HI", 1, number) + whole[:8] + part) for number, part in parts]
        )
    )
    assert values(document, "jumbf")["Title"] == "A picture"


def test_two_boxes_of_one_number_are_two():
    whole = jumbf.described(b"json", "one", jumbf.box(b"json", b'{"first": 1}')), jumbf.described(b"json", "two", jumbf.box(b"json", b'{"second": 2}'))  # fmt: skip
    document = read(
        images.bare_jpeg([(0xEB, b"JP" + struct.pack(">HI", 1, 1) + each[:8] + each[8:]) for each in whole])
    )
    assert (values(document, "jumbf")["First"], values(document, "jumbf")["Second"]) == (1, 2)


def test_a_missing_segment_is_a_problem_and_what_is_there_is_read():
    data = jumbf.jpeg(200)
    at = data.index(b"JP\0\1\0\0\0\3")
    length = int.from_bytes(data[at - 2 : at])
    document = read(data[: at - 4] + data[at - 2 + length :])
    assert document.problems
    assert values(document, "jumbf")["JUMDLabel"]


def test_a_cut_store_says_so():
    whole = jumbf.store()
    document = read(_of(whole[:400]))
    assert ProblemKind.TRUNCATED in {each.kind for each in document.problems}
    assert "JUMDLabel" in values(document, "jumbf")


@pytest.mark.parametrize("content", [b"{", b"[" * 5000, b'{"a": ' * 500, b"\xff\xfe", b'"' + b"x" * 100])
def test_json_that_is_none_is_a_problem(content):
    document = read(_of(jumbf.described(b"json", "broken", jumbf.box(b"json", content))))
    assert [each.kind for each in document.problems] == [ProblemKind.DAMAGED]


def test_deep_boxes_end_somewhere():
    inner = jumbf.box(b"json", b"{}")
    for _ in range(200):
        inner = jumbf.described(b"json", "deep", inner)
    document = read(_of(inner))
    assert [each.kind for each in document.problems] == [ProblemKind.LIMIT]


def test_mutants_are_survived():
    rng = random.Random("jumbf")
    for name, make in jumbf.CONTAINERS.items():
        data = make()
        for _ in range(60):
            changed = bytearray(data[: rng.randrange(40, len(data))] if rng.random() < 0.3 else data)
            for _ in range(rng.randrange(1, 6)):
                changed[rng.randrange(len(changed))] = rng.randrange(256)
            assert not [each for each in read(bytes(changed)).problems if each.kind is ProblemKind.READER], (
                name
            )


def _of(box: bytes) -> bytes:
    return images.bare_jpeg([(0xEB, b"JP" + struct.pack(">HI", 1, 1) + box)])
