"""Whether bytes are text, and in which encoding, by their marks and by what they look like."""

from __future__ import annotations

import re

BOMS = (  # the longer first, where one begins with another
    (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\0\0", "utf-32le"), (b"\0\0\xfe\xff", "utf-32be"),
    (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"),
)  # fmt: skip
# Control characters that texts have: BEL, BS, TAB, LF, FF, CR, ESC; and SUB, by which old ones end.
_CONTROLS = bytes(set(range(32)) - {7, 8, 9, 10, 12, 13, 26, 27}) + b"\x7f"
_C1 = bytes(range(0x80, 0xA0))
_LEAST_CHARS = 2  # one byte is no text


def charset_of(head: bytes, *, is_whole: bool) -> str:
    """The encoding as IANA names it; "" where this is no text.

    What is neither Unicode nor Latin-1 is "unknown-8bit" (RFC 1428): which of a hundred it is, no head can tell.
    """
    for bom, name in BOMS:
        if head.startswith(bom):
            return name if _decodes(head[len(bom) :], name) else ""
    if len(head) < _LEAST_CHARS:
        return ""
    if head.find(0) >= 0:
        return _unmarked_utf16(head)
    if len(head.translate(None, _CONTROLS)) != len(head):
        return ""
    if head.isascii():
        return "us-ascii"
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end within a character.
        if not is_whole and error.end >= len(head) - 3 and error.reason == "unexpected end of data":
            return "utf-8"
    else:
        return "utf-8"
    high = len(head) - len(head.translate(None, bytes(range(0x80, 0x100))))
    # Texts of other scripts have many high bytes, but blanks, ends of lines and digits as well.
    if (
        (len(head) < 64 and high > len(head) // 3)
        or high > len(head) * 7 // 8
        or not re.search(rb"[\r\n]", head)
    ):
        return ""
    return "iso-8859-1" if len(head.translate(None, _C1)) == len(head) else "unknown-8bit"


def decoded(head: bytes, charset: str) -> str:
    """The text of a head in that encoding, whatever is damaged in it."""
    for bom, name in BOMS:
        if head.startswith(bom):
            return head[len(bom) :].decode(name, "replace")
    return head.decode({"unknown-8bit": "latin-1"}.get(charset, charset), "replace")


def _unmarked_utf16(head: bytes) -> str:
    """UTF-16 without a mark: in texts of any alphabet, blanks and ends of lines have their zeros on one side."""
    if len(head) < 8:
        return ""
    even, odd = head[0::2], head[1::2]
    for name, zeros, letters in (("utf-16le", odd, even), ("utf-16be", even, odd)):
        if letters.count(0) == 0 and zeros.count(0) > len(zeros) * 0.6 and _decodes(head, name):
            return name
    return ""


def _decodes(data: bytes, name: str) -> bool:
    width = {"utf-8": 1, "utf-16le": 2, "utf-16be": 2}.get(name, 4)
    try:
        text = data[: len(data) // width * width].decode(name)
    except UnicodeDecodeError as error:
        if error.end < len(data) - 4:
            return False
        text = data[: error.start].decode(name, "ignore")
    return not any(ord(char) < 32 and char not in "\a\b\t\n\f\r\x1a\x1b" for char in text[:2048])
