"""Google's enciphered notes: whole ones are in the golden files, here are the damaged."""

from __future__ import annotations

import pytest

from extractor_service.document import Document
from extractor_service.formats.containers.documents import xmp_sidecar
from extractor_service.formats.embedded.makernotes import google
from extractor_service.sources.descriptor import BytesSource
from tests.golden import google as samples


def read(data: bytes) -> Document:
    document = Document()
    xmp_sidecar.parse(BytesSource(samples.sidecar(data)), document)
    return document


def test_the_cipher_is_its_own_inverse_and_the_known_one():
    assert google.decipher(bytes(16)).hex() == "f0ef3d6d5e701e2ce81ca0ea3d1bf31d"
    assert google.decipher(samples.encipher(b"some words in clear")) == b"some words in clear"


def test_the_length_is_told_whatever_is_inside():
    for data in (samples.note(b""), b"HDRP\x02" + bytes(40), b"HDRP\x03" + bytes(40), b"nonsense"):
        field = read(data).find("xmp", "HDRPlusMakerNote")
        assert field is not None and field.text == f"(Binary data {len(data)} bytes)"


@pytest.mark.parametrize(
    "content",
    [
        samples.content()[:-3],
        samples.record(9, samples.record(36, samples.record(1, 1 << 62))),
        b"\x0b",
        b"\xff" * 20,
        samples.record(12, b"\xff" * 20),
    ],
)
def test_damage_is_a_problem(content):
    document = read(samples.note(content))
    assert [problem.section for problem in document.problems] == ["makernotes"]


def test_every_cut_and_a_bomb_are_survived():
    whole = samples.note(samples.content())
    for length in range(len(whole)):
        read(whole[:length])
    document = read(samples.note(samples.record(2, bytes(8 * 1024 * 1024)), level=9))
    assert document.problems
