"""What ExifTool has otherwise and is right here: by file and field, each with its reason. Seen half and made files alone.

A kind whose every value follows from the file by a formula (`KINDS`) is judged in both halves: nobody has to look at a file for it.
A judged field counts for neither side. What isn't judged counts against us.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaextract_client.oracle.compare import Comparison, Difference, Score
    from metaextract_client.oracle.entries import Plain


class Judgement(NamedTuple):
    """Patterns of a file's name and of "family:Name", and why ours is right."""

    file: str
    field: str
    reason: str


JUDGED = (
    Judgement("pillow__psd-oob-write-overflow.psd", "photoshop:Layer*",
              "its layers claim no bytes for mask, ranges and name (Adobe: 12 at least); ExifTool reads on in what follows"),
    Judgement("pillow__zero_height.j2k", "*:Image[HS]*", "Ysiz equals YOsiz, so that the picture has no line (ISO/IEC 15444-1, A.5.1); ExifTool tells Ysiz"),
    Judgement("pillow__balloon_eciRGBv2_aware.jp2", "xm[lp]:*", "an XMP packet in a box of XML: we read it as XMP with its structures, ExifTool as plain XML"),
    Judgement("drew__Issue_280_dotnet_.png", "iccprofile:ProfileDescriptionML*", "languages without a country: we name each, ExifTool drops the language"),
    Judgement("drew__Kodak_CLAS_Digital_Film_Scanner_*", "exif:SpatialFrequencyResponse", "bytes (EXIF 2.32, 4.6.6.4): we keep its NULs, ExifTool drops them"),
    Judgement("drew__Issue_247-4.nef", "composite:DateTimeCreated", "made of two blank fields"),
    Judgement("ff-piped.wav", "composite:Duration", "its length is 0xFFFFFFFF, unknown when it was written; ExifTool divides that, we the file's"),
    Judgement("libarchive__test_read_format_rar5_loop_bug.rar", "zip:*", "its only header, whose checksum fits, has our values; ExifTool reads others behind it"),
    Judgement("libarchive__test_read_format_rar_symlink_huge.rar", "zip:*",
              "its only header, whose checksum fits, has our values: 64 bits of length, which ExifTool takes for two members; the Problem says that they can't be"),
    Judgement("libarchive__test_read_format_7zip_deflate_arm64.7z", "zip:ModifyDate", "hundreds of nanoseconds: we leave the fraction out, ExifTool rounds it up"),
    Judgement("tika__gbk.zip", "zip:ZipFileName", "no UTF-8, and no charset is said: code page 437 (APPNOTE, appendix D); ExifTool writes question marks"),
    *(Judgement(name, f"{family}Date", "zeros: no time is known (RFC 1952, 2.3.1; ar(5))")
      for name, family in (("gzip-none.gz", "zip:Modify"), ("gnu.tar.gz", "zip:Modify"), ("binutils.a", "exe:Create"))),
    Judgement("made *", "makernotes:TiffMeteringImage", "a block of pixels: we tell its bytes, ExifTool those of the TIFF that it would make of them"),
    Judgement("made structures reconyx 1[6-9].jpg", "makernotes:DateTimeOriginal",
              'seven bytes: ExifTool 13.59 unpacks the text of their numbers ("11 32 75\u2026"), not the bytes'),
    Judgement("made segments blocks*", "app10:HDRGainCurve", "sixteen bytes of four numbers: ExifTool tells how long they are as text"),
)  # fmt: skip


_RAR_4 = b"Rar!\x1a\x07\0"


def _rar_headers(data: bytes) -> frozenset[int]:
    """By how much ExifTool 13.59 has a member's size too large: its header without the eleven bytes up to the size itself."""
    lengths, at = set(), len(_RAR_4)
    while data.startswith(_RAR_4) and at + 11 <= len(data):
        kind, flags, length, packed = struct.unpack_from("<BHHI", data, at + 2)
        if length < 7:
            break
        if kind == 0x74:
            lengths.add(length - 11)
        at += length + (packed if kind == 0x74 or flags & 0x8000 else 0)
    return frozenset(lengths)


def _has_header(theirs: Plain, ours: Plain, data: bytes) -> bool:
    return isinstance(theirs, int) and isinstance(ours, int) and theirs - ours in _rar_headers(data)


def _is_taken_for(charset: str) -> Callable[[Plain, Plain, bytes], bool]:
    """Whether their text is our UTF-8, read by another charset."""

    def explains(theirs: Plain, ours: Plain, data: bytes) -> bool:
        if not isinstance(ours, str) or ours.isascii() or ours.encode()[:8] not in data:
            return False
        # What the charset lacks, ExifTool leaves out or keeps as it is.
        wrong = "".join(bytes((each,)).decode(charset, "ignore") for each in ours.encode())
        return "".join(filter(str.isprintable, str(theirs))).replace(" ", "") == "".join(
            filter(str.isprintable, wrong)
        ).replace(" ", "")

    return explains


def _is_in_question_marks(theirs: Plain, ours: Plain, data: bytes) -> bool:
    del data
    return isinstance(ours, str) and any(
        theirs == "".join(marks if each > "\uffff" else each for each in ours) != ours
        for marks in ("??", "??????")
    )


def _has_lost_nuls(theirs: Plain, ours: Plain, data: bytes) -> bool:
    return (
        isinstance(ours, str)
        and "\n" in ours
        and theirs == ours.replace("\n", "")
        and ours.replace("\n", "\0").encode() in data
    )


def _is_unset(theirs: Plain, ours: Plain, data: bytes) -> bool:
    del data
    beginnings = {f"{year}:01:01 00:00:00" for year in (1601, 1904, 1970)}
    return (
        isinstance(ours, str)
        and ours.rstrip("Z") == "0000:00:00 00:00:00"
        and str(theirs).rstrip("Z") in beginnings
    )


class Kind(NamedTuple):
    """A pattern of "family:Name", whether theirs follows from ours (and from the file) by the kind's formula, and why ours is right."""

    field: str
    explains: Callable[[Plain, Plain, bytes], bool]
    reason: str


KINDS = (
    Kind("zip:CompressedSize", _has_header,
         "of RAR 4: PACK_SIZE alone (technote.txt), as the package rarfile has it for each of the seen half; ExifTool adds the header to every one"),
    Kind("riff:*", _is_taken_for("cp1252"), "the file's bytes are valid UTF-8, as ffmpeg writes it; ExifTool takes all texts of RIFF for Windows-1252"),
    Kind("aiff:*", _is_taken_for("mac-roman"), "the file's bytes are valid UTF-8, as ffmpeg writes it; ExifTool takes all texts of AIFF for Mac OS Roman"),
    Kind("aiff:*", _has_lost_nuls, "lines that NULs part (AFsp's files): ExifTool's JSON leaves those out"),
    Kind("aiff:*Time", _is_unset, "zero, or the same second counted from 1970: a clock that was never set"),
    Kind("asf:CreationDate", _is_unset, "where the clock of Windows begins, or that of Unix: it was never set"),
    Kind("asf:*", _is_in_question_marks, "a letter beyond 16 bits: ExifTool has question marks for its two halves"),
)  # fmt: skip


def _is_of_a_kind(each: Difference, data: bytes) -> bool:
    key = f"{each.family}:{each.name}"
    return each.kind == "value" and any(
        fnmatchcase(key, kind.field) and kind.explains(each.theirs, each.ours, data) for kind in KINDS
    )


def judge(file: str, comparison: Comparison, data: bytes, *, is_unseen: bool = False) -> int:
    """Takes the judged differences out of a comparison; returns how many fields they are of."""
    rules = [] if is_unseen else [each for each in JUDGED if fnmatchcase(file, each.file)]
    kept, judged = [], 0
    for each in comparison.differences:
        key = f"{each.family}:{each.name}"
        if not any(fnmatchcase(key, rule.field) for rule in rules) and not _is_of_a_kind(each, data):
            kept.append(each)
            continue
        judged += each.kind != "printed"
        comparison.scores[each.family] = _without(comparison.scores[each.family], each.kind)
    comparison.differences[:] = kept
    return judged


def _without(score: Score, kind: str) -> Score:
    if kind == "missing":
        return replace(score, theirs=score.theirs - 1)
    if kind == "value":
        return replace(score, theirs=score.theirs - 1, present=score.present - 1)
    if kind == "printed":
        return replace(score, printed=score.printed - 1)
    return replace(score, invented=score.invented - 1)
