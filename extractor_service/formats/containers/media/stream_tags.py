"""Facts and tags of a sound stream, through tinytag: what the formats of this folder share."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, cast

from extractor_service.document import Field
from extractor_service.formats.base import CorruptFileError
from extractor_service.sources.fileobj import SourceFile

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.sources.base import ByteSource

SECTION = "audio"
_UNITS = {"Duration": "s", "AudioBitrate": "kbit/s", "SampleRate": "Hz", "BitsPerSample": "bit"}
_FACTS = (
    ("Duration", "duration"),
    ("AudioBitrate", "bitrate"),
    ("SampleRate", "samplerate"),
    ("Channels", "channels"),
    ("BitsPerSample", "bitdepth"),
)
_TAGS = (
    ("Title", "title"),
    ("Artist", "artist"),
    ("Album", "album"),
    ("AlbumArtist", "albumartist"),
    ("Composer", "composer"),
    ("Track", "track"),
    ("TrackTotal", "track_total"),
    ("Disc", "disc"),
    ("DiscTotal", "disc_total"),
    ("Genre", "genre"),
    ("Year", "year"),
    ("Comment", "comment"),
)


def parse(source: ByteSource, document: Document, pretended_name: str) -> None:
    """Adds the section "audio"; raises CorruptFileError. tinytag chooses its parser by the ending of `pretended_name`."""
    import tinytag  # noqa: PLC0415 - in workers only

    file = cast("BinaryIO", SourceFile(source))
    try:
        # tinytag chooses its parser by name where it has one; the name here is our sniffer's verdict.
        tag = tinytag.TinyTag.get(filename=pretended_name, file_obj=file)
    except MemoryError:
        raise
    except Exception as error:  # struct.error, KeyError and others on damaged files
        raise CorruptFileError(f"{type(error).__name__}: {error}") from error
    for name, attribute in _FACTS:
        value = getattr(tag, attribute, None)
        if value is not None:
            document.add(SECTION, Field(name, value, unit=_UNITS.get(name, ""), group="Stream"))
    for name, attribute in _TAGS:
        value = getattr(tag, attribute, None)
        if value not in {None, ""}:
            document.add(SECTION, Field(name, value, group="Tag"))
    for name, values in (tag.other or {}).items():
        for value in values:
            document.add(SECTION, Field(name.title().replace("_", ""), str(value), group="Tag"))
