"""How long films are that don't say so: by their last fragment, their last cluster, their last page."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor_service.document import Document, ProblemKind
from extractor_service.formats.containers.film import ebml, matroska, mpeg_clock, mpeg_program, mpeg_transport
from extractor_service.formats.containers.isobmff import mp4
from extractor_service.formats.containers.sound import ogg
from extractor_service.formats.reading.reader import Reader, TruncatedError
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.golden import films, raws
from tests.support import large_media


def parsed(parse, path) -> tuple[Document, BlockCachedSource]:
    source = BlockCachedSource(BytesSource(path.read_bytes()))
    document = Document()
    parse(source, document)
    return document, source


def seconds(document: Document) -> object:
    field = document.find("streams", "Duration", "Container")
    return None if field is None else field.value


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("fragments", [1, 4, 5, 70, 300])
def test_fragments_tell_how_long_a_film_is(tmp_path, fragments, index):
    large_media.write_fragmented(tmp_path / "f.mp4", 2 * fragments, 20_000 * fragments, index=index)
    document, source = parsed(mp4.parse, tmp_path / "f.mp4")
    assert seconds(document) == 2.0 * fragments
    rate = document.find("streams", "FrameRate", "Stream1")
    assert rate is not None
    assert rate.value == 25
    assert source.reads <= 16
    assert document.problems == []


def test_a_film_whose_last_fragment_can_t_be_found_has_no_duration_and_says_so(tmp_path):
    path = tmp_path / "f.mp4"
    large_media.write_fragmented(path, 2 * 66, 66 * 100_000)
    whole = bytearray(path.read_bytes())
    at = whole.rindex(b"moof")
    whole[at - 4 : at - 4] = struct.pack(">I4s", 5 * 2**20, b"free") + bytes(5 * 2**20 - 8)
    at = whole.rindex(b"tfdt")
    whole[at : at + 4] = b"free"  # it doesn't say when it begins
    path.write_bytes(whole)
    document, _ = parsed(mp4.parse, path)
    assert seconds(document) is None
    assert [each.kind for each in document.problems] == [ProblemKind.LIMIT]


@pytest.mark.parametrize("clusters", [1, 3, 40])
def test_the_last_cluster_tells_how_long_a_film_is(tmp_path, clusters):
    path = tmp_path / "f.mkv"
    large_media.write_matroska(path, 5 * clusters, 30_000 * clusters, duration=False)
    document, _ = parsed(matroska.parse, path)
    assert seconds(document) == (5.0 * (clusters - 1) or None)


def test_a_film_that_was_recorded_from_the_middle_lasts_as_long_as_what_is_there(tmp_path):
    path = tmp_path / "f.mkv"
    large_media.write_matroska(path, 20, 120_000, duration=False, start=10_000)
    document, _ = parsed(matroska.parse, path)
    assert seconds(document) == 15.0


@pytest.mark.parametrize("start", [0, 3600 * 44100])
def test_so_does_a_sound(start):
    document = Document()
    ogg.parse(BytesSource(raws.ogg(start)), document)
    assert seconds(document) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("start", [0, 90_000, 2**33 - 1, 2**33 - 90_000, 2**33 - 180_000])
def test_clocks_of_33_bits_begin_anew(start):
    for parse, data in (
        (mpeg_program.parse, films.program(start)),
        (mpeg_transport.parse, films.transport(start)),
    ):
        document = Document()
        parse(BytesSource(data), document)
        assert seconds(document) == pytest.approx(2.0)
        told = document.find("streams", "Duration", "Stream2")
        assert told is not None
        assert told.value == pytest.approx(170 / 90, abs=0.1)


@given(st.integers(0, 2**33 - 1), st.integers(0, 2**31), st.integers(0, 2**31))
def test_times_of_33_bits_keep_their_order(start, one, other):
    times = [(start + each) % 2**33 for each in (one, other)]
    assert mpeg_clock.since(times[0], times[1]) == other - one
    assert mpeg_clock.until(start, times[0]) == one
    assert mpeg_clock.earliest(times) == (start + min(one, other)) % 2**33
    assert mpeg_clock.later(times[0], times[1]) == (start + max(one, other)) % 2**33


def test_tags_behind_many_clusters_are_found_without_a_seek_head(tmp_path):
    path = tmp_path / "f.mkv"
    large_media.write_matroska(path, 200, 40 * 30_000, duration=True)
    whole = films.matroska()
    tags = whole[whole.index(b"\x12\x54\xc3\x67") :]
    path.write_bytes(path.read_bytes() + tags)
    document, _ = parsed(matroska.parse, path)
    plain = Document()
    matroska.parse(BytesSource(whole), plain)
    titles = [
        each.name
        for each in plain.sections["matroska"]
        if each.group.startswith("Track") or each.name == "Title"
    ]
    assert titles
    assert [each.name for each in document.sections["matroska"]].count("Title") == titles.count("Title")


def test_clusters_of_unknown_length_end_where_the_next_begins():
    whole = films.matroska()
    at = whole.index(b"\x1f\x43\xb6\x75") + 4
    live = whole[:at] + b"\x01\xff\xff\xff\xff\xff\xff\xff" + whole[at + 8 :]
    one, other = Document(), Document()
    matroska.parse(BytesSource(whole), one)
    matroska.parse(BytesSource(live), other)
    names = [(each.group, each.name) for each in one.sections["matroska"]]
    assert [(each.group, each.name) for each in other.sections["matroska"]] == names


@settings(deadline=None)
@given(st.binary(max_size=64), st.integers(0, 70))
def test_an_element_is_within_its_parent_s_reach_or_typed(data, at):
    try:
        found = ebml.element(Reader(BytesSource(data)), at, len(data))
    except TruncatedError:
        return
    assert found.offset > at
    assert found.length >= 0
