"""The module of sound facts: loudness by tags, and the silence that encoders put at the ends, by headers alone.

ReplayGain 1.0 and 2.0 (wiki.hydrogenaud.io), R128 gains of Opus (RFC 7845, 5.2.1: 1/256 dB against -23 LUFS), the LAME tag's delay and
padding, iTunes' iTunSMPB, Opus's pre-skip.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.modules.base import CostClass, Lifetime, Module
from extractor_service.modules.content import sound

if TYPE_CHECKING:
    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

SECTION = "sound_facts"
_GAINS = {
    "replaygaintrackgain": ("TrackGain", "dB"), "replaygainalbumgain": ("AlbumGain", "dB"),
    "replaygaintrackpeak": ("TrackPeak", "1"), "replaygainalbumpeak": ("AlbumPeak", "1"),
    "replaygainreferenceloudness": ("ReferenceLoudness", "dB"),
}  # fmt: skip
_R128 = {"r128trackgain": "R128TrackGain", "r128albumgain": "R128AlbumGain"}
_SMPB = re.compile(r"^\s*[0-9A-Fa-f]+\s+([0-9A-Fa-f]{8})\s+([0-9A-Fa-f]{8})\s+([0-9A-Fa-f]{16})")
_NUMBER = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)\s*(?:dB)?\s*(?:LUFS)?\s*$", re.IGNORECASE)
_NOT_LETTERS = re.compile(r"[^a-z0-9]")
_TAGS = ("id3", "vorbis", "ape", "quicktime", "matroska", "asf", "mpc")
_GAIN_RANGE_DECIBELS, _MOST_PEAK = 80.0, 32.0  # beyond, it is no gain
_HEAD_BYTES = 8192  # in which a first frame's tag stands
_LAME_DELAY_AT = 141  # from "Xing": delay and padding, 12 bits each (gabriel.mp3-tech.org/mp3infotag.html)


class SoundModule(Module):
    """Gains, peaks, delay and padding."""

    name = "sound_facts"
    version = "1"
    description = (
        "Loudness by ReplayGain and R128 tags, and the encoder's silence at both ends, by headers alone."
    )
    writes = (SECTION,)
    sets = ("advanced",)
    reads = ("metadata",)
    cost_class = CostClass.RANGES
    lifetime = Lifetime.MODULE

    def applies(self, context: ModuleContext) -> bool:
        """To sound and films."""
        return context.format is not None and context.format.mime_type.startswith(("audio/", "video/"))

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Adds the section "sound_facts"; what can't be a gain isn't told."""
        _gains(document)
        name = context.format.name if context.format is not None else ""
        if name == "mp3":
            _lame(source, document)
        elif name == "ogg":
            _opus(source, document)


def _gains(document: Document) -> None:
    seen: set[str] = set()
    for section in _TAGS:
        for field in list(document.sections.get(section, ())):
            key = _NOT_LETTERS.sub("", f"{field.name}".lower()).removeprefix("userdefinedtext")
            if (
                isinstance(field.value, str)
                and field.name in {"iTunSMPB", "ITunSMPB"}
                and "Delay" not in seen
            ):
                seen.add("Delay")
                _smpb(document, field.value)
            number = _number(field.value)
            if number is None:
                continue
            name, unit, value = "", "dB", number
            if key in _GAINS:
                name, unit = _GAINS[key]
                is_good = abs(value) < _GAIN_RANGE_DECIBELS * 2 if unit == "dB" else 0 <= value < _MOST_PEAK
            elif key in _R128:
                name, value = _R128[key], number / 256
                is_good = abs(value) < _GAIN_RANGE_DECIBELS
            if name and name not in seen and is_good:
                seen.add(name)
                document.add(SECTION, Field(name, value, unit=unit, group=section, origin=field.origin))


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    found = _NUMBER.match(value) if isinstance(value, str) else None
    return float(found[1]) if found else None


def _smpb(document: Document, text: str) -> None:
    found = _SMPB.match(text)
    if found:
        for name, digits in zip(
            ("EncoderDelay", "EncoderPadding", "SampleCount"), found.groups(), strict=True
        ):
            document.add(SECTION, Field(name, int(digits, 16), unit="{sample}", group="iTunSMPB"))


def _lame(source: ByteSource, document: Document) -> None:
    start, _ = sound.mpeg_span(source)
    head = source.read_range(start, _HEAD_BYTES)
    at = max(head.find(b"Xing"), head.find(b"Info"))
    tag = head[at : at + 160]
    if at < 0 or len(tag) < _LAME_DELAY_AT + 3 or not tag[120:124].isalnum():
        return
    both = int.from_bytes(tag[_LAME_DELAY_AT : _LAME_DELAY_AT + 3])
    delay, padding = both >> 12, both & 0xFFF
    if delay or padding:
        document.add(SECTION, Field("EncoderDelay", delay, unit="{sample}", group="LAME"))
        document.add(SECTION, Field("EncoderPadding", padding, unit="{sample}", group="LAME"))


def _opus(source: ByteSource, document: Document) -> None:
    head = source.read_range(0, 256)
    at = head.find(b"OpusHead")
    if at < 0 or at + 19 > len(head):
        return
    skip, gain = (
        int.from_bytes(head[at + 10 : at + 12], "little"),
        int.from_bytes(head[at + 16 : at + 18], "little", signed=True),
    )
    document.add(SECTION, Field("EncoderDelay", skip, unit="{sample}", group="Opus", note="at 48 kHz"))
    if gain:
        document.add(SECTION, Field("OutputGain", gain / 256, unit="dB", group="Opus"))
