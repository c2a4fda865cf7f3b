"""The end of a Matroska file, found without an index: the last cluster's time, and tags behind it. RFC 9559, 5.1.3, 10.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.formats.containers.film import ebml
from extractor_service.formats.reading.reader import TruncatedError

if TYPE_CHECKING:
    from extractor_service.formats.containers.film.ebml import Element
    from extractor_service.formats.reading.reader import Reader

_WINDOWS_BYTES = (256 * 1024, 1024 * 1024, 4 * 1024 * 1024)  # a cluster takes five seconds or 5 MB, as a rule
_CLUSTER_MARK, _TAGS_MARK = bytes.fromhex("1f43b675"), bytes.fromhex("1254c367")
_TOP = frozenset({0xF43B675, 0x549A966, 0x654AE6B, 0xC53BB6B, 0x43A770, 0x941A469, 0x254C367, 0x14D9B74})
_TIME, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK, _BLOCK_DURATION = 0x67, 0x23, 0x20, 0x21, 0x1B


def played_ticks(reader: Reader, first_cluster: int, end: int) -> int | None:
    """Ticks from the first cluster to the last block's beginning, or its end where that is stated; None when no cluster begins in the file's tail."""
    last = _last_ticks(reader, first_cluster, end)
    first = ebml.element(reader, first_cluster, end)
    for inner in ebml.walk(reader, first.offset, min(first.offset + first.length, end)):
        if inner.identity == _TIME:
            start = int.from_bytes(reader.exact(inner.offset, min(inner.length, 8)))
            return None if last is None else max(0, last - start)
    return last


def _last_ticks(reader: Reader, first_cluster: int, end: int) -> int | None:
    for window in _WINDOWS_BYTES:
        start = max(first_cluster, end - window)
        data = reader.some(start, end - start)
        place = data.rfind(_CLUSTER_MARK)
        if place >= 0:
            return _ticks(reader, ebml.element(reader, start + place, end), end)
        if start == first_cluster:
            break
    return None


def tags(reader: Reader, behind: int, end: int) -> int | None:
    """Where the tags begin that end the file; None when they don't."""
    start = max(behind, end - _WINDOWS_BYTES[0])
    data = reader.some(start, end - start)
    place = data.rfind(_TAGS_MARK)
    if place < 0:
        return None
    found = ebml.element(reader, start + place, end)
    after = found.offset + found.length
    if after < end:
        try:
            is_whole = found.is_sized and ebml.element(reader, after, end).identity in _TOP
        except TruncatedError:
            is_whole = False
        return start + place if is_whole else None
    return start + place if after == end and found.is_sized else None


def _ticks(reader: Reader, cluster: Element, end: int) -> int | None:
    base, last = 0, None
    try:
        for inner in ebml.walk(reader, cluster.offset, min(cluster.offset + cluster.length, end)):
            if inner.identity in _TOP:
                break
            if inner.identity == _TIME:
                base = int.from_bytes(reader.exact(inner.offset, min(inner.length, 8)))
                last = max(last or 0, base)
            elif inner.identity == _SIMPLE_BLOCK:
                last = max(last or 0, base + _block_ticks(reader, inner))
            elif inner.identity == _BLOCK_GROUP:
                time = duration = 0
                for part in ebml.walk(reader, inner.offset, inner.offset + inner.length):
                    if part.identity == _BLOCK:
                        time = _block_ticks(reader, part)
                    elif part.identity == _BLOCK_DURATION:
                        duration = int.from_bytes(reader.exact(part.offset, min(part.length, 8)))
                last = max(last or 0, base + time + duration)
    except TruncatedError:
        pass  # it was cut while it was written: what came before counts
    return last


def _block_ticks(reader: Reader, block: Element) -> int:
    """From the cluster's own, behind the number of the track."""
    data = reader.exact(block.offset, min(block.length, 12))
    width = 9 - data[0].bit_length()
    return int.from_bytes(data[width : width + 2], signed=True)
