"""Values calculated of films and sound: size, rotation, duration, rates, places. exiftool.org/TagNames/Composite.html.

They are what ExifTool calculates, by its formulas; what a film really is says the section "streams".
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from extractor_service.document import Field
from extractor_service.formats.reading.conversions import duration_text, sided_text
from extractor_service.modules.composite.facts import SECTION, as_number, plain
from extractor_service.modules.media_facts import place

if TYPE_CHECKING:
    from extractor_service.document import Document, Value

# Where the size of the picture stands: the film's own word before that of a coded picture.
_SIZES = ("quicktime", "matroska", "flash", "asf", "mpeg", "h264", "theora", "riff", "file")
_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def add(document: Document, size_bytes: int) -> None:
    """Adds what the fields of a film or sound of `size_bytes` allow."""
    _size(document)
    _film(document)
    _duration(document, size_bytes)
    _mpeg_rate(document)
    _id3_date(document)
    _place(document)


def _put(document: Document, name: str, value: Value, text: str = "", unit: str = "") -> None:
    document.add(SECTION, Field(name, value, text, unit, group="Composite"))


def _number(document: Document, section: str, name: str) -> float | None:
    field = document.find(section, name)
    return as_number(field.value) if field is not None else None


def _size(document: Document) -> None:
    for section in _SIZES:
        width, height = (_number(document, section, name) for name in ("ImageWidth", "ImageHeight"))
        if width and height:
            _put(document, "ImageSize", f"{width:g} {height:g}", f"{width:g}x{height:g}")
            megapixels = width * height / 1e6
            digits = 1 if megapixels >= 1 else 3 if megapixels >= 0.001 else 6
            _put(document, "Megapixels", megapixels, f"{megapixels:.{digits}f}", "Mpx")
            return


def _film(document: Document) -> None:
    """Rotation by the first picture track's matrix, and the mean rate of a QuickTime film."""
    fields = document.sections.get("quicktime", ())
    track = next((each.group for each in fields if each.name == "HandlerType" and each.value == "vide"), None)
    if track is not None:
        matrix = next(
            (each.value for each in fields if each.name == "MatrixStructure" and each.group == track), None
        )
        angle = _angle(matrix)
        if angle is not None:
            _put(document, "Rotation", angle, "", "deg")
    seconds = _number(document, "quicktime", "Duration")
    sizes = [each.value for each in fields if each.name == "MediaDataSize" and isinstance(each.value, int)]
    if seconds and sizes:
        rate = int(sum(sizes) * 8 / seconds + 0.5)
        _put(document, "AvgBitrate", rate, _rate_text(rate), "bit/s")


def _angle(matrix: Value) -> int | float | None:
    numbers = [each for each in matrix if isinstance(each, (int, float))] if isinstance(matrix, list) else []
    if len(numbers) < 2 or numbers[0] == numbers[1] == 0:
        return None
    angle = math.degrees(math.atan2(numbers[1], numbers[0])) % 360
    return plain(round(angle, 3))


def _rate_text(rate: float) -> str:
    """Three digits, in the unit that fits."""
    for unit in ("bps", "kbps", "Mbps"):
        if rate < 1000 or unit == "Mbps":
            return f"{rate:.3g} {unit}" if rate < 100 else f"{rate:.0f} {unit}"
        rate /= 1000
    return ""


def _duration(document: Document, size_bytes: int) -> None:
    exact = (
        _riff(document)
        or _quotient(document, "flac", "TotalSamples")
        or _quotient(document, "aiff", "NumSampleFrames")
        or _ape(document)
    )
    if exact:
        _put(document, "Duration", plain(exact), duration_text(exact), "s")
        return
    rough = _mpeg(document, size_bytes)
    if rough is None:
        nominal = _number(document, "vorbis", "NominalBitrate")
        rough = size_bytes * 8 / nominal if nominal else None
    if rough:
        _put(document, "Duration", plain(rough), f"{duration_text(rough)} (approx)", "s")


def _quotient(document: Document, section: str, samples: str) -> float | None:
    count, rate = _number(document, section, samples), _number(document, section, "SampleRate")
    return count / rate if count and rate else None


def _riff(document: Document) -> float | None:
    """Pictures by their rate; where the two headers differ by two or three, the stream's word (fields, not pictures)."""
    rate, count = _number(document, "riff", "FrameRate"), _number(document, "riff", "FrameCount")
    if count is not None:
        seconds = count / rate if rate else 0.0
        own_rate, own_count = (
            _number(document, "riff", "VideoFrameRate"),
            _number(document, "riff", "VideoFrameCount"),
        )
        if own_rate and own_count and seconds and 1.9 < seconds / (own_count / own_rate) < 3.1:
            seconds = own_count / own_rate
        return seconds or None
    speed = _number(document, "riff", "AvgBytesPerSec")
    size = _number(document, "riff", "MediaDataSize")
    return size / speed if size and speed and document.find("riff", "VideoFrameCount") is None else None


def _ape(document: Document) -> float | None:
    rate, frames, blocks, last = (
        _number(document, "ape", name)
        for name in ("SampleRate", "TotalFrames", "BlocksPerFrame", "FinalFrameBlocks")
    )
    return (
        ((frames - 1) * blocks + last) / rate
        if rate and frames and blocks is not None and last is not None
        else None
    )


def _frame_rate(document: Document) -> float | None:
    """Of MPEG audio: eighths of frames a second, as the formulas want it."""
    version, index = _number(document, "mpeg", "MPEGAudioVersion"), _number(document, "mpeg", "SampleRate")
    rates = _RATES.get(int(version)) if version is not None else None
    if rates is None or index is None or not 0 <= index < len(rates):
        return None
    return rates[int(index)] / (144 if version == 3 else 72)


def _mpeg(document: Document, size_bytes: int) -> float | None:
    frames, per_second = _number(document, "mpeg", "VBRFrames"), _frame_rate(document)
    if frames and per_second:
        return 8 * frames / per_second
    sound, video = (document.find("mpeg", name) for name in ("AudioBitrate", "VideoBitrate"))
    rates = [each.value for each in (sound, video) if each is not None]
    if not rates or not all(isinstance(each, int) and each for each in rates):
        return None
    tags = _number(document, "file", "ID3Size") or 0
    return 8 * (size_bytes - tags) / sum(each for each in rates if isinstance(each, int))


def _mpeg_rate(document: Document) -> None:
    frames, length, per_second = (
        _number(document, "mpeg", "VBRFrames"),
        _number(document, "mpeg", "VBRBytes"),
        _frame_rate(document),
    )
    if frames and length and per_second:
        rate = per_second * length / frames
        _put(document, "AudioBitrate", plain(rate), _rate_text(rate), "bit/s")


def _id3_date(document: Document) -> None:
    texts = {name: _text(document, name) for name in ("RecordingTime", "Year", "Date", "Time")}
    if texts["RecordingTime"]:
        _put(document, "DateTimeOriginal", texts["RecordingTime"])
        return
    date = texts["Year"]
    if not date:
        return
    if re.fullmatch(r"\d{4}", texts["Date"]):
        date += f":{texts['Date'][:2]}:{texts['Date'][2:]}"
        if re.fullmatch(r"\d{4}", texts["Time"]):
            date += f" {texts['Time'][:2]}:{texts['Time'][2:]}"
    _put(document, "DateTimeOriginal", date)


def _text(document: Document, name: str) -> str:
    field = document.find("id3", name)
    return str(field.value).strip() if field is not None and isinstance(field.value, str) else ""


def _place(document: Document) -> None:
    """Latitude, longitude and altitude of a film's place."""
    numbers = place(document)
    if not 2 <= len(numbers) <= 3:
        return
    shown = [sided_text(letters)(value) for value, letters in zip(numbers, ("NS", "EW"), strict=False)]
    for name, value, text in zip(("GPSLatitude", "GPSLongitude"), numbers, shown, strict=False):
        _put(document, name, plain(value), text, "deg")
    if len(numbers) == 3:
        _put(document, "GPSAltitude", plain(abs(numbers[2])), f"{abs(numbers[2]):g} m", "m")
        _put(
            document,
            "GPSAltitudeRef",
            int(numbers[2] < 0),
            "Below Sea Level" if numbers[2] < 0 else "Above Sea Level",
        )
    _put(document, "GPSPosition", f"{plain(numbers[0])} {plain(numbers[1])}", ", ".join(shown))
