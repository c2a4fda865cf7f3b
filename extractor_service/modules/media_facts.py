"""The common facts of films and sound, out of the section "streams": the first stream of each kind counts.

Width and height are those of the coded picture; how it is shown, and by how much it is turned, stand beside them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from extractor_service.formats.containers.streams import SECTION

if TYPE_CHECKING:
    from extractor_service.document import Common, Document, Value

# EXIF's, by degrees clockwise, and whether the picture is mirrored before.
_ORIENTATIONS = {(90, False): 6, (180, False): 3, (270, False): 8, (0, True): 2, (90, True): 7, (180, True): 4, (270, True): 5}  # fmt: skip


_LOCATION = re.compile(r"(Lat|Lon|Alt)=([-+.\d]+)")
_EARTH = re.compile(r"Body=(?!earth\b)", re.IGNORECASE)


def place(document: Document) -> list[float]:
    """Latitude, longitude and, where stated, altitude of a film: ISO 6709 in its tags, or 3GPP's location on Earth; [] for none."""
    found = document.find("quicktime", "GPSCoordinates")
    if found is not None and isinstance(found.value, list):
        return [float(each) for each in found.value if isinstance(each, (int, float))]
    told = document.find("quicktime", "LocationInformation")
    if told is None or not isinstance(told.value, str) or _EARTH.search(told.value):
        return []
    parts = dict(_LOCATION.findall(told.value))
    return [float(parts[key]) for key in ("Lat", "Lon", "Alt") if key in parts]


def add(document: Document) -> None:
    """Fills what the streams say; what they don't stays."""
    groups: dict[str, dict[str, Value]] = {}
    for field in document.sections.get(SECTION, ()):
        groups.setdefault(field.group, {})[field.name] = field.value
    whole = groups.pop("Container", {})
    video = next((each for each in groups.values() if each.get("Kind") == "video"), {})
    audio = next((each for each in groups.values() if each.get("Kind") == "audio"), {})
    common = document.common
    common.duration_seconds = _number(whole.get("Duration")) or common.duration_seconds
    common.bits_per_second = _whole(whole.get("BitRate"))
    common.video_codec, common.audio_codec = str(video.get("Codec") or ""), str(audio.get("Codec") or "")
    common.audio_channels, common.sample_rate_hertz = (
        _whole(audio.get("Channels")),
        _whole(audio.get("SampleRate")),
    )
    _picture(common, video)


def _picture(common: Common, video: dict[str, Value]) -> None:
    width, height = _whole(video.get("Width")), _whole(video.get("Height"))
    common.frames_per_second = _number(video.get("FrameRate"))
    if width is None or height is None:
        return
    common.width_pixels, common.height_pixels = width, height
    common.display_width_pixels = _whole(video.get("DisplayWidth")) or width
    common.display_height_pixels = _whole(video.get("DisplayHeight")) or height
    turned = _whole(video.get("Rotation")) or 0, bool(video.get("IsMirrored"))
    common.orientation = _ORIENTATIONS.get(turned, common.orientation)


def _number(value: Value) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if value > 0 else None


def _whole(value: Value) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < 2**32 else None
