"""A source made of pieces of another reads as if it were joined."""

import random

import pytest

from extractor_service.sources.descriptor import BytesSource
from extractor_service.sources.pieces import PiecedSource

_DATA = bytes(random.Random(1).randbytes(1000))


def joined(pieces):
    """The bytes that the pieces have."""
    return b"".join(_DATA[at : at + size] for at, size in pieces)


@pytest.mark.parametrize("seed", range(30))
def test_every_range_is_that_of_the_joined_bytes(seed):
    rng = random.Random(seed)
    pieces = [(rng.randrange(900), rng.randrange(100)) for _ in range(rng.randrange(1, 12))]
    whole, source = joined(pieces), PiecedSource(BytesSource(_DATA), pieces)
    assert source.size_bytes == len(whole)
    for _ in range(50):
        offset, length = rng.randrange(len(whole) + 5), rng.randrange(len(whole) + 20)
        assert source.read_range(offset, length) == whole[offset : offset + length]
        place = source.place_of(offset, length)
        if place is not None:
            held = whole[offset : offset + length]
            assert _DATA[place : place + len(held)] == held


def test_a_range_that_a_piece_s_end_cuts_has_no_place():
    source = PiecedSource(BytesSource(_DATA), [(100, 10), (300, 10)])
    assert source.place_of(0, 10) == 100
    assert source.place_of(10, 10) == 300
    assert source.place_of(5, 10) is None


def test_pieces_beyond_the_end_give_what_is_there():
    source = PiecedSource(BytesSource(_DATA), [(990, 50), (0, 4)])
    assert source.read_range(0, 10) == _DATA[990:]


@pytest.mark.parametrize("bad", [(-1, 4), (0, -4)])
def test_a_range_that_is_none_is_an_error(bad):
    with pytest.raises(ValueError, match="range"):
        PiecedSource(BytesSource(_DATA), [(0, 10)]).read_range(*bad)


def test_no_pieces_are_an_empty_source():
    assert PiecedSource(BytesSource(_DATA), []).read_range(0, 5) == b""
