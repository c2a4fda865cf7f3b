"""The search finds exactly what comparing all finds, by whatever way it goes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cache_service.similarity import search
from cache_service.similarity.hashes import HashKind
from cache_service.similarity.search import Search


def rows(rng, count, length, near=b"", most=31):
    """Random hashes, every tenth of them near a given one."""
    found = []
    for number in range(count):
        bits = bytearray(rng.bytes(length))
        if near and number % 10 == 0:
            bits = bytearray(near)
            for at in rng.integers(0, length * 8, rng.integers(0, most + 4)):
                bits[at // 8] ^= 1 << at % 8
        found.append((number + 1, bytes(bits)))
    return found


def by_comparing(found, bits, most):
    near = [(sum((a ^ b).bit_count() for a, b in zip(each, bits)), -number) for number, each in found]
    return sorted(pair for pair in near if pair[0] <= most)


@pytest.mark.parametrize("kind", [HashKind.PHASH, HashKind.PDQ])
@pytest.mark.parametrize("most", [0, 3, 7, 8, 15, 31])
def test_bands_find_what_comparing_finds(kind, most, monkeypatch):
    monkeypatch.setattr(search, "_SCAN_BELOW", {1: 0, 4: 0})
    rng = np.random.default_rng(most)
    query = rng.bytes(kind.length_bytes)
    found = rows(rng, 3000, kind.length_bytes, query, most)
    one = Search(found, kind.length_bytes)
    near = one.near(query, min(most, kind.most_distance), 5000)
    assert [(each.distance, -each.number) for each in near] == by_comparing(
        found, query, min(most, kind.most_distance)
    )
    more = [(number + 10_000, bits) for number, bits in rows(rng, 500, kind.length_bytes, query, most)]
    for number, bits in more:
        one.add(number, bits)
    near = one.near(query, most, 5000)
    assert [(each.distance, -each.number) for each in near] == by_comparing([*found, *more], query, most)


@given(
    st.lists(st.binary(min_size=8, max_size=8), max_size=40),
    st.binary(min_size=8, max_size=8),
    st.integers(0, 24),
)
@settings(max_examples=60)
def test_any_hashes_are_found(hashes, query, most):
    found = list(enumerate(hashes, 1))
    near = Search(found, 8).near(query, most, 100)
    assert [(each.distance, -each.number) for each in near] == by_comparing(found, query, most)
    assert all(dict(found)[each.number] == each.bits for each in near)


def test_alike_bands_dont_make_it_slow_or_wrong(monkeypatch):
    monkeypatch.setattr(search, "_SCAN_BELOW", {1: 0, 4: 0})
    found = [(number, bytes(30) + number.to_bytes(2)) for number in range(1, 2000)]  # blank but for a band
    near = Search(found, 32).near(bytes(32), 31, 3000)
    assert len(near) == 1999  # sixteen bits differ at most


def test_the_limit_keeps_the_nearest():
    found = [(number, (1 << number).to_bytes(8, "big") if number else bytes(8)) for number in range(20)]
    assert [each.number for each in Search(found, 8).near(bytes(8), 8, 3)] == [0, 19, 18]
