"""Two small formats of compressed blocks that the standard library lacks, for the kilobytes of a footer.

github.com/google/snappy, format_description.txt; github.com/lz4/lz4, doc/lz4_Block_format.md.
"""

from __future__ import annotations

_MOST_SHIFT = 28  # of a length's last seven bits


def snappy(data: bytes, most_bytes: int) -> bytes:
    """The content of a raw block, which must not be above `most_bytes`; raises ValueError or IndexError on damage."""
    size, at, shift = 0, 0, 0
    while True:
        byte = data[at]
        at += 1
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > _MOST_SHIFT:
            raise ValueError("a length of more than 32 bits")
    if size > most_bytes:
        raise ValueError(f"a block of {size} bytes")
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        kind = tag & 3
        if kind == 0:
            length = tag >> 2
            if length >= 60:
                width = length - 59
                length = int.from_bytes(data[at : at + width], "little")
                at += width
            out += data[at : at + length + 1]
            at += length + 1
        else:
            if kind == 1:
                length, offset = (tag >> 2 & 7) + 4, tag >> 5 << 8 | data[at]
                at += 1
            else:
                width = 2 if kind == 2 else 4
                length, offset = (tag >> 2) + 1, int.from_bytes(data[at : at + width], "little")
                at += width
            _copy(out, offset, length)
        if len(out) > size:
            raise ValueError("more content than the block says")
    if len(out) != size:
        raise ValueError(f"{len(out)} of {size} bytes")
    return bytes(out)


def lz4_block(data: bytes, most_bytes: int) -> bytes:
    """The content of a block without a frame; raises as `snappy` does."""
    out = bytearray()
    at = 0
    while at < len(data):
        token = data[at]
        at += 1
        length, at = _length(data, at, token >> 4)
        out += data[at : at + length]
        at += length
        if at >= len(data):
            break
        offset = data[at] | data[at + 1] << 8
        at += 2
        length, at = _length(data, at, token & 15)
        if len(out) + length > most_bytes:
            raise ValueError(f"a block of more than {most_bytes} bytes")
        _copy(out, offset, length + 4)
    return bytes(out)


def _length(data: bytes, at: int, length: int) -> tuple[int, int]:
    """A length that bytes go on with where it is 15, and the place behind them."""
    more = 255 if length == 15 else 0
    while more == 255:
        more = data[at]
        at += 1
        length += more
    return length, at


def _copy(out: bytearray, offset: int, length: int) -> None:
    if not 0 < offset <= len(out):
        raise ValueError(f"a copy from {offset} bytes before")
    begin = len(out) - offset
    if offset >= length:
        out += out[begin : begin + length]
    else:  # it repeats itself
        out += (bytes(out[begin:]) * (length // offset + 1))[:length]
