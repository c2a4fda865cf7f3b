"""Duration, size, codec, rate and channels of films and sounds, against ffprobe; mediainfo, or the sum of the packets, judges where the two differ."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from metaextract_client.oracle.entries import plain
from tests.support import corpus
from tests.support.evidence import Evidence
from tests.tools import media
from tests.tools.accuracy import document_of

if TYPE_CHECKING:
    from pathlib import Path

_SECONDS = 0.06  # ffprobe's durations come from samples, headers' from ticks: a frame apart is the same
_SHARE = 0.01
_LAYERS = {"Layer 1": "mp1", "Layer 2": "mp2", "Layer 3": "mp3"}
_FACTS = {
    "video": (("codec_name", "Codec"), ("width", "Width"), ("height", "Height")),
    "audio": (("codec_name", "Codec"), ("channels", "Channels"), ("sample_rate", "SampleRate")),
}


def run(name: str) -> Evidence:
    """Every fact of every stream that ffprobe finds; what differs is printed."""
    evidence = Evidence(name)
    if shutil.which("ffprobe") is None:
        print("ffprobe isn't installed: nothing was measured")
        return evidence
    for case, files in (
        ("the corpus", corpus.media_files()),
        ("made by ffmpeg, sox, mkvmerge", media.made()),
    ):
        right, all_of, confirmed = Counter[str](), Counter[str](), Counter[str]()
        read = 0
        for path in files:
            told = _ffprobe(path)
            if not told.get("streams"):
                continue
            read += 1
            ours = _ours(path)
            for fact, same, what in _compared(told, ours):
                all_of[fact] += 1
                right[fact] += same
                if not same:
                    agrees = _agrees(path, fact, ours)
                    confirmed[fact] += agrees
                    judged = "a third reading has it as we do" if agrees else ""
                    print(f"  {path.parent.name}/{path.name}: {fact} {what} {judged}")
        evidence.single(case, "files that ffprobe reads", "count", read)
        for fact in sorted(all_of):
            share = 100 * right[fact] / all_of[fact]
            evidence.single(case, f"{fact} equal, of {all_of[fact]}", "%", share)
            share += 100 * confirmed[fact] / all_of[fact]
            evidence.single(case, f"{fact} equal, or confirmed by mediainfo", "%", share, ">= 100")
    return evidence


def _codecs(ours: dict[str, dict]) -> set[str]:
    return {each["Codec"] for each in ours.values() if "Codec" in each}


def _agrees(path: Path, fact: str, ours: dict[str, dict]) -> bool:
    """Whether a third reader has what we have."""
    if shutil.which("mediainfo") is None:
        return False
    told = subprocess.run(["mediainfo", "--Output=JSON", str(path)], capture_output=True, timeout=60).stdout
    tracks = json.loads(told)["media"]["track"]
    kind, _, field = fact.partition(" ")
    if fact == "duration":
        seconds = [float(each["Duration"]) for each in tracks if "Duration" in each]
        mine = ours.get("Container", {}).get("Duration") or 0
        return any(
            abs(mine - each) <= max(_SECONDS, _SHARE * mine)
            for each in (max(seconds, default=0), _packets_seconds(path))
        )
    if field == "Codec":
        return any(_LAYERS.get(each.get("Format_Profile", "")) in _codecs(ours) for each in tracks)
    key = {"Channels": "Channels", "SampleRate": "SamplingRate", "FrameRate": "FrameRate"}.get(field)
    if key is None:
        return False
    theirs = [float(each.get(key, 0)) for each in tracks if each["@type"].lower() == kind]
    mine = [float(each.get(field) or 0) for each in ours.values() if each.get("Kind") == kind]
    return len(theirs) == len(mine) and all(
        abs(left - right) <= _SHARE * left for left, right in zip(theirs, mine, strict=True)
    )


def _packets_seconds(path: Path) -> float:
    """How long the packets of the longest stream last together: what is there, where a header says nothing or something else."""
    command = [
        "ffprobe",
        "-v",
        "error",
        "-show_entries",
        "packet=stream_index,duration_time",
        "-of",
        "csv=p=0",
        str(path),
    ]
    totals: dict[str, float] = {}
    for line in subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.splitlines():
        index, _, seconds = line.partition(",")
        with contextlib.suppress(ValueError):  # "N/A"
            totals[index] = totals.get(index, 0.0) + float(seconds.strip(","))
    return max(totals.values(), default=0.0)


def _ffprobe(path: Path) -> dict:
    command = ["ffprobe", "-v", "error", "-print_format", "json", "-show_streams", "-show_format", str(path)]
    try:
        return json.loads(subprocess.run(command, capture_output=True, timeout=60).stdout)
    except ValueError:
        return {}


def _ours(path: Path) -> dict[str, dict]:
    groups: dict[str, dict] = defaultdict(dict)
    for section in document_of(path.read_bytes(), path.name).sections:
        if section.name == "streams":
            for field in section.fields:
                groups[field.group][field.name] = plain(field.value)
    return groups


def _compared(told: dict, ours: dict[str, dict]):
    """Fact, whether it is the same, and both sides."""
    theirs = float(told["format"].get("duration") or 0)
    mine = ours.get("Container", {}).get("Duration") or 0
    if theirs:  # 0 is what it says when it doesn't know
        same = abs(theirs - mine) <= max(_SECONDS, _SHARE * theirs)
        yield "duration", same, f"ffprobe {theirs}, ours {mine}"
    groups = sorted((name for name in ours if name.startswith("Stream")), key=lambda each: int(each[6:]))
    for kind, facts in _FACTS.items():
        expected = [
            each
            for each in told["streams"]
            if each["codec_type"] == kind and not each.get("disposition", {}).get("attached_pic")
        ]
        found = [ours[name] for name in groups if ours[name].get("Kind") == kind]
        yield (
            f"{kind} streams",
            len(expected) == len(found),
            f"ffprobe {len(expected)}, ours {len(found)}",
        )
        for left, right in zip(expected, found, strict=False):
            for key, field in facts:
                if left.get(key, 0) not in {0, "0"}:
                    told_value, our_value = str(left[key]), str(right.get(field))
                    yield (
                        f"{kind} {field}",
                        told_value == our_value,
                        f"ffprobe {told_value}, ours {our_value}",
                    )
            over, _, under = left.get("avg_frame_rate", "0/0").partition("/")
            if kind == "video" and int(over) and int(under):
                rate = int(over) / int(under)
                mine = right.get("FrameRate") or 0
                yield "video FrameRate", abs(rate - mine) <= 0.02 * rate, f"ffprobe {rate:.3f}, ours {mine}"
