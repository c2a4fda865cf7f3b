"""Reads a random sample of the corpus's photographs by a second tool, exiv2, and lists what it has otherwise.

    .venv/bin/python -m tests.tools.second [seed]

An oracle can be wrong, and what is measured against it alone learns its mistakes. exiv2 shares no code with ExifTool; it is asked
for EXIF, GPS and interoperability tags by number. It is a program of the machine, not a dependency.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from extractor_service.document import Document, Rational
from extractor_service.formats.identification.identify import identify_source
from extractor_service.formats.reading.tagset import raw_table
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from tests.support import corpus

SAMPLE = 40
_GROUPS = {"Image": ("IFD0", "Exif::Main"), "Photo": ("ExifIFD", "Exif::Main"), "GPSInfo": ("GPS", "GPS::Main"), "Iop": ("InteropIFD", "Exif::Main"), "Thumbnail": ("IFD1", "Exif::Main")}  # fmt: skip
# Places, blocks, and texts whose charset the one tells and the other doesn't.
_OTHERWISE = frozenset({0x8769, 0x8825, 0xA005, 0x927C, 0x9286, 0x0201, 0x0111, 0x0144, 0x02BC, 0x83BB, 0x8649, 0x8773, 0xC4A5, 0x014A, 0x001B, 0x001C})  # fmt: skip
_MOST_TEXT = 200  # longer values are lists that the one cuts


class Second(NamedTuple):
    """What came out of a sample."""

    files: int
    compared: int
    otherwise: list[str]


def is_there() -> bool:
    """Whether exiv2 is installed."""
    return shutil.which("exiv2") is not None


def read(seed: int = 0, count: int = SAMPLE) -> Second:
    """Compares `count` photographs that both can read."""
    files = [path for path in corpus.image_files() if path.suffix.lower() in {".jpg", ".jpeg", ".tif", ".tiff", ".png", ".webp", ".nef", ".cr2", ".dng"}]  # fmt: skip
    random.Random(seed).shuffle(files)
    seen, compared, otherwise = 0, 0, []
    for path in files:
        theirs = _exiv2(path)
        if not theirs:
            continue
        ours = _ours(path)
        seen += 1
        for (group, tag), text in theirs.items():
            place, table = _GROUPS[group]
            rows = raw_table("exif", table).get(tag)
            if rows is None or tag in _OTHERWISE or len(text) > _MOST_TEXT:
                continue
            values = [value for row in rows for value in ours.get((place, row[0]), ())]
            if not values:
                continue  # missing values are counted by `accuracy`
            compared += 1
            if not any(_same(value, text) for value in values):
                otherwise.append(f"{path.name} {place} {rows[0][0]}: exiv2 {text!r}, here {values[0]!r}")
        if seen == count:
            break
    return Second(seen, compared, otherwise)


def _exiv2(path: Path) -> dict[tuple[str, int], str]:
    done = subprocess.run(["exiv2", "-q", "-PExgv", "pr", str(path)], capture_output=True, check=False)
    rows: dict[tuple[str, int], str] = {}
    repeated: Counter[tuple[str, int]] = Counter()
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        tag, _, rest = line.partition(" ")
        group, _, value = rest.strip().partition(" ")
        if tag.startswith("0x") and group in _GROUPS:
            key = (group, int(tag, 16))
            repeated[key] += 1
            rows[key] = value.strip()
    return {key: value for key, value in rows.items() if repeated[key] == 1}


def _ours(path: Path) -> dict[tuple[str, str], list[object]]:
    data = path.read_bytes()
    source, document = BlockCachedSource(BytesSource(data)), Document()
    found = identify_source(source).format
    if found is not None:
        found.load()(source, document)
    values: dict[tuple[str, str], list[object]] = {}
    for field in document.sections.get("exif", ()):
        kept = values.setdefault((field.group, field.name), [])
        kept += [field.value, field.raw]
    return values


def _same(value: object, text: str) -> bool:
    if value is None:
        return False
    ours, theirs = _numbers(value), _numbers(text)
    if ours and len(ours) == len(theirs):
        return all(abs(a - b) <= 1e-6 * max(1, abs(a), abs(b)) for a, b in zip(ours, theirs, strict=True))
    return _plain(value) == _plain(text)


def _numbers(value: object) -> list[float]:
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, Rational):
        return [value.numerator / value.denominator] if value.denominator else []
    if isinstance(value, (int, float)):
        return [float(value)]
    if isinstance(value, bytes):
        return [float(each) for each in value]
    if isinstance(value, list):
        return [number for each in value for number in _numbers(each)]
    numbers = []
    for word in str(value).split():
        above, _, below = word.partition("/")
        try:
            numbers.append(float(above) / (float(below) if below else 1))
        except (ValueError, ZeroDivisionError):
            return []
    return numbers


def _plain(value: object) -> str:
    """Texts without what the one leaves out at their ends; bytes as the text that they are."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    words = str(value).replace("\0", " ").replace("\ufffd", "?")
    try:
        codes = [int(each) for each in words.split()]
    except ValueError:
        codes = []
    if len(codes) > 1 and all(0 <= each < 256 for each in codes):
        words = bytes(codes).decode("latin-1").replace("\0", " ")
    return " ".join(words.split())


def main() -> int:
    """Prints the disagreements."""
    if not is_there():
        print("exiv2 isn't installed")
        return 1
    found = read(int(sys.argv[1]) if sys.argv[1:] else 0)
    print("\n".join(found.otherwise))
    print(f"{found.files} files, {found.compared} values, {len(found.otherwise)} otherwise")
    return 0


if __name__ == "__main__":
    sys.exit(main())
