import asyncio
import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache_service.entries import codec as codecs
from cache_service.entries.codec import Codec, CorruptValueError, MissingDictionaryError
from cache_service.entries.dictionaries import Dictionaries, FolderShelf
from cache_service.entries.entry import Budget, Key
from cache_service.store import NewResult, TtlSpan
from tests.support.documents import fragments
from tests.support.stores import memory_tier, result_store

MAX = 100_000


@pytest.fixture(scope="module")
def trained():
    rng = random.Random(4)
    return codecs.train([rng.choice(fragments())[:16_000] for _ in range(codecs.SAMPLE_COUNT)])


@given(st.binary(max_size=5000))
def test_what_goes_in_comes_out(value):
    codec = Codec(MAX)
    assert codec.decode(codec.encode(value)) == value


def test_what_does_not_shrink_is_stored_plain():
    codec = Codec(MAX)
    noise = random.Random(1).randbytes(5000)
    assert len(codec.encode(noise)) == 5001
    assert len(codec.encode(bytes(5000))) < 50


def test_a_dictionary_pays_for_documents(trained):
    plain, with_it = Codec(MAX), Codec(MAX)
    with_it.use(trained)
    values = [value for value in fragments() if len(value) < 16_000]
    assert sum(map(len, map(with_it.encode, values))) < 0.8 * sum(map(len, map(plain.encode, values)))
    assert all(with_it.decode(with_it.encode(value)) == value for value in values)
    assert all(with_it.decode(plain.encode(value)) == value for value in values), "older values stay readable"


def test_noise_gets_no_dictionary():
    rng = random.Random(2)
    assert codecs.train([rng.randbytes(500) for _ in range(codecs.SAMPLE_COUNT)]) is None


def test_a_missing_dictionary_is_named(trained):
    writer, reader = Codec(MAX), Codec(MAX)
    writer.use(trained)
    stored = writer.encode(fragments()[0])
    with pytest.raises(MissingDictionaryError) as caught:
        reader.decode(stored)
    assert caught.value.dictionary_id == trained.id
    reader.add(trained)
    assert reader.decode(stored) == fragments()[0]


@pytest.mark.parametrize("stored", [b"", b"\x02abc", b"\x01", b"\x01not a frame at all", b"\x01" + bytes(40)])
def test_nonsense_is_corrupt(stored):
    with pytest.raises(CorruptValueError):
        Codec(MAX).decode(stored)


def test_a_value_that_claims_too_much_is_corrupt():
    stored = Codec(10**8).encode(bytes(10**6))
    with pytest.raises(CorruptValueError, match="claims"):
        Codec(MAX).decode(stored)


@given(st.data())
def test_damage_is_never_an_unexpected_error(trained, data):
    codec = Codec(MAX)
    codec.use(trained)
    stored = bytearray(codec.encode(fragments()[0]))
    for _ in range(3):
        stored[data.draw(st.integers(0, len(stored) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(CorruptValueError, MissingDictionaryError):
        codec.decode(bytes(stored))


def results(count):
    values = fragments()
    return [
        NewResult(
            Key("verified", f"b3:{number}", "m", "1", ""),
            values[number % len(values)],
            0.1,
            TtlSpan(9e8, 9e8),
            None,
        )
        for number in range(count)
    ]


async def test_the_store_trains_saves_first_and_survives_the_loss_of_a_dictionary(tmp_path):
    shelf = FolderShelf(tmp_path)
    store = result_store(memory_tier(Budget(10**8)), shelves=[shelf])
    many = results(2 * codecs.SAMPLE_COUNT)
    await store.put(many[: codecs.SAMPLE_COUNT + 50])
    await store._dictionaries.close()
    assert store._codec.active is not None
    assert [path.suffix for path in tmp_path.iterdir()] == [".zdict"], "saved before it is used"
    await store.put(many)
    found = await store.get([result.key for result in many])
    assert [hit.value for hit in found] == [result.value for result in many]
    # Another process over the same tier, once with the shelf and once without.
    tier = store._tier
    again = result_store(tier, store._log, shelves=[shelf])
    assert None not in await again.get([result.key for result in many])
    without = result_store(tier, store._log)
    found = await without.get([result.key for result in many])
    assert None in found, "a missing dictionary is a miss"
    assert all(hit is None or hit.value == result.value for hit, result in zip(found, many))
    assert tier.stats()[0].entry_count == len(many), "and nothing is thrown away for it"
    await store.close()


async def test_a_dictionary_that_can_not_be_saved_is_not_used(tmp_path):
    (tmp_path / "file").write_text("in the way")
    codec = Codec(MAX)
    dictionaries = Dictionaries(codec, [FolderShelf(tmp_path / "file" / "folder")])
    for value in fragments() * 20:
        dictionaries.learn(value)
    await dictionaries.close()
    assert codec.active is None


async def test_a_damaged_dictionary_is_a_missing_one(tmp_path, trained):
    codec = Codec(MAX)
    shelf = FolderShelf(tmp_path)
    dictionaries = Dictionaries(codec, [shelf])
    await dictionaries._use(trained)
    path = next(tmp_path.iterdir())
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    fresh = Dictionaries(Codec(MAX), [shelf])
    await fresh.start()
    assert fresh.codec.active is None and not await fresh.fetch(trained.id)
    path.write_bytes(b"")
    assert not await Dictionaries(Codec(MAX), [shelf]).fetch(trained.id)
    await asyncio.sleep(0)
