"""Keeps the dictionaries that stored values need: saves a new one everywhere before it is used, finds old ones."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Protocol

from blake3 import blake3

from cache_service.entries import codec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_log = logging.getLogger(__name__)
_SEAL_BYTES = 32  # a whole BLAKE3 digest, before the dictionary


class Shelf(Protocol):
    """A place that keeps dictionaries. A failing one keeps none."""

    async def load(self, dictionary_id: int) -> bytes | None:
        """The sealed dictionary, or None."""
        ...

    async def save(self, dictionary_id: int, sealed: bytes) -> bool:
        """Whether it is kept now."""
        ...

    async def newest(self) -> int | None:
        """The id that was saved last."""
        ...

    async def clear(self) -> None:
        """Forgets all of them; raises OSError when it can't."""
        ...


class FolderShelf:
    """One file per dictionary."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def load(self, dictionary_id: int) -> bytes | None:
        """See `Shelf.load`."""
        with contextlib.suppress(OSError):
            return await asyncio.to_thread(self._path(dictionary_id).read_bytes)
        return None

    async def save(self, dictionary_id: int, sealed: bytes) -> bool:
        """See `Shelf.save`; whole or not at all."""
        try:
            await asyncio.to_thread(self._write, dictionary_id, sealed)
        except OSError as error:  # the disk is full, as a rule; what is packed by it stays in memory
            _log.warning("a dictionary can't be saved", extra={"error": str(error)})
            return False
        return True

    async def newest(self) -> int | None:
        """See `Shelf.newest`."""

        def find() -> int | None:
            paths = sorted(self._folder.glob("*.zdict"), key=lambda path: path.stat().st_mtime)
            return int(paths[-1].stem) if paths else None

        with contextlib.suppress(OSError, ValueError):
            return await asyncio.to_thread(find)
        return None

    async def clear(self) -> None:
        """See `Shelf.clear`."""

        def remove() -> None:
            for pattern in ("*.zdict", "*.part"):
                for path in self._folder.glob(pattern):
                    path.unlink(missing_ok=True)

        await asyncio.to_thread(remove)

    def _write(self, dictionary_id: int, sealed: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._path(dictionary_id)
        partial = path.with_suffix(".part")
        partial.write_bytes(sealed)
        partial.replace(path)

    def _path(self, dictionary_id: int) -> Path:
        return self._folder / f"{dictionary_id}.zdict"


class Dictionaries:
    """The codec's dictionaries over all shelves."""

    def __init__(self, codec_: codec.Codec, shelves: Sequence[Shelf]) -> None:
        self.codec = codec_
        self._shelves = shelves
        self._sampler: codec.Sampler | None = codec.Sampler()
        self._training: asyncio.Task[None] | None = None
        self._missing: set[int] = set()
        self._waiting: codec.Dictionary | None = None  # trained, but not yet saved everywhere

    async def start(self) -> None:
        """Goes on with the newest dictionary that an earlier process, or another replica, left."""
        for shelf in self._shelves:
            newest = await shelf.newest()
            if newest is not None and (found := await self._find(newest)) is not None:
                await self._use(found)
                return

    def learn(self, value: bytes) -> None:
        """Offers a value that is being stored; enough of them are trained on, in a thread."""
        if self._sampler is not None and self._training is None and self._sampler.offer(value):
            self._training = asyncio.create_task(self._train(self._sampler.take()))

    async def drop(self) -> None:
        """Forgets all dictionaries, and what was being learnt from; raises OSError when a shelf keeps them.

        Values that need one are misses from now on.
        """
        if self._training is not None:
            self._training.cancel()
            await asyncio.gather(self._training, return_exceptions=True)
            self._training = None
        self._waiting = None
        self._sampler = codec.Sampler()
        self.codec.drop()
        for shelf in self._shelves:
            await shelf.clear()

    async def fetch(self, dictionary_id: int) -> bool:
        """Whether values that need it can be read now."""
        if dictionary_id in self._missing:
            return False
        found = await self._find(dictionary_id)
        if found is None:
            if len(self._missing) < 1024:
                self._missing.add(dictionary_id)
            return False
        self.codec.add(found)
        return True

    async def refresh(self) -> None:
        """Saves the one in use again, where a shelf may have lost it; what was missing may be there now."""
        self._missing.clear()
        if self._waiting is not None:
            await self._use(self._waiting)
        active = self.codec.active
        for shelf in self._shelves:
            if active is not None and active is self.codec.active:  # or it was dropped meanwhile
                await shelf.save(active.id, _sealed(active.data))

    async def close(self) -> None:
        """Waits for a running training."""
        if self._training is not None:
            await asyncio.gather(self._training, return_exceptions=True)

    async def _train(self, samples: list[bytes]) -> None:
        dictionary = await asyncio.to_thread(codec.train, samples)
        if dictionary is None:
            _log.info("a dictionary doesn't pay for these values", extra={"samples": len(samples)})
            self._sampler = None
            return
        await self._use(dictionary)
        _log.info("dictionary trained", extra={"dictionary_id": dictionary.id, "samples": len(samples)})

    async def _use(self, dictionary: codec.Dictionary) -> None:
        """Saved first: a value must never be anywhere that its dictionary isn't."""
        self._sampler = None
        self._waiting = dictionary
        for shelf in reversed(self._shelves):  # the one that may fail first, or files would gather
            if not await shelf.save(dictionary.id, _sealed(dictionary.data)):
                return  # `refresh` tries again
        self._waiting = None
        self.codec.use(dictionary)

    async def _find(self, dictionary_id: int) -> codec.Dictionary | None:
        for shelf in self._shelves:
            sealed = await shelf.load(dictionary_id)
            if sealed is not None and sealed == _sealed(sealed[_SEAL_BYTES:]):
                found = codec.Dictionary(dictionary_id, sealed[_SEAL_BYTES:])
                return found if codec.own_id(found) == dictionary_id else None
        return None


def _sealed(data: bytes) -> bytes:
    return blake3(data).digest() + data
