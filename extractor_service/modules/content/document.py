"""What a PDF shows: all objects that its catalogue leads to, whatever their numbers, places and filters' lengths, without metadata."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from extractor_service.document import HardLimitError
from extractor_service.formats.base import CorruptFileError
from extractor_service.sources.fileobj import BoundedFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extractor_service.modules.content.pictures import Piece
    from extractor_service.sources.base import ByteSource

_SAID = frozenset({"/Metadata", "/PieceInfo", "/LastModified"})
"""What is said of an object, in dictionaries that have a type or are streams; in maps of names, a name may be any."""
_PACKING = {"/Filter", "/DecodeParms"}
_MAX_BYTES = 1024 * 1024 * 1024  # of packed streams: a thousand pages of pictures
_STEP_BYTES = 1024 * 1024  # unpacked at once
_MAX_OBJECTS = 2_000_000  # a million pages' worth
_MAX_DEPTH = 100  # of arrays and dictionaries within one object


def pdf(source: ByteSource) -> Iterator[Piece]:
    """The objects in the order in which the catalogue leads to them, each by its number in that order.

    Raises:
        CorruptFileError: it is damaged, or encrypted.
    """
    import pikepdf  # noqa: PLC0415 - 17 MiB

    try:
        with pikepdf.open(BoundedFile(source)) as document:
            yield from _Walk(pikepdf).of(document.Root)
    except (pikepdf.PdfError, pikepdf.PasswordError) as error:
        raise CorruptFileError(str(error)[:200]) from error


class _Walk:
    """One walk; numbers are given as objects are met."""

    def __init__(self, pikepdf: Any) -> None:
        self._pikepdf = pikepdf
        self._numbers: dict[tuple[int, int], int] = {}
        self._waiting: list[Any] = []
        self._spent = 0

    def of(self, root: Any) -> Iterator[bytes]:
        self._refer(root)
        done = 0
        while done < len(self._waiting):
            value = self._waiting[done]
            done += 1
            out: list[bytes] = []
            self._write(value, out, 0)
            yield b"obj " + b" ".join(out)
            if isinstance(value, self._pikepdf.Stream):
                data = value.read_raw_bytes()
                if _is_deflated(value):
                    yield from self._inflated(data)
                else:
                    yield data

    def _inflated(self, data: bytes) -> Iterator[bytes]:
        """The same whether a writer has packed it, and how well."""
        inflate = zlib.decompressobj()
        try:
            while data and not inflate.eof:
                piece = inflate.decompress(data, _STEP_BYTES)
                data = inflate.unconsumed_tail
                self._spent += len(piece)
                if self._spent > _MAX_BYTES:
                    raise HardLimitError(f"more than {_MAX_BYTES} bytes of streams, unpacked")
                yield piece
        except zlib.error as error:
            raise CorruptFileError(f"a stream: {error}") from error

    def _refer(self, value: Any) -> bytes:
        number = self._numbers.get(value.objgen)
        if number is None:
            if len(self._waiting) >= _MAX_OBJECTS:
                raise CorruptFileError(f"more than {_MAX_OBJECTS} objects")
            number = self._numbers[value.objgen] = len(self._waiting)
            self._waiting.append(value)
        return b"%d R" % number

    def _write(self, value: Any, out: list[bytes], depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise CorruptFileError(f"objects nested deeper than {_MAX_DEPTH}")
        pikepdf = self._pikepdf
        if isinstance(value, (pikepdf.Dictionary, pikepdf.Stream)):
            out.append(b"<<")
            is_stream = isinstance(value, pikepdf.Stream)
            left_out: set[str] = (
                set(_SAID) if is_stream or isinstance(value.get("/Type"), pikepdf.Name) else set()
            )
            if is_stream:
                left_out |= {"/Length", *(_PACKING if _is_deflated(value) else ())}
            for key in sorted(set(value.keys()) - left_out):
                out.append(key.encode("utf-8", "surrogateescape"))
                self._inner(value[key], out, depth)
            out.append(b">>")
        elif isinstance(value, pikepdf.Array):
            out.append(b"[")
            for each in value:
                self._inner(each, out, depth)
            out.append(b"]")
        elif isinstance(value, pikepdf.Object):
            out.append(value.unparse())
        else:
            out.append(repr(value).encode())

    def _inner(self, value: Any, out: list[bytes], depth: int) -> None:
        if isinstance(value, self._pikepdf.Object) and value.is_indirect:
            out.append(self._refer(value))
        else:
            self._write(value, out, depth + 1)


def _is_deflated(stream: Any) -> bool:
    """Whether it is packed by Deflate alone, as writers do it or not."""
    packing = stream.get("/Filter")
    return packing is not None and str(packing) == "/FlateDecode" and stream.get("/DecodeParms") is None
