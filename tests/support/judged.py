"""What ExifTool has otherwise and is right here: by file and field, each with its reason. Seen half and made files alone.

A judged field counts for neither side. What isn't judged counts against us.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from metaextract_client.oracle.compare import Comparison, Score


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
    Judgement("tinytag__multiple_values_images.wma", "asf:PictureDescription", "a letter beyond 16 bits: ExifTool has question marks for its two halves"),
    Judgement("made *", "makernotes:TiffMeteringImage", "a block of pixels: we tell its bytes, ExifTool those of the TIFF that it would make of them"),
    Judgement("made structures reconyx 1[6-9].jpg", "makernotes:DateTimeOriginal",
              'seven bytes: ExifTool 13.59 unpacks the text of their numbers ("11 32 75\u2026"), not the bytes'),
    Judgement("made segments blocks*", "app10:HDRGainCurve", "sixteen bytes of four numbers: ExifTool tells how long they are as text"),
)  # fmt: skip


def judge(file: str, comparison: Comparison) -> int:
    """Takes the judged differences out of a comparison; returns how many fields they are of."""
    rules = [each for each in JUDGED if fnmatchcase(file, each.file)]
    if not rules:
        return 0
    kept, judged = [], 0
    for each in comparison.differences:
        key = f"{each.family}:{each.name}"
        if not any(fnmatchcase(key, rule.field) for rule in rules):
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
