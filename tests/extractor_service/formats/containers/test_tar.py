"""Headers of tar are believed by their sum, which old programs took of signed bytes."""

import io
import tarfile

import pytest

from tests.extractor_service.formats.test_documents import document, members


def archive(checksum):
    """One member with a name above ASCII, whose header has the sum that `checksum` makes of its bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT, encoding="latin-1") as file:
        file.addfile(tarfile.TarInfo("größe"), io.BytesIO())
    data = bytearray(packed.getvalue())
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % checksum(data[:512])
    return bytes(data)


@pytest.mark.parametrize(
    "checksum", [sum, lambda header: sum(each - 256 if each > 127 else each for each in header)]
)
def test_both_sums_are_right(checksum):
    found = document(archive(checksum), "a.tar")
    assert [each["Name"] for each in members(found)] == ["gr\ufffd\ufffde"] and not found.problems


@pytest.mark.parametrize("off", [-256, 1, 256, 513])
def test_any_other_is_wrong(off):
    found = document(archive(lambda header: sum(header) + off), "a.tar")
    assert not found.sections.get("archive")
