"""The one way to a file's pixels: decoded in a worker of its own kind, when a module first asks, bounded and scaled.

Pillow decodes, of the formats named here alone, and refuses what is larger than its own limit; JPEG is decoded at a fraction of its
size (`draft`), as hashes need no more.
"""

from __future__ import annotations

import io
import struct
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from extractor_service.document import HardLimitError
from extractor_service.formats.base import CorruptFileError
from extractor_service.sources.fileobj import BoundedFile

if TYPE_CHECKING:
    from PIL import Image

    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

MAX_DECODED_BYTES = 256 * 1024 * 1024
"""Of a picture as its decoder holds it: half of what a worker may have, of which 85 megapixels in three colours are."""
# Of a JPEG that is decoded in smaller: an eighth in each direction are 16 million
_MOST_DRAFT_PIXELS = 1_000_000_000
_PROGRESSIVE_BYTES = 6  # a pixel: its decoder holds all coefficients, of 16 bits
_MOST_SIDE = 4096  # after reduction, of pictures that are long and thin
LEAST_SIDE = 512
"""A picture is scaled down while decoded, but not below this short side, in pixels."""
_DECODERS = {
    "image/jpeg": "JPEG", "image/png": "PNG", "image/gif": "GIF", "image/webp": "WEBP", "image/bmp": "BMP", "image/tiff": "TIFF",
    "image/x-portable-anymap": "PPM", "image/x-tga": "TGA", "image/x-pcx": "PCX", "image/x-icon": "ICO", "image/jp2": "JPEG2000",
    "image/avif": "AVIF",
}  # fmt: skip
_INSIDE = (
    "JpgFromRaw",
    "PreviewImage",
    "OtherImage",
    "ThumbnailImage",
    "CoverArt",
    "Picture",
    "ThumbnailTIFF",
)
"""Fields of pictures within a file, the largest first."""
_HEADS = {b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG"}
_MAX_INSIDE_BYTES = 64 * 1024 * 1024  # of a preview: of a raw file of 100 megapixels it takes 20
THUMBNAIL = "ThumbnailImage"


class NoPictureError(Exception):
    """There is no picture in the file that can be decoded here; it may be sound all the same."""


class Pixels:
    """The picture of one file."""

    def __init__(self, source: ByteSource, mime_type: str) -> None:
        self._source = source
        self._mime_type = mime_type
        self._main: Image.Image | None = None
        self.origin = ""
        """What was decoded last: "image", or the field of a picture within the file."""

    def main(self, document: Document) -> Image.Image:
        """The picture itself, in RGB; of what can't be decoded here, the largest picture that stands within it.

        Raises:
            NoPictureError: there is none.
            CorruptFileError: it is damaged.
            LimitExceededError: it is too large.
        """
        if self._main is None:
            decoder = _DECODERS.get(self._mime_type)
            if decoder is not None:
                self.origin = "image"
                file = BoundedFile(self._source)
                self._main = _decoded(file, decoder)
            else:
                self._main = self._within(document)
        return self._main

    def thumbnail(self, document: Document) -> Image.Image | None:
        """The thumbnail that EXIF holds, in RGB; None where there is none."""
        field = document.find("exif", THUMBNAIL)
        data = self._bytes_of(field)
        return None if data is None else _decoded(io.BytesIO(data[1]), data[0])

    def _within(self, document: Document) -> Image.Image:
        for name in _INSIDE:
            for section in document.sections:
                data = self._bytes_of(document.find(section, name))
                if data is not None:
                    self.origin = f"{section}.{name}"
                    return _decoded(io.BytesIO(data[1]), data[0])
        from extractor_service.modules.pixels import key_frame  # noqa: PLC0415 - only where it is needed

        frame = key_frame.first(self._source, self._mime_type)
        if frame is None:
            raise NoPictureError(
                f"no picture of {self._mime_type} can be decoded here, and none that can stands in it"
            )
        self.origin = "first key frame"
        return frame

    def _bytes_of(self, field: Any) -> tuple[str, bytes] | None:
        """The decoder and the bytes of a picture within the file."""
        origin = field.origin if field is not None else None
        if origin is None or not 0 < origin.length_bytes <= _MAX_INSIDE_BYTES:
            return None
        data = self._source.read_range(origin.offset_bytes, origin.length_bytes)
        decoder = next((_HEADS[head] for head in _HEADS if data.startswith(head)), None)
        return None if decoder is None else (decoder, data)


def _decoded(file: BinaryIO, decoder: str) -> Image.Image:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - loaded where pictures are decoded

    Image.MAX_IMAGE_PIXELS = None  # its own limit warns; ours refuses, and knows what can be scaled
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about metadata, which is read elsewhere
            image: Image.Image = Image.open(file, formats=[decoder])
            _check_size(image, decoder)
            width, height = image.size
            shrink = min(width, height) // LEAST_SIDE
            if decoder == "JPEG" and shrink >= 2:
                # In grey, which the file has apart from its colours: a third less to decode. Pillow takes the power of two that leaves at
                # least the size.
                image.draft("L" if image.mode in {"RGB", "L"} else None, (width // shrink, height // shrink))
            image.load()
            return _plain(_reduced(image))
    except (
        UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, RuntimeError, struct.error,
        ZeroDivisionError, OverflowError,
    ) as error:  # fmt: skip
        raise CorruptFileError(f"its picture can't be decoded: {error}"[:300]) from error


def _check_size(image: Image.Image, decoder: str) -> None:
    """Raises LimitExceededError for what would take more memory than there is."""
    width, height = image.size
    pixels = width * height
    a_pixel = len(image.getbands()) * (4 if image.mode[:1] in {"I", "F"} else 1)
    if decoder == "JPEG" and image.info.get("progressive"):
        a_pixel = max(a_pixel, _PROGRESSIVE_BYTES)
    elif decoder == "JPEG" and pixels <= _MOST_DRAFT_PIXELS and min(width, height) >= 8 * LEAST_SIDE:
        a_pixel = 0
    elif decoder in {"GIF", "WEBP", "AVIF"}:
        a_pixel = 8  # the frame, and what it is drawn on
    if pixels * a_pixel > MAX_DECODED_BYTES:
        raise HardLimitError(
            f"a picture of {width} × {height} pixels isn't decoded: it would take {pixels * a_pixel} bytes"
        )


def _reduced(image: Image.Image) -> Image.Image:
    """By whole numbers in each direction, so that enough for hashes is left and no more."""
    width, height = image.size
    both = max(1, min(width, height) // LEAST_SIDE)
    factors = max(both, -(-width // _MOST_SIDE)), max(both, -(-height // _MOST_SIDE))
    if factors == (1, 1):
        return image
    if image.mode in {"P", "1"}:
        image = image.convert("RGB" if image.mode == "P" else "L")
    return image.reduce(factors)


def _plain(image: Image.Image) -> Image.Image:
    if image.mode in {"RGB", "L"}:
        return image
    if image.mode.startswith(("I;16", "I", "F")):
        return _from_deep(image)
    return image.convert("RGB")


def _from_deep(image: Image.Image) -> Image.Image:
    """A grey picture of more than 8 bits, from its darkest to its brightest."""
    low, high = cast("tuple[float, float]", image.convert("F").getextrema())
    scale = 255.0 / (high - low) if high > low else 0.0
    return image.convert("F").point(lambda value: (value - low) * scale).convert("L")
