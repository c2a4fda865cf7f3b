"""Values as they are stored: zstd with a trained dictionary where that pays, plain where it doesn't.

The first byte says which: 0 plain, 1 a zstd frame, whose header names its dictionary (RFC 8878, 3.1.1.1.3). Metadata
documents share most of their bytes with each other and little with themselves: 3,492 B became 1,380 with zstd alone
and 580 with a dictionary, at 8 us in and 2.4 us out (measured).

A dictionary is known by its content, saved before the first value that needs it, and never replaced in place. A value
whose dictionary is missing is a miss.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

import zstandard
from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BYTES = 1 << 62
"""Of a value, where nothing bounds it but what it may have."""
_PLAIN = b"\x00"
_ZSTD = b"\x01"
_LEVEL = 3  # zstd's default: 580 B a document, 621 at level 1, for 0.4 us more
_MIN_BYTES = 64  # a frame's header alone is a dozen
_WORTH_RATIO = 0.9  # a tenth saved; less isn't worth unpacking on every read
_DICTIONARY_BYTES = 32 * 1024  # 580 B a document; 16 KiB: 655 B; 110 KiB: 504 B, for 3.4 times the memory
_MAX_DICTIONARY_VALUE_BYTES = 64 * 1024  # larger values have enough of their own to learn from
SAMPLE_COUNT = 400  # half to train, half to test whether it pays; fewer wait less, and learn less
_MAX_SAMPLE_BYTES = 16 * 1024  # most documents are below it; the samples held stay below 6.3 MiB
# Ids below 32,768 and above 2**31 are reserved (RFC 8878, 5).
_LOWEST_ID = 32_768
_ID_SPAN = 2**31 - _LOWEST_ID  # ids that are left between the reserved ranges


class MissingDictionaryError(Exception):
    """A value needs a dictionary that isn't loaded."""

    def __init__(self, dictionary_id: int) -> None:
        super().__init__(f"dictionary {dictionary_id} isn't loaded")
        self.dictionary_id = dictionary_id


class CorruptValueError(Exception):
    """A stored value can't be read."""


class Dictionary(NamedTuple):
    """A trained dictionary."""

    id: int
    data: bytes


class Codec:
    """Encodes with the newest dictionary, decodes with any that it was given. Not thread-safe."""

    def __init__(self, max_value_bytes: int) -> None:
        self._max_value_bytes = max_value_bytes
        self._plain_compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._compressor = self._plain_compressor
        self._decompressors = {0: zstandard.ZstdDecompressor()}
        self.active: Dictionary | None = None

    def encode(self, value: bytes, *, may_share: bool = True) -> bytes:
        """The stored form; `may_share`: with the dictionary, whose end is then its end as well."""
        if len(value) >= _MIN_BYTES:
            small = may_share and len(value) <= _MAX_DICTIONARY_VALUE_BYTES
            frame = (self._compressor if small else self._plain_compressor).compress(value)
            if len(frame) < len(value) * _WORTH_RATIO:
                return _ZSTD + frame
        return _PLAIN + value

    def decode(self, stored: bytes, max_bytes: int = MAX_BYTES) -> bytes:
        """The value.

        Raises:
            MissingDictionaryError: load it, and try again.
            CorruptValueError: nothing can be done, or it has more than `max_bytes`.
        """
        kind = stored[:1]
        if kind == _PLAIN:
            if len(stored) > max_bytes + 1:
                raise CorruptValueError(f"{len(stored)} bytes, {max_bytes} are wanted")
            return stored[1:]
        if kind != _ZSTD:
            raise CorruptValueError(f"unknown form {kind!r}")
        frame = memoryview(stored)[1:]
        try:
            header = zstandard.get_frame_parameters(frame)
            if header.content_size > self._max_value_bytes or header.content_size > max_bytes:
                raise CorruptValueError(f"claims {header.content_size} bytes")
            decompressor = self._decompressors.get(header.dict_id)
            if decompressor is None:
                raise MissingDictionaryError(header.dict_id)
            return decompressor.decompress(frame)
        except zstandard.ZstdError as error:
            raise CorruptValueError(str(error)) from error

    def value_bytes(self, stored: bytes) -> int:
        """The size of the value, without decoding it; that of the stored form where it doesn't say."""
        if stored[:1] == _ZSTD:
            with contextlib.suppress(zstandard.ZstdError):
                return int(zstandard.frame_content_size(memoryview(stored)[1:]))
        return len(stored)

    def add(self, dictionary: Dictionary) -> None:
        """Makes values that need it readable."""
        self._decompressors[dictionary.id] = zstandard.ZstdDecompressor(_loaded(dictionary))

    def drop(self) -> None:
        """Forgets every dictionary."""
        self._compressor = self._plain_compressor
        self._decompressors = {0: self._decompressors[0]}
        self.active = None

    def use(self, dictionary: Dictionary) -> None:
        """Encodes with it from now on; it must have been saved."""
        self.add(dictionary)
        loaded = _loaded(dictionary)
        loaded.precompute_compress(level=_LEVEL)
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL, dict_data=loaded)
        self.active = dictionary


class Sampler:
    """Collects values to train on."""

    def __init__(self) -> None:
        self._samples: list[bytes] = []

    def offer(self, value: bytes) -> bool:
        """Whether there are enough now; takes small values only."""
        if _MIN_BYTES <= len(value) <= _MAX_SAMPLE_BYTES:
            self._samples.append(value)
        return len(self._samples) >= SAMPLE_COUNT

    def take(self) -> list[bytes]:
        """The samples, which are forgotten."""
        samples, self._samples = self._samples, []
        return samples


def train(samples: Sequence[bytes]) -> Dictionary | None:
    """A dictionary, or None when it doesn't pay on the half that it wasn't trained on. Takes 50 to 200 ms."""
    identity = _LOWEST_ID + int.from_bytes(blake3(b"".join(samples)).digest(length=8), "big") % _ID_SPAN
    try:
        trained = zstandard.train_dictionary(
            _DICTIONARY_BYTES, list(samples[::2]), dict_id=identity, level=_LEVEL
        )
    except zstandard.ZstdError:  # too few samples, or too much alike
        return None
    with_it = zstandard.ZstdCompressor(level=_LEVEL, dict_data=trained)
    without = zstandard.ZstdCompressor(level=_LEVEL)
    others = samples[1::2]
    before = sum(len(without.compress(sample)) for sample in others)
    after = sum(len(with_it.compress(sample)) for sample in others)
    return Dictionary(identity, trained.as_bytes()) if after < before * _WORTH_RATIO else None


def own_id(dictionary: Dictionary) -> int:
    """The id that the dictionary itself states."""
    return int(_loaded(dictionary).dict_id())


def _loaded(dictionary: Dictionary) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(dictionary.data, dict_type=zstandard.DICT_TYPE_FULLDICT)
