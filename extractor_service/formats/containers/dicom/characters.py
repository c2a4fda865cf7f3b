"""Character sets: one for all of a data set, or several that escape sequences switch between. DICOM PS3.3, C.12.1.1.2; PS3.5, 6.1.2."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Characters = Callable[[bytes], str]

_CODECS = {
    "": "latin-1", "ISO_IR 6": "latin-1", "ISO_IR 13": "shift_jis", "ISO_IR 100": "latin-1", "ISO_IR 101": "iso8859_2", "ISO_IR 109": "iso8859_3",
    "ISO_IR 110": "iso8859_4", "ISO_IR 126": "iso8859_7", "ISO_IR 127": "iso8859_6", "ISO_IR 138": "iso8859_8", "ISO_IR 144": "iso8859_5",
    "ISO_IR 148": "iso8859_9", "ISO_IR 166": "tis_620", "ISO_IR 203": "iso8859_15", "ISO_IR 192": "utf-8", "GB18030": "gb18030", "GBK": "gbk",
    "ISO 2022 IR 58": "gb2312", "ISO 2022 IR 87": "iso2022_jp", "ISO 2022 IR 149": "euc_kr", "ISO 2022 IR 159": "iso2022_jp_2",
}  # fmt: skip
_ESCAPES = {
    b"(B": "latin-1", b"(J": "shift_jis", b")I": "shift_jis", b"$B": "iso2022_jp", b"$(D": "iso2022_jp_2", b"$)C": "euc_kr", b"$)A": "gb2312",
    b"-A": "latin-1", b"-B": "iso8859_2", b"-C": "iso8859_3", b"-D": "iso8859_4", b"-F": "iso8859_7", b"-G": "iso8859_6", b"-H": "iso8859_8",
    b"-L": "iso8859_5", b"-M": "iso8859_9", b"-T": "tis_620", b"-b": "iso8859_15",
}  # fmt: skip
_KEPT = frozenset({"iso2022_jp", "iso2022_jp_2"})  # codecs that want to see the escape sequence

_MOST_ESCAPES = 2000  # of a value: each begins a decoder
_DELIMITER = re.compile(rb"[\\^=\r\n\f\t]")  # behind which the first set counts again (PS3.5, 6.1.2.5.3)


def decoders(value: str) -> Characters:
    """What decodes texts under this value of Specific Character Set."""
    names = [each.strip("\0 ") for each in value.split("\\")]
    first = _codec(names[0])
    if len(names) == 1 and not names[0].startswith("ISO 2022"):
        return lambda data: data.decode(first, "replace")
    return lambda data: _switching(data, first)


def DEFAULT(data: bytes) -> str:
    """ASCII by the standard; Latin-1 by what writers do."""
    return data.decode("latin-1")


def _codec(name: str) -> str:
    if name.startswith("ISO 2022 IR"):
        known = _CODECS.get(name)
        return (
            known
            if known is not None and known not in _KEPT | {"euc_kr", "gb2312"}
            else _CODECS.get(name.replace("ISO 2022 IR", "ISO_IR"), "latin-1")
        )
    return _CODECS.get(name, "latin-1")


def _switching(data: bytes, first: str) -> str:
    if not 0 < data.count(b"\x1b") <= _MOST_ESCAPES:
        return data.decode(first, "replace")
    before, *escaped = data.split(b"\x1b")
    found = [before.decode(first, "replace")]
    for piece in escaped:
        sequence = next((each for each in (piece[:3], piece[:2]) if each in _ESCAPES), b"")
        codec = _ESCAPES.get(sequence, first)
        if codec in _KEPT:  # whose second bytes may look like delimiters
            found.append((b"\x1b" + piece).decode(codec, "replace"))
            continue
        until = _DELIMITER.search(piece, len(sequence))
        end = until.start() if until is not None else len(piece)
        found.append(piece[len(sequence) : end].decode(codec, "replace"))
        found.append(piece[end:].decode(first, "replace"))
    return "".join(found)
