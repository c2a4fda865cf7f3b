"""Two tenants on two replicas: what one gets, loses and can find out of the other; and what is left after an erasure."""

from __future__ import annotations

import contextlib
import random
import statistics
import tempfile
import time
from pathlib import Path

from blake3 import blake3

from metaextract.cache.v1 import result_pb2
from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract_client import CacheClient, ExtractorClient, NotFoundError
from metaextract_client.render import cache_status_name, outcome_name
from tests.support.evidence import Evidence
from tests.support.identities import Realm
from tests.support.processes import start_cache, start_extractor, wait_until
from tests.support.redis_server import RedisServer

_FILES = 300
_PAIRS = 20_000
_QUIET, _LOUD, _VALUE_BYTES = 400, 8000, 4000
_MEMORY_BYTES = 8 * 2**20
_RATIO = 0.1
MARK = "acme-mark-7d793037a0760186574b0282f2f435e7"


def image(text: str) -> bytes:
    """A GIF of one pixel with a comment: the least that a reader has to do."""
    comment = text.encode()
    return (
        b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xfe" + bytes([len(comment)]) + comment + b"\0"
        b",\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"
    )


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder, RedisServer() as redis:
        realm = Realm(Path(folder) / "realm")
        _guarantee(evidence, Path(folder), realm)
        _timing(evidence, Path(folder), realm)
        _replicas(evidence, Path(folder), realm, redis)
    return evidence


def _replicas(evidence: Evidence, folder: Path, realm: Realm, redis: RedisServer) -> None:
    """Two caches that share a Redis, an extractor at each; acme uses both, evil asks for everything of acme's."""
    with contextlib.ExitStack() as stack:
        pairs = []
        for number in ("one", "two"):
            settings = {**realm.tokens(), "METAEXTRACT_CACHE_REDIS_URL": redis.url}
            cache = stack.enter_context(
                start_cache(folder / number, METAEXTRACT_CACHE_REPLICA=number, **settings)
            )
            extractor = stack.enter_context(start_extractor(cache.address, **realm.tokens()))
            pairs.append((cache, extractor))

        def extractors(tenant):
            return [
                stack.enter_context(ExtractorClient(extractor.address, security=realm.security(tenant)))
                for _, extractor in pairs
            ]

        acme, evil = extractors("acme"), extractors("evil")
        admin = [
            stack.enter_context(CacheClient(cache.address, realm.security("*", "admin", "results")))
            for cache, _ in pairs
        ]
        files = [image(f"{MARK} {number}") for number in range(_FILES)]
        digests = []
        for number, data in enumerate(files):
            acme[number % 2].extract_bytes(data, "a.gif")
            acme[number % 2].extract_bytes(data, "a.gif")  # now it is in the near cache, too
        for data in files[:20]:
            large = data + bytes(100_000)
            answer = acme[0].extract_session(_written(folder, large), _DIGESTS)
            digests.append(answer.info.content_id)
        wait_until(lambda: all(_has(acme[0], digest) for digest in digests), 10)
        shared = [cache_status_name(acme[1].extract_bytes(data, "a.gif").info.cache_status) for data in files]
        evidence.single(
            "two replicas", "acme's own hits at the other", "count", shared.count("HIT"), f"== {_FILES}"
        )
        seen = [
            cache_status_name(each.extract_bytes(data, "a.gif").info.cache_status)
            for number, data in enumerate(files)
            for each in (evil[number % 2],)
        ]
        evidence.single("two replicas", "acme's results that evil got", "count", seen.count("HIT"), "== 0")
        contents = sum(_has(each, digest) for digest in digests for each in evil)
        evidence.single("two replicas", "acme's contents that evil got", "count", contents, "== 0")
        ours = [
            cache_status_name(evil[0].extract_bytes(data, "a.gif").info.cache_status) for data in files[::2]
        ]
        evidence.single(
            "two replicas", "evil's own hits afterwards", "count", ours.count("HIT"), f"== {_FILES // 2}"
        )

        wait_until(lambda: admin[0].get_pressure().peers and admin[1].get_pressure().peers, 10)
        answer = admin[0].erase_tenant("acme")
        for part in answer.replicas:
            print(f"  erased at {part.replica}: {part.result_count} results, {part.shared_count} in Redis,"
                  f" {part.blob_count} uploads and blobs of {part.blob_bytes} B")  # fmt: skip
        evidence.single("after EraseTenant", "replicas that answered", "count", len(answer.replicas), "== 2")
        evidence.single("after EraseTenant", "of its entries, memory and disk", "count", sum(
            each.key.space.split("/")[1:2] == ["acme"]
            for cache in admin for tier in ("memory", "disk") for each in _entries(cache, tier)
        ), "== 0")  # fmt: skip
        # By its spaces: the words of its files are evil's by now, which has asked for the same.
        words = (b"verified/acme", b"claimed/acme", b"batch/acme")
        left = sum(
            any(word in path.read_bytes() for word in words)
            for number in ("one", "two")
            for path in (folder / number).rglob("*")
            if path.is_file()
        )
        evidence.single("after EraseTenant", "files with a word of it", "count", left, "== 0")
        hidden = blake3(b"acme").hexdigest(length=8)
        keys = [key for key in redis.client().keys("*") if hidden.encode() in key]
        evidence.single("after EraseTenant", "of its keys in Redis", "count", len(keys), "== 0")
        evidence.single("after EraseTenant", "of its contents", "count", sum(
            _has(each, digest) for digest in digests for each in acme), "== 0")  # fmt: skip
        near = [
            cache_status_name(acme[n % 2].extract_bytes(data, "a.gif").info.cache_status)
            for n, data in enumerate(files)
        ]
        evidence.single(
            "after EraseTenant", "hits for itself, near caches too", "count", near.count("HIT"), "== 0"
        )
        ours = [
            cache_status_name(evil[0].extract_bytes(data, "a.gif").info.cache_status) for data in files[::2]
        ]
        evidence.single(
            "after EraseTenant", "evil's own hits", "count", ours.count("HIT"), f"== {_FILES // 2}"
        )


_DIGESTS = pb.ExtractOptions(digests=[2])


def _written(folder: Path, data: bytes) -> Path:
    path = folder / "large.gif"
    path.write_bytes(data)
    return path


def _has(client: ExtractorClient, digest: str) -> bool:
    try:
        return outcome_name(client.extract_digest(digest).document.outcome) in {"OK", "PARTIAL"}
    except NotFoundError:
        return False


def _entries(cache: CacheClient, tier: str):
    token = ""
    while True:
        page = cache.list_entries(tier, 1000, token)
        yield from page.entries
        token = page.next_page_token
        if not token:
            return


def _guarantee(evidence: Evidence, folder: Path, realm: Realm) -> None:
    """evil fills a small cache twenty times over; quiet keeps what it is guaranteed, in memory and on disk."""
    access = realm.access_file(f"[quota]\nguaranteed_ratio = {_RATIO}\n")
    with (
        start_cache(
            folder / "small",
            **realm.tokens(),
            METAEXTRACT_ACCESS_FILE=access,
            METAEXTRACT_CACHE_MEMORY_BYTES=str(_MEMORY_BYTES),
            METAEXTRACT_CACHE_MEMORY_ENTRIES="0",
            METAEXTRACT_CACHE_DISK_BYTES=str(_MEMORY_BYTES),
        ) as cache,
        CacheClient(cache.address, realm.security("*", "results", "admin")) as client,
    ):

        def put(tenant, numbers, cost):
            noise = random.Random(tenant)
            client.put_results(
                [
                    result_pb2.ResultEntry(
                        key=result_pb2.ResultKey(
                            space=f"verified/{tenant}", content_id=f"b3:{number}", module="m", version="1"
                        ),
                        value=noise.randbytes(_VALUE_BYTES),
                        cost_seconds=cost,
                    )
                    for number in numbers
                ]
            )

        put("quiet", range(_QUIET), 0.001)
        for start in range(0, _LOUD, 200):
            put("evil", range(start, start + 200), 10.0)
        for tier, share in (("memory", 0.75), ("disk", 1.0)):  # a quarter of memory is for large values
            kept = sum(each.key.space == "verified/quiet" for each in _entries(client, tier))
            promised = _RATIO * share * _MEMORY_BYTES / (_VALUE_BYTES + 300)
            evidence.single(
                "a flood of 20 caches",
                f"quiet's entries kept in {tier}",
                "count",
                kept,
                f">= {promised - 2:.0f}",
            )


def _timing(evidence: Evidence, folder: Path, realm: Realm) -> None:
    """evil asks for files that acme has, and for files that nobody has; a guess by time has to be right in one half."""
    with (
        start_cache(folder / "timed", **realm.tokens(), METAEXTRACT_CACHE_MEMORY_ENTRIES="0") as cache,
        start_extractor(cache.address, **realm.tokens()) as extractor,
        ExtractorClient(extractor.address, security=realm.security("acme")) as acme,
        ExtractorClient(extractor.address, security=realm.security("evil")) as evil,
    ):
        known = [image(f"known {number}") for number in range(_PAIRS)]
        unknown = [image(f"never {number}") for number in range(_PAIRS)]
        items = (
            pb.BatchItem(id=str(number), inline=pb.InlineSource(data=data))
            for number, data in enumerate(known)
        )
        stored = sum(outcome_name(each.document.outcome) == "OK" for each in acme.extract_batch(items))
        assert stored == _PAIRS
        for number in range(300):
            evil.extract_bytes(image(f"warm {number}"))
        draw, pairs = random.Random(1), []
        for mine, nobodys in zip(known, unknown, strict=True):
            first = draw.random() < 0.5
            times = {}
            for which in (first, not first):
                started = time.perf_counter()
                answer = evil.extract_bytes(mine if which else nobodys)
                times[which] = time.perf_counter() - started
                assert cache_status_name(answer.info.cache_status) == "MISS"
            pairs.append((times[True], times[False]))
    half = len(pairs) // 2
    training, testing = pairs[:half], pairs[half:]
    is_faster = sum(known < other for known, other in training) >= half / 2
    by_pair = sum((known < other) is is_faster for known, other in testing) / len(testing)
    threshold = statistics.median(t for pair in training for t in pair)
    below = sum((known < threshold) - (other < threshold) for known, other in training) >= 0
    by_threshold = sum(
        ((known < threshold) is below) + ((other >= threshold) is below) for known, other in testing
    )
    faster = sum(known < other for known, other in pairs) / len(pairs)
    case = f"{_PAIRS} pairs in turn"
    evidence.single(case, "acme's file answered sooner than nobody's", "ratio", faster, ">= 0.485")
    evidence.single(case, "the same, at most", "ratio", faster, "<= 0.515")
    evidence.single(case, "right by the better of a pair, second half", "ratio", by_pair, "<= 0.515")
    evidence.single(
        case, "right by a threshold, second half", "ratio", by_threshold / (2 * len(testing)), "<= 0.515"
    )
    evidence.single(case, "median, acme's file", "us", statistics.median(a for a, _ in pairs) * 1e6)
    evidence.single(case, "median, nobody's file", "us", statistics.median(b for _, b in pairs) * 1e6)
