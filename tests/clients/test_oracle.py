"""The comparison with ExifTool sees what is wrong, missing, renamed, extra or repeated; and nothing else."""

from __future__ import annotations

import pytest

from metaextract.document.v1 import document_pb2
from metaextract_client.oracle.compare import Entry, compare, same, same_printed
from metaextract_client.oracle.entries import of_document, of_exiftool

THEIRS = {
    "SourceFile": "x.jpg",
    "EXIF:IFD0:Make": "Canon",
    "EXIF:IFD0:XResolution": 72,
    "EXIF:IFD1:Copy1:XResolution": 180,
    "EXIF:ExifIFD:ExposureTime": 0.004,
    "MakerNotes:Canon:LensType": 237,
}
PRINTED = {**THEIRS, "EXIF:ExifIFD:ExposureTime": "1/250", "MakerNotes:Canon:LensType": "Canon EF 24-105mm"}


def ours() -> list[Entry]:
    return [
        Entry("exif", "IFD0", "Make", "Canon", "Canon"),
        Entry("exif", "IFD0", "XResolution", 72.0, 72.0),
        Entry("exif", "IFD1", "XResolution", 180.0, 180.0),
        Entry("exif", "ExifIFD", "ExposureTime", 0.004, "1/250 s"),
        Entry("makernotes", "Canon", "LensType", 237, "Canon EF 24-105mm"),
    ]


def compared(entries):
    return compare(entries, list(of_exiftool(THEIRS, PRINTED)))


def test_what_agrees_is_counted_as_such():
    result = compared(ours())
    assert not result.differences
    exif, notes = result.scores["exif"], result.scores["makernotes"]
    assert (exif.theirs, exif.present, exif.equal, exif.printed_equal, exif.invented) == (4, 4, 4, 4, 0)
    assert (notes.theirs, notes.present, notes.equal) == (1, 1, 1)


@pytest.mark.parametrize(
    ("index", "changed", "kinds"),
    [
        (0, {"value": "Cannon", "printed": "Cannon"}, ["value", "printed"]),
        (0, {"name": "Maker"}, ["missing", "invented"]),
        (0, {"family": "xmp"}, ["missing", "invented"]),
        (2, {"value": 181.0, "printed": 181.0}, ["value", "printed"]),
        (3, {"value": 0.00401}, ["value"]),
        (3, {"value": 0.004 * (1 + 5e-6)}, ["value"]),
        (3, {"printed": "1/251 s"}, ["printed"]),
        (4, {"printed": "Canon EF 24-70mm"}, ["printed"]),
    ],
)
def test_planted_errors_are_seen(index, changed, kinds):
    entries = ours()
    entries[index] = entries[index]._replace(**changed)
    assert [each.kind for each in compared(entries).differences] == kinds


def test_a_missing_repeat_and_an_extra_one_are_seen():
    entries = ours()
    del entries[2]
    assert [each.kind for each in compared(entries).differences] == ["missing"]
    assert [each.kind for each in compared([*ours(), ours()[0]]).differences] == ["invented"]


def test_swapped_repeats_are_paired_by_their_values():
    entries = ours()
    entries[1], entries[2] = entries[1]._replace(group="IFD1"), entries[2]._replace(group="IFD0")
    assert not compared(entries).differences


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ([1, 2.5, 3], "1 2.5 3", True), ([1, 2], "1 3", False), ("a\0", "a", True), ("a b", "a  b", True), ("a", "b", False),
        ({"A": 1}, {"A": 1.0}, True), ({"A": 1}, {"B": 1}, False), (1e300, "1e300", True), ("", 0, False), (["x"], "x", True),
        (True, "True", True), ("0100", "0100", True), ("abc", "ABC", False),
    ],
)  # fmt: skip
def test_values_agree_by_meaning(left, right, equal):
    assert same(left, right) is equal


def test_printed_forms_may_have_our_units_and_no_others():
    assert (
        same_printed("f/2.8", 2.8) and same_printed("1/250 s", "1/250") and same_printed("a, b", ["a", "b"])
    )
    assert not same_printed("2.8 mm", 2.8) and not same_printed("f/2.8", 2.9)


def test_binary_values_agree_by_their_length_alone():
    theirs = [
        Entry("exif", "IFD1", "ThumbnailImage", "(Binary data 12 bytes, use -b option to extract)", None)
    ]
    for length, equal in ((12, 1), (13, 0)):
        mine = [Entry("exif", "IFD1", "ThumbnailImage", None, f"(Binary data {length} bytes)")]
        assert compare(mine, theirs).scores["exif"].equal == equal


def test_wire_documents_become_entries():
    document = document_pb2.Document()
    field = document.sections.add(name="exif").fields.add(name="FNumber", group="ExifIFD", text="f/2.8")
    field.value.rational.numerator, field.value.rational.denominator = 28, 10
    document.sections[0].fields.add(name="Gap", group="IFD0").raw.rational.numerator = 1
    assert list(of_document(document)) == [
        Entry("exif", "ExifIFD", "FNumber", 2.8, "f/2.8"),
        Entry("exif", "IFD0", "Gap", "inf", "inf"),
    ]


@pytest.mark.parametrize(
    ("ours_", "theirs", "is_same"),
    [
        (["one"], "one", True),
        (["one", "two"], "one", False),
        (b"abc", "(Binary data 3 bytes)", True),
        (b"abc", "(Binary data 4 bytes)", False),
        ("(Binary data 300 bytes)", "(Binary data 300 bytes, use -b option to extract)", True),
        ("(Binary data 300 bytes)", "(Binary data 301 bytes, use -b option to extract)", False),
        (None, "null", True),
        (None, "none", False),
        ("Größe", "Gr??e", True),
        ("Grosse", "Gr??se", False),
        ("Größe", "Gr?e", False),
    ],
)
def test_forms_of_one_value(ours_, theirs, is_same):
    assert same(ours_, theirs) is is_same


def test_a_judged_difference_counts_for_neither_side_and_its_like_elsewhere_does():
    from tests.support.judged import JUDGED, judge

    entries = [Entry("makernotes", "Nikon", "TiffMeteringImage", "x", "x"), *ours()[:4]]
    theirs = {**THEIRS, "MakerNotes:Nikon:TiffMeteringImage": "y"}
    printed = {**PRINTED, "MakerNotes:Nikon:TiffMeteringImage": "y"}
    for file, judged in (("made structures nikon 3.jpg", 1), ("a photograph.jpg", 0)):
        result = compare(entries, list(of_exiftool(theirs, printed)))
        before = result.scores["makernotes"]
        assert judge(file, result, b"") == judged
        after = result.scores["makernotes"]
        assert (before.theirs - after.theirs, before.present - after.present) == (judged, judged)
        assert [each.name for each in result.differences if each.kind == "missing"] == ["LensType"]
    assert all(each.reason for each in JUDGED)


def test_a_kind_that_follows_from_the_file_is_judged_in_the_unseen_half_too_and_nothing_else():
    from tests.golden.foreign import rar4
    from tests.support.judged import KINDS, judge

    data, size = rar4(), 12
    length = 32 + len(b"docs\\note.txt") - 11  # the header behind the size
    for more, judged in ((length, 1), (length + 1, 0)):
        theirs = {"ZIP:ZIP:CompressedSize": size + more}
        result = compare(
            [Entry("zip", "ZIP", "CompressedSize", size, str(size))], list(of_exiftool(theirs, theirs))
        )
        assert "value" in {each.kind for each in result.differences}
        assert judge("any.rar", result, data, is_unseen=True) == judged
    assert all(each.reason for each in KINDS)
