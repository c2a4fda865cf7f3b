"""Whether what a manifest hashes is what stands in the file: its assertions, and the content that it is bound to.

C2PA specification 2.4, 8.4 (hashed URIs), 9.2 (hash.data), 9.3 (hash.bmff); what can't be checked here is said to be so.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING, Any

from extractor_service.formats.reading import boxes
from extractor_service.formats.reading.reader import Reader
from extractor_service.modules.provenance.manifest import octets

if TYPE_CHECKING:
    from extractor_service.formats.embedded.jumbf import Superbox
    from extractor_service.modules.provenance.manifest import Manifest, Reference
    from extractor_service.modules.provenance.store import Store
    from extractor_service.sources.base import ByteSource

_ALGORITHMS = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}
_STEP_BYTES = 1024 * 1024  # hashed at once
_RARE = ("subset", "length", "version", "flags")  # of a rule
_MAX_EXCLUSIONS = 100  # ranges or rules of one hash: there are one or two, of films five
_MOST_BESIDE_BYTES = 64  # left out beside the store: a length that stands before it


class Match(Enum):
    """What a comparison came to."""

    MATCHES = "matches"
    DIFFERS = "differs"
    UNCHECKED = "not checked"


def assertions(store: Superbox, manifest: Manifest) -> dict[str, Match]:
    """Of each assertion that the claim names, whether its bytes are what was hashed."""
    known: dict[tuple[int, str], bytes] = {}
    return {reference.url: _assertion(store, manifest, reference, known) for reference in manifest.references}


def _assertion(
    store: Superbox, manifest: Manifest, reference: Reference, known: dict[tuple[int, str], bytes]
) -> Match:
    make = _ALGORITHMS.get(reference.algorithm)
    box = _resolve(store, manifest, reference.url)
    if make is None or not reference.hash:
        return Match.UNCHECKED
    if box is None:
        return Match.DIFFERS
    place = box.offset, reference.algorithm  # the same assertion may be named a thousand times
    if place not in known:
        known[place] = make(box.payload).digest()
    return Match.MATCHES if known[place] == reference.hash else Match.DIFFERS


def _resolve(store: Superbox, manifest: Manifest, url: str) -> Superbox | None:
    path = url.removeprefix("self#jumbf=")
    box: Superbox | None = manifest.box
    parts = path.split("/")
    if path.startswith("/"):
        box, parts = store, parts[2:]
    for part in parts:
        box = box.child(part) if box is not None else None
    return box


def content(source: ByteSource, manifest: Manifest, held: Store) -> tuple[Match, str]:
    """Whether the file's content is what the manifest is bound to, and by which assertion; `held`: where its store stands."""
    for label, value in manifest.assertion("c2pa.hash."):
        if not isinstance(value, dict):
            continue
        name = value.get("alg")
        make = _ALGORITHMS.get(name if isinstance(name, str) else manifest.algorithm)
        expected = octets(value.get("hash"))
        if make is None or not expected:
            return Match.UNCHECKED, label
        hasher = make()
        if label.startswith("c2pa.hash.data"):
            spans = _kept_data(source.size_bytes, value.get("exclusions"), held)
        elif label.startswith("c2pa.hash.bmff") and not value.get("merkle"):
            spans = _kept_boxes(source, value.get("exclusions"), has_offsets=not label.endswith("bmff"))
        else:
            return Match.UNCHECKED, label
        if spans is None:
            return Match.UNCHECKED, label
        for start, end, prefix in spans:
            hasher.update(prefix)
            for at in range(start, end, _STEP_BYTES):
                hasher.update(source.read_range(at, min(_STEP_BYTES, end - at)))
        return (Match.MATCHES if hasher.digest() == expected else Match.DIFFERS), label
    return Match.UNCHECKED, ""


def _kept_data(size_bytes: int, exclusions: object, held: Store) -> list[tuple[int, int, bytes]] | None:
    """The ranges of the file that are hashed; None where it can't be told, or more is left out than the store itself."""
    ranges = []
    beside = 0
    for each in exclusions if isinstance(exclusions, list) else []:
        start, length = (each.get("start"), each.get("length")) if isinstance(each, dict) else (None, None)
        if not isinstance(start, int) or not isinstance(length, int) or start < 0 or length < 0:
            return None
        end = min(size_bytes, start + length)
        ranges.append((start, end))
        within = min(end, held.offset + held.length) - max(start, held.offset)
        beside += max(0, end - start) - max(0, within)
    if len(ranges) > _MAX_EXCLUSIONS or beside > _MOST_BESIDE_BYTES:
        return None
    return _without(0, size_bytes, sorted(ranges))


def _without(start: int, end: int, ranges: list[tuple[int, int]]) -> list[tuple[int, int, bytes]]:
    kept, at = [], start
    for low, high in ranges:
        if low > at:
            kept.append((at, min(low, end), b""))
        at = max(at, high)
    if at < end:
        kept.append((at, end, b""))
    return kept


def _kept_boxes(
    source: ByteSource, exclusions: object, *, has_offsets: bool
) -> list[tuple[int, int, bytes]] | None:
    """The same of an ISO base media file, where whole top-level boxes are left out; each other one begins with its place."""
    reader = Reader(source)
    rules: dict[bytes, list[dict[object, Any]]] = {}
    for each in exclusions if isinstance(exclusions, list) else []:
        path = each.get("xpath") if isinstance(each, dict) else None
        if not isinstance(path, str) or path.count("/") != 1 or any(each.get(key) for key in _RARE):
            return None  # within a box, or a part of one: not taken here
        rules.setdefault(path[1:].encode(), []).append(each)
    if sum(map(len, rules.values())) > _MAX_EXCLUSIONS:
        return None
    kept, at = [], 0
    for number, box in enumerate(boxes.walk(reader, 0, reader.length), 1):
        if number >= boxes.MAX_BOXES:
            return None
        start, at = at, box.offset + box.length
        if any(_has(reader, rule, start) for rule in rules.get(box.kind, ())):
            continue
        kept.append((start, at, start.to_bytes(8) if has_offsets else b""))
    return kept


def _has(reader: Reader, rule: dict[object, Any], start: int) -> bool:
    """Whether the box at `start` has the bytes by which the rule tells it from others of its kind."""
    data = rule.get("data")
    for each in data if isinstance(data, list) else []:
        offset, value = (
            (each.get("offset"), octets(each.get("value"))) if isinstance(each, dict) else (None, b"")
        )
        if not isinstance(offset, int) or offset < 0 or reader.some(start + offset, len(value)) != value:
            return False
    return True
