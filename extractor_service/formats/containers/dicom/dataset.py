"""A data set: elements one behind the other, items within sequences, bounded in number and depth. DICOM PS3.5, 7.1 and 7.5."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import ByteRange, Field, ProblemKind, Struct
from extractor_service.formats.containers.dicom import names
from extractor_service.formats.containers.dicom.characters import DEFAULT, decoders
from extractor_service.formats.containers.dicom.values import LONG, decode
from extractor_service.formats.reading.damage import NONSENSE
from extractor_service.formats.reading.reader import TruncatedError, layout

if TYPE_CHECKING:
    from extractor_service.document import Document, Value
    from extractor_service.formats.containers.dicom.characters import Characters
    from extractor_service.formats.reading.reader import Reader

SECTION = "dicom"
_UNDEFINED = 0xFFFFFFFF  # PS3.5, 7.1.1: the length is told by a delimiter
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_CHARACTER_SET, _PIXEL_REPRESENTATION = 0x00080005, 0x00280103


class Limits:
    """Of `DataSet`."""

    max_fragments = 1000  # of pixels within a sequence, which have to be walked to its end
    max_walked_depth = (
        100  # of undefined length, whose end can't be known otherwise; real ones have six levels
    )
    max_depth = 16  # a sequence nests five messages, and protobuf refuses more than a hundred
    max_binary_bytes = 256  # short ones may be flags or hashes; longer ones are data, told by their size
    max_value_bytes = 64 * 1024  # of texts and numbers; longer ones are told by their size
    max_nested = 60_000  # elements in sequences that are described
    max_walked = 400_000  # elements in all that are looked at: two seconds


class Encoding(NamedTuple):
    """How elements are written."""

    is_explicit: bool
    is_big: bool

    @property
    def order(self) -> str:
        """As struct has it."""
        return ">" if self.is_big else "<"


class _Element(NamedTuple):
    tag: int
    representation: str
    value_at: int
    length: int


class _Scope(NamedTuple):
    """What elements of one data set or item share."""

    characters: Characters
    creators: dict[int, str]
    """Of private blocks, by group and block number."""
    is_signed: bool
    """Whether pixels are, which decides on values that may be either."""


class _Tally:
    """What was met, nested elements too."""

    def __init__(self) -> None:
        self.present: dict[int, int] = {}
        """How often each element with a value."""
        self.private = self.nested = self.walked = 0


class DataSet:
    """Reads the elements of one data set into the document."""

    def __init__(
        self, reader: Reader, document: Document, encoding: Encoding, group: str, *, has_origin: bool = True
    ) -> None:  # fmt: skip
        self._reader = reader.view(0, big_endian=encoding.is_big)
        self._document, self._encoding, self._group = document, encoding, group
        self._has_origin = has_origin
        self._head = layout(f"{encoding.order}HH2sH")
        self._implicit = layout(f"{encoding.order}HHI")
        self.tally = _Tally()
        self._texts: dict[int, str] = {}
        self._buffer, self._buffer_at = b"", 0

    def text(self, tag: int) -> str:
        """The text of a top-level element; "" for none."""
        return self._texts.get(tag, "")

    def read(self, at: int, group: int | None = None) -> int:
        """Adds all elements from `at` on, those of one group where that is given; returns where they end."""
        scope = _Scope(DEFAULT, {}, is_signed=False)
        end, document = self._reader.length, self._document
        while at + 8 <= end:
            if (
                group is not None
                and int.from_bytes(self._bytes(at, 2), "big" if self._encoding.is_big else "little") != group
            ):
                return at
            element = self._element(at, scope)
            begin = at
            if element.tag >> 16 == 0xFFFE or (element.tag == 0 and not element.length):
                if self._bytes(at, min(end - at, 4096)).strip(b"\0"):
                    document.problem(
                        SECTION,
                        ProblemKind.DAMAGED,
                        f"{names.tag_text(element.tag)} stands outside of a sequence",
                        at,
                    )
                return at
            scope = self._noted(element, scope)
            if element.tag in _PIXELS or (
                element.length == _UNDEFINED and element.representation in {"OB", "OW"}
            ):
                try:
                    at = self._pixels(element, begin)
                except (TruncatedError, *NONSENSE) as error:
                    at = self._lost(element, error)
                if at < 0:
                    return end
                continue
            try:
                value, text, at = self._value(element, scope, 0)
            except (TruncatedError, *NONSENSE) as error:
                at = self._lost(element, error)
                if at < 0:
                    return end
                continue
            self._add(element, scope, value, text, begin, at)
        if end - at > 0 and self._bytes(at, end - at).strip(b"\0"):
            document.problem(SECTION, ProblemKind.TRUNCATED, f"{end - at} bytes behind the last element", at)
        return end

    def _lost(self, element: _Element, error: Exception) -> int:
        """Names what was lost; returns where reading goes on, or -1."""
        is_cut = isinstance(error, TruncatedError)
        name = names.of(element.tag, "")
        kind = ProblemKind.TRUNCATED if is_cut else ProblemKind.DAMAGED
        self._document.problem(SECTION, kind, f"{name}: {error}", element.value_at)
        after = element.value_at + element.length
        return after if element.length != _UNDEFINED and after <= self._reader.length else -1

    def _add(self, element: _Element, scope: _Scope, value: Value, text: str, begin: int, end: int) -> None:
        tag, representation = element.tag, element.representation
        creator = scope.creators.get(tag >> 8, "") if tag >> 16 & 1 else ""
        note = names.note(tag, representation, creator)
        origin = ByteRange(begin, end - begin) if self._has_origin else None
        if isinstance(value, str):
            self._texts[tag] = value
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            self._texts[tag] = "; ".join(map(str, value))
        if not text and representation == "UI" and isinstance(value, str):
            text = names.uid(value)
        self._document.add(
            SECTION, Field(names.of(tag, creator), value, text, group=self._group, note=note, origin=origin)
        )

    def _noted(self, element: _Element, scope: _Scope) -> _Scope:
        """The scope behind an element that changes it."""
        tag = element.tag
        if tag == _CHARACTER_SET and element.length < Limits.max_value_bytes:
            return scope._replace(
                characters=decoders(self._bytes(element.value_at, element.length).decode("latin-1"))
            )
        if tag == _PIXEL_REPRESENTATION and element.length == 2:
            return scope._replace(is_signed=self._bytes(element.value_at, 2).strip(b"\0") != b"")
        if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF and 0 < element.length <= 64:
            creator = self._bytes(element.value_at, element.length).decode("latin-1").strip("\0 ")
            scope.creators[(tag & 0xFFFF0000 | (tag & 0xFF) << 8) >> 8] = creator
        return scope

    def _bytes(self, at: int, length: int) -> bytes:
        """Exactly these bytes, out of a window that moves on; raises TruncatedError."""
        inner = at - self._buffer_at
        if inner >= 0 and inner + length <= len(self._buffer):
            return self._buffer[inner : inner + length]
        if length > 8192:
            return self._reader.exact(at, length)
        self._buffer = self._reader.some(at, 16384 - at % 16384 if at % 16384 + length <= 16384 else length)
        self._buffer_at = at
        if len(self._buffer) < length:
            raise TruncatedError(at, length, self._reader.length)
        return self._buffer[:length]

    def _element(self, at: int, scope: _Scope) -> _Element:
        self.tally.walked += 1
        if self.tally.walked > Limits.max_walked:
            raise ValueError(f"more than {Limits.max_walked} elements")
        head = self._bytes(at, 8)
        if self._encoding.is_explicit:
            group, number, letters, length = self._head.unpack(head)
            tag = group << 16 | number
            if group == 0xFFFE:
                return _Element(tag, "", at + 8, self._implicit.unpack(head)[2])
            representation = letters.decode("latin-1")
            if representation in LONG:
                if length and not letters.isalpha():
                    raise ValueError(f"a value representation {letters!r}")
                return self._known(_Element(tag, representation, at + 12, self._reader_u32(at + 8)), scope)
            if not representation.isupper() or not representation.isalpha():  # writers mix both
                length = self._implicit.unpack(head)[2]
                return _Element(
                    tag,
                    names.representation(tag, scope.creators.get(tag >> 8, ""), is_signed=scope.is_signed),
                    at + 8,
                    length,
                )
            return _Element(tag, representation, at + 8, length)
        group, number, length = self._implicit.unpack(head)
        tag = group << 16 | number
        if group == 0xFFFE:
            return _Element(tag, "", at + 8, length)
        representation = names.representation(
            tag, scope.creators.get(tag >> 8, ""), is_signed=scope.is_signed
        )
        return _Element(tag, representation, at + 8, length)

    def _reader_u32(self, at: int) -> int:
        return int.from_bytes(self._bytes(at, 4), "big" if self._encoding.is_big else "little")

    def _known(self, element: _Element, scope: _Scope) -> _Element:
        """An element of unknown representation that the dictionary knows (PS3.5, 6.2.2, note 5)."""
        if element.representation != "UN" or element.length > 0xFFFF:
            return element
        told = names.representation(
            element.tag, scope.creators.get(element.tag >> 8, ""), is_signed=scope.is_signed
        )
        return element._replace(representation=told) if told != "SQ" else element

    def _value(self, element: _Element, scope: _Scope, depth: int) -> tuple[Value, str, int]:
        """Value, a text for what is only summed up, and where the element ends."""
        tag, representation, at, length = element
        if representation == "SQ" or (length == _UNDEFINED and representation in {"UN", ""}):
            inner = self if representation == "SQ" else self._implicit_view()
            return inner.sequence(element, scope, depth)
        if length == _UNDEFINED and representation in {"OB", "OW"}:  # an icon's pixels, in fragments
            count, end = self._fragments(at, Limits.max_fragments)
            self.tally.present[tag] = 1
            return None, f"(encapsulated, {count} fragments)", end
        if length == _UNDEFINED:
            raise ValueError("a value without an end")
        end = at + length
        if end > self._reader.length:
            raise TruncatedError(at, length, self._reader.length)
        if tag >> 16 & 1:
            self.tally.private += 1
        elif length:
            self.tally.present[tag] = self.tally.present.get(tag, 0) + 1
        most = (
            Limits.max_binary_bytes
            if representation in {"OB", "OD", "OF", "OL", "OV", "OW", "UN", ""}
            else Limits.max_value_bytes
        )
        if length > most:
            return None, f"({length} bytes)", end
        if not length:
            return None, "", end
        value = decode(self._bytes(at, length), representation, self._encoding.order, scope.characters)
        most_items = self._document.limits.max_items
        if isinstance(value, list) and len(value) > most_items:
            self._document.problem(
                SECTION,
                ProblemKind.LIMIT,
                f"{names.of(tag, '')}: {len(value)} values are cut to {most_items}",
                at,
            )
            value = value[:most_items]
        return value, "", end

    def _implicit_view(self) -> DataSet:
        """Unknown elements without a length are sequences in the implicit encoding (PS3.5, 6.2.2, note 4)."""
        if not self._encoding.is_explicit:
            return self
        other = DataSet(self._reader, self._document, Encoding(is_explicit=False, is_big=False), self._group)
        other.tally = self.tally
        return other

    def sequence(self, element: _Element, scope: _Scope, depth: int) -> tuple[Value, str, int]:
        """The items of a sequence, a text that counts them, and where it ends."""
        at, length = element.value_at, element.length
        end = self._reader.length if length == _UNDEFINED else at + length
        if end > self._reader.length:
            raise TruncatedError(at, length, self._reader.length)
        if element.tag >> 16 & 1:
            self.tally.private += 1
        if length and not element.tag >> 16 & 1:
            self.tally.present[element.tag] = self.tally.present.get(element.tag, 0) + 1
        if depth > Limits.max_walked_depth:
            raise ValueError(f"sequences nested deeper than {Limits.max_walked_depth}")
        items: list[Value] = []
        count = 0
        most = self._document.limits.max_items
        while at + 8 <= end:
            head = self._element(at, scope)
            at = head.value_at
            if head.tag == _SEQUENCE_END:
                break
            if head.tag != _ITEM:
                raise ValueError(f"{names.tag_text(head.tag)} where an item is expected, at {at}")
            count += 1
            is_kept = count <= most and depth < Limits.max_depth and self.tally.nested < Limits.max_nested
            if not is_kept and head.length != _UNDEFINED:
                at += head.length
                if (count > most and length != _UNDEFINED and head.length < 0) or at > end:
                    break
                continue
            entries, at = self._item(head, scope, depth + 1, end, is_kept=is_kept)
            if is_kept:
                items.append(Struct(tuple(entries)))
        name = names.of(element.tag, "")
        if depth >= Limits.max_depth and count:
            return None, f"({count} items, too deep)", at
        if len(items) < count:
            self._document.problem(
                SECTION,
                ProblemKind.LIMIT,
                f"{name}: {len(items)} of {count} items are listed",
                element.value_at,
            )
        return items, f"{count} items", at if length == _UNDEFINED else end

    def _item(
        self, head: _Element, scope: _Scope, depth: int, end: int, *, is_kept: bool
    ) -> tuple[list[tuple[str, Value]], int]:  # fmt: skip
        """The elements of an item, and where it ends."""
        at = head.value_at
        if head.length != _UNDEFINED:
            end = min(end, at + head.length)
        inner = scope._replace(creators={})
        entries: list[tuple[str, Value]] = []
        while at + 8 <= end:
            element = self._element(at, inner)
            if element.tag == _ITEM_END:
                return entries, element.value_at
            if element.tag >> 16 == 0xFFFE:
                raise ValueError(f"{names.tag_text(element.tag)} inside of an item, at {at}")
            inner = self._noted(element, inner)
            value, text, at = self._value(element, inner, depth)
            if is_kept:
                self.tally.nested += 1
                creator = inner.creators.get(element.tag >> 8, "") if element.tag >> 16 & 1 else ""
                entries.append((names.of(element.tag, creator), text if value is None and text else value))
        return entries, at

    def _pixels(self, element: _Element, begin: int) -> int:
        """Adds what is said of pixel data; returns where the next element stands, or -1 where nobody knows."""
        length, at = element.length, element.value_at
        note = names.note(element.tag, element.representation, "")
        origin = ByteRange(begin, at - begin) if self._has_origin else None
        name = names.of(element.tag, "")
        self.tally.present[element.tag] = 1
        if length == _UNDEFINED:
            count, end = self._fragments(at, self._document.limits.max_items // 32 + 2)
            text = "(encapsulated)" if end < 0 else f"(encapsulated, {count} fragments)"
            self._document.add(SECTION, Field(name, None, text, group=self._group, note=note, origin=origin))
            return end
        self._document.add(
            SECTION, Field(name, None, f"({length} bytes)", group=self._group, note=note, origin=origin)
        )
        if at + length > self._reader.length:
            self._document.problem(
                SECTION,
                ProblemKind.TRUNCATED,
                f"{name} has {length} bytes, {self._reader.length - at} are there",
                at,
            )
            return -1
        return at + length if at + length < self._reader.length else -1

    def _fragments(self, at: int, most: int) -> tuple[int, int]:
        """How many fragments stand there, the table of offsets not counted, and where they end; -1 where they are many."""
        for count in range(most):
            tag, length = (
                self._implicit.unpack(self._bytes(at, 8))[0:2],
                self._implicit.unpack(self._bytes(at, 8))[2],
            )
            if tag == (0xFFFE, 0xE0DD):
                return max(0, count - 1), at + 8
            if tag != (0xFFFE, 0xE000) or length == _UNDEFINED:
                raise ValueError(f"no fragment at {at}")
            if at + 8 + length + 8 > self._reader.length:
                raise TruncatedError(at + 8, length, self._reader.length)
            at += 8 + length
        return 0, -1
