"""The first key frame of a film, where the optional package `av` is installed (FFmpeg's libraries; PyAV, BSD)."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from extractor_service.formats.base import CorruptFileError
from extractor_service.sources.fileobj import BoundedFile

if TYPE_CHECKING:
    from PIL import Image

    from extractor_service.sources.base import ByteSource

_MAX_PIXELS = 40_000_000  # of a frame: 8K has 33 million
_MAX_PACKETS = 200  # looked at for a key frame; it is the first as a rule


def first(source: ByteSource, mime_type: str) -> Image.Image | None:
    """The frame in RGB; None where no decoder is installed, or it isn't a film.

    Raises:
        CorruptFileError: it can't be decoded.
    """
    if not mime_type.startswith("video/") or importlib.util.find_spec("av") is None:
        return None
    import av  # noqa: PLC0415 - 23 MiB, and optional

    try:
        with av.open(BoundedFile(source), metadata_errors="ignore") as container:
            stream = container.streams.video[0]
            stream.codec_context.skip_frame = "NONKEY"
            stream.thread_count = 1
            if stream.codec_context.width * stream.codec_context.height > _MAX_PIXELS:
                raise CorruptFileError("its frames are too large to be decoded here")
            for number, packet in enumerate(container.demux(stream)):
                for frame in packet.decode():
                    image: Image.Image = frame.to_image()
                    return image
                if number > _MAX_PACKETS:
                    break
    except (av.error.FFmpegError, IndexError, ValueError) as error:
        raise CorruptFileError(f"its first frame can't be decoded: {error}"[:300]) from error
    return None
