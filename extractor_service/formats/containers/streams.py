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
_TIMES = frozenset({"Duration", "Start"})
_UNITS = {
    "Width": "px", "Height": "px", "DisplayWidth": "px", "DisplayHeight": "px", "Rotation": "deg", "FrameRate": "fps",
    "SampleRate": "Hz", "BitsPerSample": "bit", "BitRate": "bit/s", "Duration": "s", "Start": "s",
}  # fmt: skip


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
    _put(document, "Container", "Duration", None if duration is None else _rounded(duration))
    if duration and size_bytes:
        _put(document, "Container", "BitRate", round(size_bytes * 8 / duration))
    _put(document, "Container", "Chapters", len(chapters) or None)
    for number, each in enumerate(found, 1):
        group = f"Stream{number}"
        seconds = each.duration
        values: tuple[tuple[str, Value], ...] = (
            ("Kind", each.kind), ("Codec", each.codec), ("Profile", each.profile), ("Title", each.title), ("Language", each.language),
            ("Width", each.width), ("Height", each.height), ("DisplayWidth", each.display_width), ("DisplayHeight", each.display_height),
            ("Rotation", each.rotation), ("IsMirrored", each.is_mirrored or None), ("FrameRate", None if each.frame_rate is None else round(each.frame_rate, 4)),
            ("IsVariableFrameRate", each.is_variable or None), ("Color", each.color),
            ("Timecode", each.timecode), ("Channels", each.channels), ("SampleRate", each.sample_rate), ("BitsPerSample", each.bits), ("BitRate", each.bit_rate),
            ("Duration", None if seconds is None or not _LEAST_SECONDS <= seconds <= _MOST_SECONDS else _rounded(seconds)),
        )  # fmt: skip
        for name, value in values:
            if value:
                _put(document, group, name, value)
    for number, chapter in enumerate(chapters, 1):
        _put(document, f"Chapter{number}", "Start", _rounded(chapter.start))
        _put(document, f"Chapter{number}", "Title", chapter.title or None)


def _rounded(seconds: float) -> float:
    return round(seconds, 6)


def _put(document: Document, group: str, name: str, value: Value) -> None:
    if value is not None:
        text = duration_text(value) if name in _TIMES and isinstance(value, float) else ""
        field = Field(name, value, text, _UNITS.get(name, ""), group=group)
        if type(value) is str:
            document.add(SECTION, field)
        else:
            document.put(SECTION, field, _NUMBER_BYTES + len(name) + len(text) + len(group))
