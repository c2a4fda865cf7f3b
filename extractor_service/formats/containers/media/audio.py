"""MP3, MP4, FLAC, Ogg and WAV: stream facts and tags, through tinytag."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, cast

from extractor_service.document import ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.isobmff import mp4
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


def parse_mp3(source: ByteSource, document: Document) -> None:
    """ID3 tags and the first frames."""
    _parse(source, document, "a.mp3")


def parse_flac(source: ByteSource, document: Document) -> None:
    """STREAMINFO and Vorbis comments."""
    _parse(source, document, "a.flac")


def parse_ogg(source: ByteSource, document: Document) -> None:
    """Identification and comment headers."""
    _parse(source, document, "a.ogg")


def parse_wav(source: ByteSource, document: Document) -> None:
    """The fmt chunk and INFO or ID3 tags."""
    _parse(source, document, "a.wav")


def parse_mp4(source: ByteSource, document: Document) -> None:
    """Movie and track headers by our own walker; tags by tinytag, which knows no video."""
    mp4.parse(source, document)
    try:
        _parse(source, document, "a.m4a")
    except CorruptFileError as error:
        if not document.sections:
            raise
        document.problem(SECTION, ProblemKind.UNSUPPORTED, str(error))


def _parse(source: ByteSource, document: Document, pretended_name: str) -> None:
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
            document.add(SECTION, name, value, unit=_UNITS.get(name, ""), group="Stream")
    for name, attribute in _TAGS:
        value = getattr(tag, attribute, None)
        if value not in {None, ""}:
            document.add(SECTION, name, value, group="Tag")
    for name, values in (tag.other or {}).items():
        for value in values:
            document.add(SECTION, name.title().replace("_", ""), str(value), group="Tag")
