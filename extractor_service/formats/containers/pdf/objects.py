"""Safe looks into a document's objects: what is damaged concerns itself alone. ISO 32000-2, 7.3 (objects), 7.9 (structures)."""

from __future__ import annotations

import re
import sys
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

from extractor_service.document import ProblemKind
from extractor_service.formats.containers.pdf import own
from extractor_service.formats.containers.pdf.syntax import Name, Text
from extractor_service.formats.reading import dates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extractor_service.document import Document, Value

SECTION = "pdf"
_STREAM_NAME = re.compile(
    r"(stream )?<(extractor_service|_io)[^>]*>"
)  # with an address in memory, which is nobody's business
_UTC = re.compile(r"Z(?:00)?'?(?:00)?'?$")  # with offsets of nothing behind it
_MOST_DEPTH = 40  # of trees: a balanced one of a million leaves has 20 levels
_MOST_RAW_BYTES = 64 * 1024  # packed in ways that can't be unpacked in part: a thousand times that at most
_MOST_NODES = 5000  # of a tree: of 100,000 names
_DAMAGE = (zlib.error, ValueError, TypeError, KeyError, AttributeError, RuntimeError, IndexError, RecursionError, OverflowError, ArithmeticError)  # fmt: skip


def _theirs(*kinds: str) -> tuple[type[Any], ...]:
    """Types of pikepdf's, where it was needed."""
    return _loaded(*kinds) if "pikepdf" in sys.modules else ()


@cache  # of a few lists of kinds: every value is asked for its own
def _loaded(*kinds: str) -> tuple[type[Any], ...]:
    return tuple(getattr(sys.modules["pikepdf"], kind) for kind in kinds)


def _damage() -> tuple[type[Exception], ...]:
    module = sys.modules.get("pikepdf")
    return (*_DAMAGE, module.PdfError) if module is not None else _DAMAGE


def short(error: object) -> str:
    """The first line of an error, without qpdf's name for our file object."""
    line = (str(error).splitlines() or [""])[0]
    return _STREAM_NAME.sub("", line).strip(" :,")[:200] or type(error).__name__


def keys_of(dictionary: Any) -> list[str]:
    """The keys, in the file's order; qpdf's, which come as a set, in that of the alphabet: not in another one each time."""
    found = dictionary.keys()
    return sorted(found) if isinstance(found, (set, frozenset)) else list(found)


def guard(document: Document, what: str, action: Callable[..., Any], *arguments: Any) -> Any:
    """The action's result; None with a Problem where an object is damaged."""
    try:
        return action(*arguments)
    except _damage() as error:
        document.problem(SECTION, ProblemKind.DAMAGED, f"{what}: {short(error)}")
        return None


def get(holder: Any, key: str) -> Any:
    """The value of a dictionary's key; None without one, or where `holder` is something else."""
    return holder.get(key) if is_dictionary(holder) else None


def is_dictionary(value: Any) -> bool:
    """Whether a value is a dictionary, or a stream's."""
    return isinstance(value, own.Dictionary) or (
        "pikepdf" in sys.modules and isinstance(value, _theirs("Dictionary", "Stream"))
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, (own.Array, *_theirs("Array")))


def items(holder: Any, most: int) -> list[Any]:
    """The first elements of an array; [] of anything else."""
    if not _is_array(holder):
        return []
    return [holder[index] for index in range(min(len(holder), most))]


def name(value: Any) -> str:
    """A name without its slash; "" of anything else."""
    if isinstance(value, Name):
        return value[1:]
    return _theirs_as_text(value)[1:] if isinstance(value, _theirs("Name")) else ""


def _theirs_as_text(value: Any) -> str:
    try:
        return str(value)
    except UnicodeDecodeError:  # what isn't UTF-8, though it should be
        return bytes(value).decode("latin-1")


def text(value: Any) -> str:
    """A text string, or a name; "" of anything else."""
    if isinstance(value, Text):
        return value.shown().strip("\0")
    if isinstance(value, _theirs("String")):
        return _theirs_as_text(value).strip("\0")
    return name(value)


def number(value: Any) -> float | int | None:
    """A number; None of anything else."""
    from decimal import Decimal  # noqa: PLC0415 - in workers only

    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, (float, Decimal)):
        real = float(value)
        return int(real) if real.is_integer() and abs(real) < 1e15 else real
    return None


def plain(value: Any) -> Value:
    """Any simple object as a plain value."""
    if isinstance(value, bool):
        return value
    told = number(value)
    if told is not None:
        return told
    if _is_array(value):
        return [plain(each) for each in items(value, 100)]
    return text(value)


def date(value: Any) -> str:
    """A date, "2024:05:06 07:08:09+02:00", of a date string (7.9.4); the text itself where it is none."""
    written = text(value)
    moment = dates.read(_UTC.sub("Z", written))
    if moment.grasp is dates.Grasp.UNDERSTOOD and moment.day:
        day = moment.day.replace("-", ":")
        return f"{day} {moment.clock}{moment.zone}" if moment.clock else day
    return written


def inflated(stream: Any, most_bytes: int) -> bytes:
    """The first bytes of a stream: qpdf would unpack all of it first, however long that is.

    Raises:
        ValueError: it is packed by more than Deflate.
    """
    filters = get(stream, "/Filter")
    names = [name(each) for each in items(filters, 5)] or ([name(filters)] if filters is not None else [])
    raw: bytes = stream.read_raw_bytes()
    if not names:
        return raw[:most_bytes]
    if names != ["FlateDecode"] or get(stream, "/DecodeParms") is not None:
        if len(raw) > _MOST_RAW_BYTES or len(names) > 1:
            raise ValueError(f"a stream packed by {', '.join(names)}")
        unpacked: bytes = stream.read_bytes()
        return unpacked[:most_bytes]
    return zlib.decompressobj().decompress(raw, most_bytes)


def leaves(tree: Any, most: int) -> Iterator[tuple[str, Any]]:
    """Names and values of a name tree (7.9.6), `most` of them."""
    waiting, seen, given = [(tree, 0)], 0, 0
    while waiting and seen < _MOST_NODES:
        node, depth = waiting.pop()
        seen += 1
        if depth > _MOST_DEPTH:
            continue
        pairs = items(get(node, "/Names"), 2 * most)
        for key, value in zip(pairs[::2], pairs[1::2], strict=False):
            if given >= most:
                return
            given += 1
            yield text(key), value
        waiting += [(kid, depth + 1) for kid in reversed(items(get(node, "/Kids"), _MOST_NODES))]
