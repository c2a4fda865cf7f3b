import pytest

from extractor_service.formats.base import Format, Magic
from extractor_service.formats.registry import FORMATS
from extractor_service.formats.sniff import sniff


@pytest.mark.parametrize("head", [b"", b"\0" * 1000, b"hello, world", b"\xff\xd8", b"SIMPLE  ", b"PK\3\4"])
def test_unknown_bytes_are_unknown(head):
    assert sniff(head, FORMATS) is None


def test_a_dicom_file_may_begin_like_a_tiff():
    assert sniff(b"II*\0" + bytes(124) + b"DICM", FORMATS).name == "dicom"


@pytest.mark.parametrize(
    ("brand", "name"), [(b"heic", "heic"), (b"mif1", "heic"), (b"avif", "avif"), (b"crx ", "cr3")]
)
def test_pictures_in_boxes_are_no_films(brand, name):
    assert sniff(bytes(4) + b"ftyp" + brand + bytes(20), FORMATS).name == name


def test_hdf5_behind_a_user_block_and_pdf_behind_garbage():
    assert sniff(bytes(2048) + b"\x89HDF\r\n\x1a\n", FORMATS).name == "hdf5"
    assert sniff(b"garbage\n" * 50 + b"%PDF-1.4", FORMATS).name == "pdf"
    assert sniff(bytes(1024) + b"%PDF-1.4", FORMATS) is None


def test_the_longest_magic_wins():
    short = Format("short", "", (), (Magic(b"AB"),), "", "1")
    long = Format("long", "", (), (Magic(b"ABCD"),), "", "1")
    assert sniff(b"ABCDEF", (short, long)) is long
    assert sniff(b"ABXX", (short, long)) is short
