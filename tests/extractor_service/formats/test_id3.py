"""ID3v2 as programs write it, by the standards of 2.2, 2.3 and 2.4, and as some write it in spite of these."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor_service.document import Document
from extractor_service.formats.embedded.sound import id3
from extractor_service.sources.descriptor import BytesSource


def synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def tag(version: int, *frames: bytes, flags: int = 0, padding: int = 0) -> bytes:
    body = b"".join(frames) + bytes(padding)
    return b"ID3" + bytes((version, 0, flags)) + synchsafe(len(body)) + body


def frame(identity: bytes, body: bytes, *, plain: bool = True, flags: bytes = b"\0\0") -> bytes:
    return identity + (len(body).to_bytes(4) if plain else synchsafe(len(body))) + flags + body


def fields(data: bytes) -> dict[str, object]:
    document = Document()
    id3.around(BytesSource(data + b"\xff\xfb\x90\x64" + bytes(500)), document)
    return {each.name: each.value for each in document.sections.get("id3", ())}


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (b"\0", "Tïtle".encode("latin-1")),
        (b"\1", "Tïtle".encode("utf-16")),
        (b"\2", "Tïtle".encode("utf-16-be")),
        (b"\3", "Tïtle".encode()),
        (b"\0", "Tïtle".encode()),  # UTF-8 where it says Latin-1, as many programs write it
    ],
)
def test_texts_of_every_encoding(encoding, data):
    assert fields(tag(3, frame(b"TIT2", encoding + data + b"\0\0")))["Title"] == "Tïtle"


def test_a_frame_with_a_length_indicator_and_unsynchronisation_of_its_own():
    text = b"\1" + "ÿTïtle".encode("utf-16-le")
    body = b"\1\xff\xfe" + "ÿTïtle".encode("utf-16-le")
    stuffed = body.replace(b"\xff\xfe", b"\xff\x00\xfe").replace(b"\xff\x00\x54", b"\xff\x00\x00\x54")
    del text
    written = synchsafe(len(body)) + stuffed
    found = fields(
        tag(4, frame(b"TIT2", written, plain=False, flags=b"\0\x03"), frame(b"TPE1", b"\3Ada", plain=False))
    )
    assert found["Title"] == "ÿTïtle"
    assert found["Artist"] == "Ada"


def test_a_whole_tag_of_2_3_that_is_unsynchronised():
    body = frame(b"TIT2", b"\1\xff\xfeT\0\xef\0") + frame(b"TPE1", b"\0Ada")
    stuffed = body.replace(b"\xff\xfe", b"\xff\x00\xfe")
    data = b"ID3\x03\0\x80" + synchsafe(len(stuffed)) + stuffed
    assert (fields(data)["Title"], fields(data)["Artist"]) == ("Tï", "Ada")


def test_an_extended_header_is_passed_over():
    extended = (6).to_bytes(4) + bytes(6)
    assert fields(tag(3, extended, frame(b"TIT2", b"\0Song"), flags=0x40))["Title"] == "Song"


def test_version_2_2_has_names_of_three_letters():
    assert fields(tag(2, b"TT2" + (5).to_bytes(3) + b"\0Song"))["Title"] == "Song"


@pytest.mark.parametrize(
    ("text", "genres"),
    [(b"(4)(20)", ["Disco", "Alternative"]), (b"(17)Loud", ["Rock", "Loud"])],
)
def test_genres_by_number(text, genres):
    assert fields(tag(3, frame(b"TCON", b"\0" + text)))["Genre"] == genres


def test_several_values_of_2_4_stay_several():
    assert fields(tag(4, frame(b"TPE1", b"\3One\0Two", plain=False)))["Artist"] == ["One", "Two"]


@given(st.binary(max_size=300), st.sampled_from((2, 3, 4)), st.integers(0, 255))
def test_any_bytes_are_survived(body, version, flags):
    fields(tag(version, body, flags=flags))
