from extractor_service.formats.base import Format, Magic
from extractor_service.formats.registry import FORMATS
from extractor_service.formats.sniff import sniff


def test_bytes_that_no_reader_knows():
    assert sniff(b"", FORMATS) is None
    assert sniff(b"hello, world", FORMATS) is None


def test_a_magic_in_its_place_goes_before_one_that_may_stand_anywhere():
    assert sniff(b"II*\0" + bytes(124) + b"DICM", FORMATS).format.name == "dicom"
    found = sniff(b"garbage\n" * 50 + b"%PDF-1.4", FORMATS)
    assert found.format.name == "pdf" and not found.is_in_place


def test_the_longest_magic_wins():
    short = Format("short", "", (), (Magic(b"AB"),), "", "1")
    long = Format("long", "", (), (Magic(b"ABCD"),), "", "1")
    assert sniff(b"ABCDEF", (short, long)).format is long
    assert sniff(b"ABXX", (short, long)).format is short
