"""Profiles that ImageMagick keeps in PNG texts: a name of one or two words, a length, hexadecimal digits."""

from __future__ import annotations

import zlib
from struct import pack

import pytest

from extractor_service.document import Document
from extractor_service.formats.containers.photo import png
from extractor_service.sources.descriptor import BytesSource


def _chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("name", [b"iptc", b"IPTC profile"])
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_raw_iptc_profiles_are_read(name, is_wrapped):
    content = b"\x1c\x02\x19\0\x05coast"
    if is_wrapped:
        content = b"8BIM\x04\x04\0\0" + pack(">I", len(content)) + content
    text = b"\n%s\n%8d\n%s\n" % (name, len(content), content.hex().encode())
    header = _chunk(b"IHDR", pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    profile = _chunk(b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(text))
    document = Document()
    png.parse(BytesSource(b"\x89PNG\r\n\x1a\n" + header + profile + _chunk(b"IEND", b"")), document)
    field = document.find("iptc", "Keywords")
    assert field is not None and field.value == ["coast"]
