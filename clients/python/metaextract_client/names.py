"""Names as messages can carry them: file systems take any bytes, messages only UTF-8."""

from __future__ import annotations

import os


def sayable(name: str | os.PathLike[str]) -> str:
    """The name with bytes that aren't UTF-8 written as in a URI, `%E9`. A name that is UTF-8 stays as it is."""
    text = os.fspath(name)
    if text.isascii():
        return text
    # A backslash would be taken for a folder's end where names come from Windows.
    return "".join(f"%{ord(each) - 0xDC00:02X}" if "\udc80" <= each <= "\udcff" else each for each in text)
