"""PDF's objects by ranges: each is read when it is asked for. ISO 32000-2, 7.3, 7.5.7 (object streams).

They answer as pikepdf's do, so that everything above reads either. What only a repair could read, or a password, raises
`NeedsRepairError`: pikepdf takes over then.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING

from extractor_service.formats.containers.pdf.crossings import Crossings, unpacked
from extractor_service.formats.containers.pdf.syntax import CutError, Keyword, Reference, parse
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.formats.reading.reader import Reader

_STREAM = re.compile(rb"(?:[\0\t\n\f\r ]++|%[^\r\n]*+)*+stream(?:\r\n|\n|\r)?")
_OBJECT = re.compile(rb"[\0\t\n\f\r ]*(\d{1,10})[\0\t\n\f\r ]+(\d{1,5})[\0\t\n\f\r ]+obj")


class Limits:
    """Of `Pdf`."""

    window_bytes = 512  # most objects are shorter
    max_object_bytes = 4 * 1024 * 1024  # of one that is no stream's data: an array of a million
    max_packed_bytes = 8 * 1024 * 1024  # inflated, of an object stream; writers put 200 objects into one
    kept_streams = 4  # of the latest
    kept_objects = 1000  # of the latest
    max_members = 100_000  # of an object stream
    max_parsed_bytes = (
        24 * 1024 * 1024
    )  # of all objects: an array of nothing but zeros takes seven seconds then; they may overlap
    max_raw_bytes = 16 * 1024 * 1024  # of a stream that is read


class NeedsRepairError(Exception):
    """The file can't be read as it is written."""


class TooMuchError(ValueError):
    """The objects that were asked for take more than a document may."""


class Pdf:
    """One file. What it shows knows it, and it keeps none of that: cycles outlive their document."""

    def __init__(self, reader: Reader, base: int) -> None:
        """Follows its cross-references.

        Raises:
            NeedsRepairError: they are damaged, or the file is encrypted.
        """
        self._reader, self._base = reader, base
        self._left_bytes = Limits.max_parsed_bytes
        self._kept: OrderedDict[int, object] = OrderedDict()
        self._streams: OrderedDict[int, tuple[bytes, list[tuple[int, int]]]] = OrderedDict()
        try:
            self._crossings = Crossings(reader, base)
        except (ValueError, IndexError, OverflowError, TruncatedError) as error:
            raise NeedsRepairError(str(error)) from error
        if "/Encrypt" in self._crossings.trailer:
            raise NeedsRepairError("encrypted")
        root = self.Root
        if not isinstance(root, Dictionary) or not isinstance(root.get("/Pages"), Dictionary):
            raise NeedsRepairError("no catalog")

    @property
    def trailer(self) -> Dictionary:
        """The newest one."""
        return Dictionary(self, self._crossings.trailer, (0, 0))

    @property
    def Root(self) -> object:
        """The catalog, by the name that pikepdf has for it."""
        return self.trailer.get("/Root")

    def shown(self, value: object, identity: tuple[int, int] = (0, 0)) -> object:
        """A value as callers see it: references followed, dictionaries and arrays dressed."""
        for _ in range(20):
            if not isinstance(value, Reference):
                break
            identity = (value.number, value.generation)
            value = self._object(value.number)
        if isinstance(value, dict):
            return Dictionary(self, value, identity)
        if isinstance(value, list):
            return Array(self, value, identity)
        if isinstance(value, _Data):
            return Stream(self, value.told, identity, value.at)
        return None if isinstance(value, Reference) else value

    def _object(self, number: int) -> object:
        if number in self._kept:
            self._kept.move_to_end(number)
            return self._kept[number]
        try:
            value = self._read(number)
        except TooMuchError:
            raise
        except (ValueError, IndexError, TruncatedError, RecursionError) as error:
            raise NeedsRepairError(f"object {number}: {error}") from error
        self._kept[number] = value
        if len(self._kept) > Limits.kept_objects:
            self._kept.popitem(last=False)
        return value

    def _read(self, number: int) -> object:
        place = self._crossings.find(number)
        if place is None:
            return None
        if place.stream:
            return self._packed(place.stream, place.member, number)
        at = place.offset + self._base
        size = Limits.window_bytes
        while True:
            data = self._reader.some(at, size)
            found = _OBJECT.match(data)
            if found is None or int(found[1]) != number:
                raise ValueError(f"it isn't at {at}")
            try:
                value, end = parse(data, found.end())
            except CutError:
                self._spend(len(data))
                if len(data) < size or size >= Limits.max_object_bytes:
                    raise
                size *= 8
                continue
            self._spend(end)
            if isinstance(value, dict):
                if end + 32 > len(data) == size:
                    size *= 2
                    continue
                behind = _STREAM.match(data, end)
                if behind is not None:
                    return _Data(value, at + behind.end())
            return None if isinstance(value, Keyword) else value

    def _packed(self, stream: int, index: int, number: int) -> object:
        """An object out of an object stream (7.5.7)."""
        known = self._streams.get(stream)
        if known is None:
            value = self._object(stream)
            if not isinstance(value, _Data):
                raise ValueError(f"no object stream {stream}")
            data = unpacked(self.raw(value.told, value.at), value.told, Limits.max_packed_bytes) + b" "
            self._spend(len(data))
            count, first = self.shown(value.told.get("/N")), self.shown(value.told.get("/First"))
            if not isinstance(count, int) or not isinstance(first, int) or count > Limits.max_members:
                raise ValueError(f"object stream {stream} doesn't say what it has")
            numbers = [int(each) for each in data[:first].split()[: 2 * count]]
            known = data, [(each, first + at) for each, at in zip(numbers[::2], numbers[1::2], strict=False)]
            self._streams[stream] = known
            if len(self._streams) > Limits.kept_streams:
                self._streams.popitem(last=False)
        data, places = known
        if not 0 <= index < len(places) or places[index][0] != number:
            raise ValueError(f"object stream {stream} doesn't have it")
        begin = places[index][1]
        value, end = parse(data, begin)
        self._spend(end - begin)
        return value

    def _spend(self, size: int) -> None:
        self._left_bytes -= size
        if self._left_bytes < 0:
            raise TooMuchError(f"objects of more than {Limits.max_parsed_bytes} bytes")

    def raw(self, told: dict[str, object], at: int) -> bytes:
        """A stream's data as it is stored."""
        length = self.shown(told.get("/Length"))
        if not isinstance(length, int) or not 0 <= length <= Limits.max_raw_bytes:
            raise ValueError(f"a stream of {length!r:.30} bytes")
        end = self._reader.some(at + length, 32).lstrip(b"\0\t\n\f\r ")
        if not end.startswith(b"endstream"):
            raise NeedsRepairError(f"the stream at {at} doesn't end where it says")
        return self._reader.exact(at, length)


class _Data:
    """A stream as it was read: dictionary and place."""

    __slots__ = ("at", "told")

    def __init__(self, told: dict[str, object], at: int) -> None:
        self.told, self.at = told, at


class _Held:
    """What dictionaries and arrays have in common."""

    __slots__ = ("_pdf", "objgen")

    def __init__(self, pdf: Pdf, identity: tuple[int, int]) -> None:
        self._pdf = pdf
        self.objgen = identity

    @property
    def is_indirect(self) -> bool:
        """Whether it is an object of its own."""
        return self.objgen != (0, 0)


class Dictionary(_Held):
    """A dictionary; keys have their slash."""

    __slots__ = ("_told",)

    def __init__(self, pdf: Pdf, told: dict[str, object], identity: tuple[int, int]) -> None:
        super().__init__(pdf, identity)
        self._told = told

    def get(self, key: str, default: object = None) -> object:
        """The value."""
        value = self._told.get(key)
        return default if value is None else self._pdf.shown(value)

    def keys(self) -> list[str]:
        """All keys."""
        return list(self._told)

    def items(self) -> Iterator[tuple[str, object]]:
        """Keys and values."""
        for key in self._told:
            yield key, self.get(key)

    def __len__(self) -> int:
        return len(self._told)


class Stream(Dictionary):
    """A dictionary with data behind it."""

    __slots__ = ("_at",)

    def __init__(self, pdf: Pdf, told: dict[str, object], identity: tuple[int, int], at: int) -> None:
        super().__init__(pdf, told, identity)
        self._at = at

    def read_raw_bytes(self) -> bytes:
        """As it is stored."""
        return self._pdf.raw(self._told, self._at)

    def read_bytes(self) -> bytes:
        """Unpacked: by pikepdf, which knows all ways of packing."""
        raise NeedsRepairError("packed by more than Deflate")


class Array(_Held):
    """An array."""

    __slots__ = ("_values",)

    def __init__(self, pdf: Pdf, values: list[object], identity: tuple[int, int]) -> None:
        super().__init__(pdf, identity)
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: int) -> object:
        return self._pdf.shown(self._values[index])
