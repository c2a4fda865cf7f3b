"""Groups of files that are the same, look alike, or were taken in one burst, with the evidence for each. Plain values in, plain values out."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from metaextract.document.v1 import document_pb2

NEAR_BITS, PDQ_BITS = 8, 31
"""Bits of the frequency hash and of PDQ within which pictures are taken for alike; both have to agree."""
BURST_SECONDS = 2.0  # between two pictures of a burst; EXIF without fractions counts whole seconds
_BURST_BITS = 24  # of the difference hash: the same scene, moved
_LEAST_QUALITY = 50  # of PDQ: below it a picture says too little to be told from others
_BAND_BITS = 16  # sixteen of them in PDQ: 31 bits that differ leave one with a single bit, or none


class Likeness(NamedTuple):
    """What is compared of a file."""

    path: str
    content_id: str
    content_digest: str
    phash: int | None
    dhash: int | None
    pdq: int | None
    quality: int
    device: str
    taken_at: dt.datetime | None


class Member(NamedTuple):
    """A file of a group, and why it is in it."""

    path: str
    evidence: str


class Group(NamedTuple):
    """Files that belong together; the first is what the others are compared with."""

    kind: str
    """"identical", "same content", "near duplicate" or "burst"."""
    members: list[Member]


def likeness(path: str, content_id: str, document: document_pb2.Document) -> Likeness:
    """What there is to compare of a document with the modules perceptual, content_digest and common."""
    fields = {
        field.name: field.value
        for section in document.sections
        if section.name in {"perceptual", "content"}
        for field in section.fields
    }

    def number(name: str) -> int | None:
        text = fields[name].text if name in fields else ""
        return int(text, 16) if text else None

    common = document.common
    return Likeness(
        path,
        content_id,
        fields["ContentDigest"].text if "ContentDigest" in fields else "",
        number("PHash"),
        number("DHash"),
        number("PDQ"),
        fields["PDQQuality"].integer if "PDQQuality" in fields else 0,
        f"{common.device_make} {common.device_model}".strip(),
        _time(common.created_at.iso),
    )


def groups(files: Sequence[Likeness]) -> list[Group]:
    """All groups of two and more; a file that is in a closer kind of group isn't told again but by its first."""
    found: list[Group] = []
    left = list(files)
    for kind, key_of, evidence in (
        ("identical", attrgetter("content_id"), "the same bytes"),
        ("same content", attrgetter("content_digest"), "the same content, other metadata"),
    ):
        by_key: defaultdict[str, list[Likeness]] = defaultdict(list)
        for each in left:
            by_key[key_of(each) or f"\0{each.path}"].append(each)
        found += [
            Group(kind, [Member(each.path, evidence if each is not same[0] else "") for each in same])
            for same in by_key.values()
            if len(same) > 1
        ]
        left = [same[0] for same in by_key.values()]
    found += _near(left)
    found += _bursts(left)
    return found


def _near(files: Sequence[Likeness]) -> Iterator[Group]:
    good = [each for each in files if each.phash is not None and each.quality >= _LEAST_QUALITY]
    parents = list(range(len(good)))

    def root(at: int) -> int:
        while parents[at] != at:
            parents[at] = parents[parents[at]]
            at = parents[at]
        return at

    for one, other in _candidates(good):
        if _distances(good[one], good[other]) is not None:
            parents[max(root(one), root(other))] = min(root(one), root(other))
    by_root: defaultdict[int, list[Likeness]] = defaultdict(list)
    for at, each in enumerate(good):
        by_root[root(at)].append(each)
    for alike in by_root.values():
        if len(alike) > 1:
            yield Group("near duplicate", [Member(each.path, _why(alike, each)) for each in alike])


def _why(alike: Sequence[Likeness], each: Likeness) -> str:
    if each is alike[0]:
        return ""
    for other in alike:
        bits = _distances(each, other) if other is not each else None
        if bits is not None:
            of = "" if other is alike[0] else f" to {other.path}"
            return f"{bits[0]} of 64 bits (pHash) and {bits[1]} of 256 (PDQ) differ{of}"
    return ""


def _distances(one: Likeness, other: Likeness) -> tuple[int, int] | None:
    """Bits that differ in both hashes; None where they aren't alike."""
    if one.phash is None or other.phash is None or one.pdq is None or other.pdq is None:
        return None
    bits = (one.phash ^ other.phash).bit_count(), (one.pdq ^ other.pdq).bit_count()
    return bits if bits[0] <= NEAR_BITS and bits[1] <= PDQ_BITS else None


def _candidates(files: Sequence[Likeness]) -> Iterable[tuple[int, int]]:
    """Pairs whose PDQ has a band of 16 bits in common, but for one bit: all that differ in 31 bits at most."""
    buckets: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    pairs: set[tuple[int, int]] = set()
    flips = (0, *(1 << bit for bit in range(_BAND_BITS)))
    for at, each in enumerate(files):
        pdq = each.pdq or 0
        for band in range(256 // _BAND_BITS):
            value = pdq >> band * _BAND_BITS & 0xFFFF
            for flip in flips:
                pairs.update((other, at) for other in buckets.get((band, value ^ flip), ()))
        for band in range(256 // _BAND_BITS):
            buckets[band, pdq >> band * _BAND_BITS & 0xFFFF].append(at)
    return pairs


def _bursts(files: Sequence[Likeness]) -> Iterator[Group]:
    timed = [
        (each.taken_at, each)
        for each in files
        if each.taken_at is not None and each.device and each.dhash is not None
    ]
    timed.sort(key=lambda pair: (pair[1].device, pair[0].replace(tzinfo=None)))
    run: list[Member] = []
    before: tuple[dt.datetime, Likeness] | None = None
    for at, each in timed:
        evidence = "" if before is None else _in_burst(before, (at, each))
        if not evidence:
            if len(run) > 1:
                yield Group("burst", run)
            run = []
        run.append(Member(each.path, evidence))
        before = at, each
    if len(run) > 1:
        yield Group("burst", run)


def _in_burst(before: tuple[dt.datetime, Likeness], now: tuple[dt.datetime, Likeness]) -> str:
    seconds = (now[0].replace(tzinfo=None) - before[0].replace(tzinfo=None)).total_seconds()
    bits = ((before[1].dhash or 0) ^ (now[1].dhash or 0)).bit_count()
    if before[1].device != now[1].device or not 0 <= seconds <= BURST_SECONDS or bits > _BURST_BITS:
        return ""
    return f"{seconds:g} s later by {now[1].device}; {bits} of 64 bits (dHash) differ"


def _time(text: str) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text) if len(text) > 10 else None
    except ValueError:
        return None
