"""The name table of a font, by language. ISO/IEC 14496-22, 5.2.8 ("name"); names of fields as ExifTool has them."""

from __future__ import annotations

import locale
import struct
from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.formats.reading.table import Table

if TYPE_CHECKING:
    from extractor_service.document import ByteRange, Document

SECTION = "font"
_NAMES = Table("documents/Font::Name", SECTION, "Font")
_MOST_RECORDS = 2000  # of the table: 25 names in 80 languages
_UNICODE, _MACINTOSH, _WINDOWS = 0, 1, 3
# Scripts of the Macintosh that have a codec (QuickDraw script codes).
_MAC_SCRIPTS = {0: "mac_roman", 1: "shift_jis", 2: "big5", 3: "euc_kr", 4: "mac_arabic", 6: "mac_greek", 7: "mac_cyrillic", 25: "gb2312", 29: "mac_latin2", 35: "mac_turkish"}  # fmt: skip
_MAC_LANGUAGES = {
    1: "fr", 2: "de", 3: "it", 4: "nl-NL", 5: "sv", 6: "es", 7: "da", 8: "pt", 9: "no", 10: "he", 11: "ja", 12: "ar", 13: "fi", 14: "el", 15: "is", 17: "tr",
    18: "hr", 19: "zh-TW", 23: "ko", 24: "lt", 25: "pl", 26: "hu", 27: "et", 32: "ru", 33: "zh-CN", 37: "ro", 38: "cs", 39: "sk", 40: "sl", 42: "sr", 44: "bg",
    45: "uk", 80: "vi", 81: "id", 128: "cy", 129: "eu", 130: "ca",
}  # fmt: skip
_WINDOWS_CODECS = {2: "shift_jis", 3: "gb2312", 4: "big5", 5: "euc_kr", 6: "johab"}
# As ExifTool writes what Windows has with a country, though there is but one.
_SHORT = {
    0x0402: "bg", 0x0403: "ca", 0x0405: "cs", 0x0406: "da", 0x0408: "el", 0x040B: "fi", 0x040D: "he", 0x040E: "hu", 0x040F: "is", 0x0411: "ja", 0x0412: "ko",
    0x0415: "pl", 0x0414: "no", 0x0416: "pt-BR", 0x0418: "ro", 0x0419: "ru", 0x041A: "hr", 0x041B: "sk", 0x041D: "sv-SE", 0x041E: "th", 0x041F: "tr", 0x0422: "uk",
    0x0424: "sl", 0x0425: "et", 0x0426: "lv", 0x0427: "lt", 0x042A: "vi", 0x042D: "eu", 0x0404: "zh-TW", 0x0804: "zh-CN", 0x0407: "de-DE",
}  # fmt: skip


def add(data: bytes, document: Document, group: str, origin: ByteRange | None) -> dict[int, str]:
    """Adds all names; returns them by id, English ones first."""
    if not data:
        return {}
    count, storage = struct.unpack_from(">HH", data, 2)
    tags = _tags(data, 6 + 12 * count) if struct.unpack_from(">H", data)[0] == 1 else []
    known: dict[int, str] = {}
    for number in range(min(count, _MOST_RECORDS, (len(data) - 6) // 12)):
        platform, encoding, language, name, length, offset = struct.unpack_from(
            ">HHHHHH", data, 6 + 12 * number
        )
        raw = data[storage + offset : storage + offset + length]
        if len(raw) < length:
            continue
        text = _text(raw, platform, encoding)
        suffix = _language(platform, language, tags)
        if not suffix or suffix == "-en-US" or name not in known:
            known[name] = text
        tag = _NAMES.tags.get(name)
        if tag is not None:
            document.add(SECTION, Field(tag.name + suffix, text, group=group, origin=origin))
    return known


def _tags(data: bytes, at: int) -> list[str]:
    """Languages by their IETF tags, which format 1 has behind the records."""
    count = struct.unpack_from(">H", data, at)[0] if at + 2 <= len(data) else 0
    storage = struct.unpack_from(">H", data, 4)[0]
    found = []
    for number in range(min(count, 200)):
        length, offset = struct.unpack_from(">HH", data, at + 2 + 4 * number)
        found.append(data[storage + offset : storage + offset + length].decode("utf-16-be", "replace"))
    return found


def _text(raw: bytes, platform: int, encoding: int) -> str:
    if platform == _MACINTOSH:
        codec = _MAC_SCRIPTS.get(encoding, "mac_roman")
    elif platform == _WINDOWS:
        codec = _WINDOWS_CODECS.get(encoding, "utf-16-be")
    else:
        codec = "utf-16-be" if platform == _UNICODE or encoding == 1 else "latin-1"
    return raw.decode(codec, "replace").strip("\0")


def _language(platform: int, language: int, tags: list[str]) -> str:
    """A suffix, "-de-DE" and the like; nothing for English of the Macintosh and for Unicode without a language."""
    if language >= 0x8000 and language - 0x8000 < len(tags):
        return f"-{tags[language - 0x8000]}"
    if platform == _WINDOWS:
        told = _SHORT.get(language) or locale.windows_locale.get(language, "").replace("_", "-")
        return f"-{told}" if told else f"-0x{language:04x}"
    if platform == _MACINTOSH and language:
        return f"-{_MAC_LANGUAGES.get(language, language)}"
    return ""
