"""Texts whose bytes are neither ASCII nor UTF-8, though the standard wants that: decided, named, and the bytes kept."""

from __future__ import annotations

from typing import Final

_LEAST_JAPANESE_RATIO: Final = (
    0.6  # of a text's characters, where it has no kana: two kanji may be met by chance
)
_KANA: Final = range(0x3040, 0x3100)
_JAPANESE: Final = range(0x3000, 0xA000)


class LegacyText(str):
    """A text that was decoded by a guess; `data` is what was stored."""

    __slots__ = ("charset", "data")

    charset: str
    data: bytes


def text(data: bytes) -> str:
    """ASCII by the specification, UTF-8 in practice; a LegacyText when it isn't that.

    Latin-1 has no letters between 80 and 9F. Where such bytes stand it is Shift-JIS if that gives Japanese, as cameras from
    Japan write it, else Windows-1252.
    """
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    charset, decoded = _decided(data)
    legacy = LegacyText(decoded)
    legacy.data, legacy.charset = data, charset
    return legacy


def _decided(data: bytes) -> tuple[str, str]:
    if not any(0x80 <= byte < 0xA0 for byte in data):
        return "latin-1", data.decode("latin-1")
    try:
        japanese = data.decode("shift_jis")
    except UnicodeDecodeError:
        japanese = ""
    of_japan = sum(ord(char) in _JAPANESE for char in japanese)
    if any(ord(char) in _KANA for char in japanese) or of_japan > _LEAST_JAPANESE_RATIO * len(japanese):
        return "shift_jis", japanese
    try:
        return "cp1252", data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1", data.decode("latin-1")
