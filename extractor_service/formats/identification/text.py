"""Text: whether bytes are text, in which encoding, and of which kind, where its first lines say so."""

from __future__ import annotations

import re

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe\0\0", "utf-32le"), (b"\0\0\xfe\xff", "utf-32be"),
    (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"),
)  # fmt: skip
# Control characters that texts have: BEL, BS, TAB, LF, FF, CR, ESC; and SUB, by which old ones end.
_CONTROLS = bytes(set(range(32)) - {7, 8, 9, 10, 12, 13, 26, 27}) + b"\x7f"
_C1 = bytes(range(0x80, 0xA0))
_LEAST_CHARS = 2  # one byte is no text
_HEADER = re.compile(r"(?:From|Received|Return-Path|Message-ID|MIME-Version|Date|Subject|To|Cc|Delivered-To|X-[\w-]+|Content-Type|DKIM-Signature|Reply-To|Sender|Status|Organization|Newsgroups|Path|Xref):", re.IGNORECASE)  # fmt: skip
_OWN_HEADER = re.compile(r"(?:Received|Return-Path|Message-ID|MIME-Version|Delivered-To|DKIM-Signature|From|X-[\w-]+):", re.IGNORECASE)  # fmt: skip
_DXF = re.compile(r"(?:[ \t]*999[ \t]*\r?\n[^\n]{0,500}\n){0,20}[ \t]*0[ \t]*\r?\n[ \t]*SECTION[ \t]*\r?\n")
_HEADER_LINE = re.compile(r"[!-9;-~]+:[ \t]|[ \t]+\S|[!-9;-~]+:$")
_FIRST_WORDS = (
    ("BEGIN:VCARD", "vcf"), ("BEGIN:VCALENDAR", "ics"), ("version https://git-lfs.github.com/spec/", "git_lfs_pointer"),
    ("WARC/", "application/warc"), ("%!PS", "application/postscript"), ("{\\rtf", "text/rtf"), ("WEBVTT", "text/vtt"),
    ("#EXTM3U", "application/vnd.apple.mpegurl"), ("[playlist]", "audio/x-scpls"), ("-----BEGIN CERTIFICATE", "application/x-x509-cert"),
    ("-----BEGIN PGP SIGNATURE", "application/pgp-signature"), ("-----BEGIN PGP", "application/pgp-encrypted"),
    ("diff --git ", "diff"), ("Index: ", "diff"), ("solid ", "model/stl"), ("ply\n", "model/ply"),
    ("#VRML V", "model/vrml"), ("/* XPM */", "image/x-xpixmap"), ("#?RADIANCE", "image/vnd.radiance"), ("ISO-10303-21;", "application/step"),
    ("%%MatrixMarket", "application/x-matrix-market"), ("##fileformat=VCF", "text/x-vcf"), ("@HD\t", "application/x-sam"),
)  # fmt: skip
_SHEBANGS = (("python", "py"), ("perl", "pl"), ("ruby", "rb"), ("sh", "sh"), ("node", "application/javascript"), ("awk", "text/x-awk"))  # fmt: skip


def charset_of(head: bytes, *, is_whole: bool) -> str:
    """The encoding as IANA names it; "" where this is no text.

    What is neither Unicode nor Latin-1 is "unknown-8bit" (RFC 1428): which of a hundred it is, no head can tell.
    """
    for bom, name in _BOMS:
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
    for bom, name in _BOMS:
        if head.startswith(bom):
            return head[len(bom) :].decode(name, "replace")
    return head.decode({"unknown-8bit": "latin-1"}.get(charset, charset), "replace")


def kind_of(text: str) -> str:
    """A name or media type of what begins like `text`; "" for any other text."""
    start = text.lstrip("\ufeff \t\r\n")
    for words, kind in _FIRST_WORDS:
        if start.startswith(words):
            return kind
    if start.startswith("#!"):
        line = start.partition("\n")[0]
        return next((kind for program, kind in _SHEBANGS if re.search(rf"[/ ]{program}[\d.]*(?:\s|$)|[/ ](?:ba|da|z|k|c)?{program}(?:\s|$)", line)), "script")  # fmt: skip
    if text.startswith("From ") and re.match(r"From \S+ .*\d{4}", text) and "\n" in text:
        return "mbox"
    if _is_mail(text):
        return "eml"
    if _DXF.match(text):
        return "dxf"
    return _json(start)


def _is_mail(text: str) -> bool:
    """Whether header lines come first, with at least two that only mail has."""
    headers = own = 0
    for line in text[:4096].split("\n")[:40]:
        line = line.rstrip("\r")  # noqa: PLW2901 - the line, without its end
        if not line:
            break
        if not _HEADER_LINE.match(line):
            return False
        if _HEADER.match(line):
            headers += 1
            own += _OWN_HEADER.match(line) is not None
    return headers >= 2 and own >= 1


def _json(start: str) -> str:
    """The type "json" or "jsonl" for an object or array whose first members are such."""
    if re.match(r'\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\}\s*$)', start):
        first, _, rest = start.partition("\n")
        is_line = first.rstrip().endswith("}") and rest.startswith("{")
        return "jsonl" if is_line else "json"
    if re.match(r'\[\s*(?:[\[{"]|-?\d+(?:\.\d+)?\s*[,\]]|true|false|null|\])', start) and not re.match(
        r"\[[\w .-]+\]\s*\n", start
    ):
        return "json"
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


def _unmarked_utf16(head: bytes) -> str:
    """UTF-16 without a mark: in texts of any alphabet, blanks and ends of lines have their zeros on one side."""
    if len(head) < 8:
        return ""
    even, odd = head[0::2], head[1::2]
    for name, zeros, letters in (("utf-16le", odd, even), ("utf-16be", even, odd)):
        if letters.count(0) == 0 and zeros.count(0) > len(zeros) * 0.6 and _decodes(head, name):
            return name
    return ""
