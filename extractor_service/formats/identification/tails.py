"""Types told by the end of a file, or far behind its beginning, where that says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from extractor_service.formats.identification.looking import View

_TAIL_BYTES = 1024  # trailers are short
_ISO_9660 = 0x8001  # ECMA-119, 8.1: behind 16 sectors of 2,048 bytes


def kind_of(view: View) -> str:
    """A name or media type; "" where the end says nothing either. Raises BeyondHeadError when it isn't at hand."""
    length = min(_TAIL_BYTES, view.size_bytes)
    tail = view.read_range(view.size_bytes - length, length)
    if tail[-18:] == b"TRUEVISION-XFILE.\0":
        return "tga"
    if tail[-512:-508] == b"koly":
        return "application/x-apple-diskimage"
    if tail[-128:-125] == b"TAG":  # ID3v1
        return "mp3"
    if b"PK\5\6" in tail and tail.rfind(b"PK\5\6") <= len(tail) - 22:
        return "zip"
    if view.size_bytes > _ISO_9660 + 5 and view.read_range(_ISO_9660, 5) == b"CD001":
        return "iso"
    return ""
