"""Text: of which kind it is, where its first lines say so."""

from __future__ import annotations

import re

_HEADER = re.compile(r"(?:From|Received|Return-Path|Message-ID|MIME-Version|Date|Subject|To|Cc|Delivered-To|X-[\w-]+|Content-Type|DKIM-Signature|Reply-To|Sender|Status|Organization|Newsgroups|Path|Xref):", re.IGNORECASE)  # fmt: skip
_OWN_HEADER = re.compile(r"(?:Received|Return-Path|Message-ID|MIME-Version|Delivered-To|DKIM-Signature|From|X-[\w-]+):", re.IGNORECASE)  # fmt: skip
_STL = re.compile(r"solid[^\n]{0,500}\n\s{0,100}(?:facet|endsolid)\b")
_DXF = re.compile(r"(?:[ \t]*999[ \t]*\r?\n[^\n]{0,500}\n){0,20}[ \t]*0[ \t]*\r?\n[ \t]*SECTION[ \t]*\r?\n")
_HEADER_LINE = re.compile(r"[!-9;-~]+:[ \t]|[ \t]+\S|[!-9;-~]+:$")
_FIRST_WORDS = (
    ("BEGIN:VCARD", "vcf"), ("BEGIN:VCALENDAR", "ics"), ("version https://git-lfs.github.com/spec/", "git_lfs_pointer"),
    ("WARC/", "application/warc"), ("%!PS", "application/postscript"), ("{\\rtf", "text/rtf"), ("WEBVTT", "text/vtt"),
    ("#EXTM3U", "application/vnd.apple.mpegurl"), ("[playlist]", "audio/x-scpls"), ("-----BEGIN CERTIFICATE", "application/x-x509-cert"),
    ("-----BEGIN PGP SIGNATURE", "application/pgp-signature"), ("-----BEGIN PGP", "application/pgp-encrypted"),
    ("diff --git ", "diff"), ("Index: ", "diff"), ("ply\n", "model/ply"),
    ("#VRML V", "model/vrml"), ("/* XPM */", "image/x-xpixmap"), ("#?RADIANCE", "image/vnd.radiance"), ("ISO-10303-21;", "application/step"),
    ("%%MatrixMarket", "application/x-matrix-market"), ("##fileformat=VCF", "text/x-vcf"), ("@HD\t", "application/x-sam"),
)  # fmt: skip
# Possessive: blanks that could be cut into pieces in many ways were tried in all of them, for hours.
_WELL = re.compile(r"(?:#[^\n]{0,500}+\n|\s{1,100}+){0,50}+~V(?:ERSION|\b)[^\n]{0,500}\n", re.IGNORECASE)
_SPECTRUM = re.compile(r"##\s{0,4}(?:TITLE|JCAMP-?DX)\s{0,4}=", re.IGNORECASE)
_SHEBANGS = (("python", "py"), ("perl", "pl"), ("ruby", "rb"), ("sh", "sh"), ("node", "application/javascript"), ("awk", "text/x-awk"))  # fmt: skip


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
    if _SPECTRUM.match(start):
        return "jcamp"
    if _WELL.match(start):
        return "las_well"
    if _STL.match(start):
        return "stl"
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
