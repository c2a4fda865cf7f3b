"""What a film or a sound consists of, said in one way for all containers: section "streams".

Names of codecs are those of ffprobe, which people know: "h264", "aac". The group "Container" has what holds for the whole,
"Stream1" and so on what holds for one stream, "Chapter1" and so on where a chapter begins. Where a container doesn't say a thing, there is no field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from extractor_service.document import Field
from extractor_service.formats.reading.conversions import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extractor_service.document import Document, Value

SECTION = "streams"
_LEAST_SECONDS, _MOST_SECONDS = (
    1e-6,
    400 * 86400,
)  # nothing plays longer than a year; such durations are no durations
_NUMBER_BYTES = 9  # of a document, as its own count has them
_SHORT = 1024  # characters; longer titles may have to be cut
# What is said of a stream, in this order, and its unit.
_OF_STREAM = (
    ("Kind", ""), ("Codec", ""), ("Profile", ""), ("Title", ""), ("Language", ""), ("Width", "px"), ("Height", "px"),
    ("DisplayWidth", "px"), ("DisplayHeight", "px"), ("Rotation", "deg"), ("IsMirrored", ""), ("FrameRate", "fps"),
    ("IsVariableFrameRate", ""), ("Color", ""), ("Timecode", ""), ("Channels", ""), ("SampleRate", "Hz"), ("BitsPerSample", "bit"),
    ("BitRate", "bit/s"), ("Duration", "s"),
)  # fmt: skip


@dataclass
class Stream:
    """One stream; None and "" are unknown."""

    kind: str = ""
    """"video", "audio", "subtitle", "picture", "data"."""
    codec: str = ""
    """By ffprobe's name."""
    profile: str = ""
    language: str = ""
    """As the container has it."""
    width: int | None = None
    """As stored, in pixels."""
    height: int | None = None
    display_width: int | None = None
    """As shown, before rotation, in pixels; only where it differs."""
    display_height: int | None = None
    rotation: int | None = None
    """Degrees clockwise by which it is turned for showing: 90, 180, 270."""
    is_mirrored: bool = False
    """Whether left and right change places, before it is turned."""
    frame_rate: float | None = None
    """Pictures a second, on average."""
    is_variable: bool = False
    """Whether pictures are of different durations."""
    color: str = ""
    """"primaries/transfer/matrix", by the names of ISO/IEC 23091-2."""
    channels: int | None = None
    sample_rate: int | None = None
    """Of the sound, in Hz."""
    bits: int | None = None
    """Of a sample, where it isn't compressed with loss."""
    bit_rate: int | None = None
    """Bits a second, as stated or counted."""
    duration: float | None = None
    """Seconds."""
    title: str = ""
    timecode: str = ""
    """At its beginning: "01:00:00:02", ";" before the frames where numbers are dropped."""


class Chapter(NamedTuple):
    """Where a chapter begins, in seconds, and how it is called."""

    start: float
    title: str


def add(
    document: Document,
    found: Sequence[Stream],
    duration: float | None = None,
    *,
    size_bytes: int = 0,
    chapters: Sequence[Chapter] = (),
) -> None:
    """Adds all streams; `size_bytes`, with a duration, gives the rate of the whole."""
    if duration is not None and not _LEAST_SECONDS <= duration <= _MOST_SECONDS:
        duration = None
    _put(document, "Container", "Duration", None if duration is None else _rounded(duration), "s")
    if duration and size_bytes:
        _put(document, "Container", "BitRate", round(size_bytes * 8 / duration), "bit/s")
    _put(document, "Container", "Chapters", len(chapters) or None)
    for number, each in enumerate(found, 1):
        group = f"Stream{number}"
        seconds = each.duration
        if seconds is not None:
            seconds = _rounded(seconds) if _LEAST_SECONDS <= seconds <= _MOST_SECONDS else None
        values: tuple[Value, ...] = (
            each.kind, each.codec, each.profile, each.title, each.language,
            each.width, each.height, each.display_width, each.display_height, each.rotation, each.is_mirrored,
            each.frame_rate and round(each.frame_rate, 4), each.is_variable, each.color, each.timecode,
            each.channels, each.sample_rate, each.bits, each.bit_rate, seconds,
        )  # fmt: skip
        for (name, unit), value in zip(_OF_STREAM, values, strict=True):
            if value:
                _put(document, group, name, value, unit)
    for number, chapter in enumerate(chapters, 1):
        _put(document, f"Chapter{number}", "Start", _rounded(chapter.start), "s")
        _put(document, f"Chapter{number}", "Title", chapter.title or None)


def _rounded(seconds: float) -> float:
    return round(seconds, 6)


def _put(document: Document, group: str, name: str, value: Value, unit: str = "") -> None:
    if value is not None:
        text = duration_text(value) if unit == "s" and isinstance(value, float) else ""
        field = Field(name, value, text, unit, None, group)
        if type(value) is not str:
            document.put(SECTION, field, _NUMBER_BYTES + len(name) + len(text) + len(group))
        elif len(value) < _SHORT and value.isascii():
            document.put(SECTION, field, len(value) + len(name) + len(group))
        else:
            document.add(SECTION, field)
