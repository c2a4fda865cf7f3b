"""Brotli (RFC 7932), unpacked as far as is wanted: fonts (WOFF2) and boxes of JPEG XL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PIECE_BYTES = 65_536  # unpacked at a time: what a bomb may go beyond its limit


def unbrotli(data: bytes, most_bytes: int, spend: Callable[[int], None] | None = None) -> bytes:
    """The first `most_bytes`, unpacked: a kilobyte may stand for gigabytes. `spend` hears of all, also of what ends in nonsense.

    Raises:
        ValueError: it isn't Brotli (RFC 7932).
    """
    import brotli  # noqa: PLC0415 - in workers only

    decoder, parts, length = brotli.Decompressor(), [], 0
    try:
        while length < most_bytes and not decoder.is_finished():
            part = decoder.process(data, output_buffer_limit=_PIECE_BYTES)
            data = b""
            parts.append(part)
            if spend is not None:
                spend(len(part))
            length += len(part)
            if not part and decoder.can_accept_more_data():
                break
    except brotli.error as error:
        raise ValueError(str(error)) from error
    return b"".join(parts)[:most_bytes]
