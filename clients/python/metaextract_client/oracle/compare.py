"""Whether two descriptions of a file agree: by (family-0 group, name), repeats paired, values by meaning.

Numbers agree to 1e-6 relative, texts after trimming NULs and spaces only. Nothing else is forgiven, apart from
what the two write differently on purpose: exact fractions and lists (ExifTool writes "1 2 3"), bytes that are
described by their length and digest, and the "f/" and " s" of our printed apertures and times.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

TOLERANCE_RATIO = 1e-6  # six digits; both sides round the real numbers that they print
OURS = {
    "composite:AspectRatio": "the picture's width / height, which ExifTool doesn't calculate",
    "id3:ChapterString": "chapters of sound, which ExifTool doesn't read",
    "id3:ChapterTimeStart": "chapters of sound, which ExifTool doesn't read",
    "riff:MediaDataSize": "how long the sound is in bytes, and where; ExifTool says it of QuickTime alone",
    "xmp:About": "rdf:about of the packet, which ExifTool leaves out where it is of an older form",
}
"""Fields that only we have, and the reason why they are right; anything else that only we have counts as invented."""
_CUT = frozenset({"matroska:TrackUID", "matroska:TagTrackUID", "matroska:AttachedFileUID"})
"""Numbers that ExifTool prints as texts, and ends at the first NUL: an empty one says nothing."""
OUR_SECTIONS = frozenset({"streams", "telemetry", "motionphoto"})
"""Families that only we have: facts said in one way for all containers."""
_BINARY = re.compile(r"\(Binary data (\d+) bytes")

Plain = str | int | float | bool | bytes | list["Plain"] | dict[str, "Plain"] | None


class Entry(NamedTuple):
    """One field of either side."""

    family: str
    """Family-0 group in lower case without underscores."""
    group: str
    """Family-1 group."""
    name: str
    value: Plain
    printed: Plain
    """The printable form; None when it isn't known."""


class Difference(NamedTuple):
    """One field that is wrong, missing or extra."""

    kind: str
    """One of "missing", "value", "printed" and "invented"."""
    family: str
    name: str
    theirs: Plain
    ours: Plain


@dataclass
class Score:
    """Counts of one family."""

    theirs: int = 0
    present: int = 0
    equal: int = 0
    printed: int = 0
    """Fields whose printed forms were compared."""
    printed_equal: int = 0
    invented: int = 0
    """Fields that only we have, for no known reason."""

    def add(self, other: Score) -> None:
        """Adds the counts of `other`."""
        for name in vars(self):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass
class Comparison:
    """What comparing one file gave."""

    scores: dict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    differences: list[Difference] = field(default_factory=list)


def compare(ours: Iterable[Entry], theirs: Iterable[Entry]) -> Comparison:
    """Scores per family, and every difference."""
    result = Comparison()
    our_fields, their_fields = _by_name(ours), _by_name(theirs)
    for key, wanted in their_fields.items():
        family, name = key
        if f"{family}:{name}" in _CUT and not any(each.value for each in wanted):
            our_fields.pop(key, None)
            continue
        score = result.scores[family]
        score.theirs += len(wanted)
        for their, our in _pairs(wanted, our_fields.pop(key, [])):
            if their is None:
                if our is not None:
                    _invent(result, our)
                continue
            if our is None:
                result.differences.append(Difference("missing", family, name, their.value, None))
                continue
            score.present += 1
            if same(our.value, their.value) or _same_binary(our, their):
                score.equal += 1
            else:
                result.differences.append(Difference("value", family, name, their.value, our.value))
            if their.printed is not None:
                score.printed += 1
                if same_printed(our.printed, their.printed) or _same_binary(our, their):
                    score.printed_equal += 1
                else:
                    result.differences.append(Difference("printed", family, name, their.printed, our.printed))
    for left in our_fields.values():
        for each in left:
            _invent(result, each)
    return result


def _invent(result: Comparison, our: Entry) -> None:
    if our.family not in OUR_SECTIONS and f"{our.family}:{our.name}" not in OURS:
        result.scores[our.family].invented += 1
        result.differences.append(Difference("invented", our.family, our.name, None, our.value))


def same(ours: Plain, theirs: Plain) -> bool:
    """Whether two values mean the same."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(theirs, list) and isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, list) and len(theirs) == 1:
        return same(ours, theirs[0])
    if isinstance(ours, list) and len(ours) == 1 and not isinstance(theirs, list):
        return same(ours[0], theirs)
    if isinstance(theirs, str) and (found := _BINARY.match(theirs)) and "sha256" not in theirs:
        if isinstance(ours, bytes):
            return len(ours) == int(found[1])
        if isinstance(ours, str) and (own := _BINARY.match(ours)):
            return own[1] == found[1]
    if isinstance(ours, dict | list) and isinstance(theirs, dict | list):
        return False
    if (
        isinstance(ours, list)
        and isinstance(theirs, str)
        and len(ours) > 1
        and all(isinstance(each, str) for each in ours)
    ):
        # Several values of one text: ExifTool joins them, with a stroke (ID3) or with nothing (APE).
        joined = {separator.join(str(each) for each in ours) for separator in ("/", "")}
        if theirs in joined:
            return True
    left, right = _words(ours), _words(theirs)
    if left == right or (ours is None and theirs == "null") or _is_unprintable(left, right):
        return True
    left_numbers, right_numbers = left.split(), right.split()
    return len(left_numbers) == len(right_numbers) > 0 and all(map(_close, left_numbers, right_numbers))


def _is_unprintable(ours: str, theirs: str) -> bool:
    """Whether ExifTool has a question mark wherever we have a letter beyond ASCII: what it writes for bytes that are no UTF-8."""
    return len(ours) == len(theirs) and all(
        left == right or (right == "?" and left > "\x7f") for left, right in zip(ours, theirs, strict=True)
    )


def same_printed(ours: Plain, theirs: Plain) -> bool:
    """Whether two printed forms are the same, but for the "f/" and " s" that we add."""
    if same(ours, theirs):
        return True
    if not isinstance(ours, str):
        return False
    if isinstance(theirs, list):
        return ours == ", ".join(str(each) for each in theirs)
    return same(ours.removeprefix("f/"), theirs) or same(ours.removesuffix(" s"), theirs)


def _same_binary(ours: Entry, theirs: Entry) -> bool:
    found = _BINARY.match(theirs.value) if isinstance(theirs.value, str) else None
    if found is None or (
        isinstance(ours.value, str) and "sha256" in ours.value and "sha256" in str(theirs.value)
    ):
        return False  # told by digests, which differ
    if isinstance(ours.value, bytes):
        return len(ours.value) == int(found[1])
    own = _BINARY.match(ours.printed) if isinstance(ours.printed, str) else None
    return own is not None and own[1] == found[1]


def _words(value: Plain) -> str:
    if isinstance(value, list):
        return " ".join(map(_words, value))
    if isinstance(value, bytes):
        return value.decode("latin-1").strip("\0 ")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    text = str(value).strip("\0 ") if value is not None else ""
    return text.lower() if text in {"True", "False"} else text


def _close(left: str, right: str) -> bool:
    if left == right:
        return True
    try:
        ours, theirs = float(left), float(right)
    except ValueError:
        return False
    return math.isclose(ours, theirs, rel_tol=TOLERANCE_RATIO)


def _by_name(entries: Iterable[Entry]) -> dict[tuple[str, str], list[Entry]]:
    grouped: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in entries:
        grouped[entry.family, entry.name].append(entry)
    return grouped


def _pairs(theirs: list[Entry], ours: list[Entry]) -> Iterable[tuple[Entry | None, Entry | None]]:
    """Each with its counterpart: same group and value first, then same value, then same group, then in order."""
    if len(theirs) == 1 and len(ours) == 1:
        return [(theirs[0], ours[0])]
    left, right = list(theirs), list(ours)
    pairs: list[tuple[Entry | None, Entry | None]] = []
    tests: tuple[Callable[[Entry, Entry], bool], ...] = (
        lambda a, b: a.group == b.group and same(b.value, a.value),
        lambda a, b: same(b.value, a.value),
        lambda a, b: a.group == b.group,
        lambda _a, _b: True,
    )
    for test in tests:
        for their in list(left):
            our = next((each for each in right if test(their, each)), None)
            if our is not None:
                left.remove(their)
                right.remove(our)
                pairs.append((their, our))
    return [*pairs, *((their, None) for their in left), *((None, our) for our in right)]
