import io

import numpy as np
import pytest
from PIL import Image

from extractor_service.document import Document, LimitExceededError
from extractor_service.formats.base import CorruptFileError
from extractor_service.modules.pixels import decode, hashes, pdq
from extractor_service.modules.pixels.decode import NoPictureError, Pixels
from extractor_service.sources.descriptor import BytesSource


def synthetic(kind: str, columns: int, rows: int):
    """Pictures by whole numbers, of which hashes by Meta's own reference were published."""
    y, x = np.mgrid[0:rows, 0:columns].astype(np.int64)
    if kind == "rings":
        parts = ((x * x + 3 * y * y) // 97) % 256, (x * 255) // (columns - 1), ((x ^ y) * 7) % 256
    elif kind == "blocks":
        parts = ((x // 23 + y // 17) % 5) * 60, ((x // 41) * 37 + (y // 13) * 11) % 256, (x * y // 311) % 256
    else:
        parts = ((x + 2 * y) // 3) % 256, ((3 * x - y) % 509) // 2, ((x // 9) * (y // 7)) % 256
    return Image.fromarray(np.stack(parts, -1).astype(np.uint8))


RINGS, BLOCKS, DIAGONAL = ("rings", 300, 200), ("blocks", 512, 384), ("diagonal", 97, 131)


@pytest.mark.parametrize(
    ("picture", "expected", "quality"),
    [
        (RINGS, "658feb3056c72d9c7a6056c7259f29384a60da63d4cfb59fa59ca938a930ab30", 100),
        (BLOCKS, "c9cc0e97d5c0f17f15ba339e61bfeb009677cc00ea66ccd1ea858cad6e18cc42", 100),
        (DIAGONAL, "f3dbce6f39b8c6e721994c661118c44211908462e108fc02ff00ffc0fff0fffc", 62),
    ],
)
def test_pdq_as_published(picture, expected, quality):
    assert pdq.pdq(synthetic(*picture)) == (expected, quality)


def test_pdq_of_what_is_too_small_or_blank():
    assert pdq.pdq(Image.new("RGB", (4, 9))) == ("0" * 64, 0)
    assert pdq.pdq(Image.new("RGB", (200, 100), (128, 128, 128))).quality == 0


@pytest.mark.parametrize(
    ("picture", "average", "difference", "frequency"),
    [
        (RINGS, "1f1f0f0f0f0f0f0f", "f7efdfffffffffff", "820e061e1cfdf9e3"),
        (BLOCKS, "1133674ecc993933", "f7e7ce9c397b77e7", "8c250c5b505d7f7c"),
        (DIAGONAL, "018181c1c1e3e3f3", "7f7f3f3f9f9fcfcf", "fb1f872188338c73"),
    ],
)
def test_hashes_as_imagehash_has_them(picture, average, difference, frequency):
    grey = synthetic(*picture).convert("L")
    assert (hashes.average(grey), hashes.difference(grey), hashes.frequency(grey)) == (
        average,
        difference,
        frequency,
    )


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(("kind", "mime_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/gif"), ("BMP", "image/bmp"), ("TIFF", "image/tiff"), ("PPM", "image/x-portable-anymap")])  # fmt: skip
def test_pictures_of_all_kinds_look_the_same(kind, mime_type):
    original = synthetic(*BLOCKS)
    pixels = Pixels(BytesSource(encoded(original, kind)), mime_type)
    far = int(hashes.frequency(pixels.main(Document()).convert("L")), 16) ^ int(
        hashes.frequency(original.convert("L")), 16
    )
    assert far.bit_count() <= 4 and pixels.origin == "image"


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same():
    large = synthetic(*RINGS).resize((4800, 3200))
    decoded = Pixels(BytesSource(encoded(large, "JPEG")), "image/jpeg").main(Document())
    assert decoded.size == (1200, 800)  # a quarter: an eighth would be below 512
    assert (int(pdq.pdq(decoded).hash, 16) ^ int(pdq.pdq(large).hash, 16)).bit_count() <= 10


def test_what_is_too_large_damaged_or_no_picture_is_told(monkeypatch):
    data = encoded(synthetic(*RINGS), "PNG")
    monkeypatch.setattr(decode, "MAX_DECODED_BYTES", 300 * 200 * 3 - 1)
    with pytest.raises(LimitExceededError, match="300 × 200"):
        Pixels(BytesSource(data), "image/png").main(Document())
    monkeypatch.undo()
    with pytest.raises(CorruptFileError):
        Pixels(BytesSource(data[:200]), "image/png").main(Document())
    with pytest.raises(CorruptFileError):  # another format than the one that it is known for is not tried
        Pixels(BytesSource(data), "image/jpeg").main(Document())
    with pytest.raises(NoPictureError):
        Pixels(BytesSource(b"abc"), "video/mp4").main(Document())


def test_deep_grey_pictures_are_seen():
    deep = Image.fromarray(np.arange(256 * 256, dtype=np.uint16).reshape(256, 256))
    assert Pixels(BytesSource(encoded(deep, "PNG")), "image/png").main(Document()).getextrema() == (0, 255)
