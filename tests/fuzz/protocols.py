"""Targets beside the readers: what clients, workers, Redis, the disk and operators' files say.

Each function takes bytes and raises only where something that mustn't happen has happened.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import tempfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import zstandard
from google.protobuf.message import DecodeError

from cache_service.chunks import shelf
from cache_service.chunks.errors import (
    ChunkStoreFullError,
    MissingChunkError,
    UnknownUploadError,
    WrongDigestError,
    WrongOffsetError,
)
from cache_service.chunks.index import ChunkIndex
from cache_service.chunks.shelf import MemoryShelf
from cache_service.chunks.store import ChunkStore
from cache_service.entries import record
from cache_service.entries.codec import Codec, CorruptValueError, MissingDictionaryError
from cache_service.entries.entry import Budget, Entry, Key, Selector
from cache_service.fleet import redis_log, redis_tier
from cache_service.tiers.base import TierError
from cache_service.tiers.disk import DiskTier
from extractor_service.extraction.quarantine import Strikes
from extractor_service.serving.sessions.claims import ClaimRecord
from extractor_service.serving.sessions.link import SessionLink, Stream
from extractor_service.sources.base import SourceError, base_name, sayable
from extractor_service.sources.distant import DistantInput
from extractor_service.sources.local import LocalFileError, open_local
from extractor_service.sources.remote.allowed import AllowedPrefixes, ForbiddenUriError
from extractor_service.sources.spans import Span
from extractor_service.sources.sparse import SparseFile
from extractor_service.sources.spool import SpoolBudget
from extractor_service.workers.frames import FrameBuffer, Kind, pack, pack_job, unpack_job, unpack_spans
from extractor_service.workers.protocol import ProtocolError
from metaextract.extractor.v1 import extractor_pb2 as pb
from service_runtime.backoff_table import InvalidTableError, read_table
from service_runtime.credits import CreditPool, StreamCredit
from service_runtime.errors import ServiceError
from service_runtime.identity.access_file import InvalidAccessFileError, read_access_file
from service_runtime.lobby import Lobby

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

_KEY = Key("verified", "b3:1", "metadata", "1", "")
_ENTRY = Entry(b"value" * 100, 0.5, 9e9, 7, "file:///a", ("tag",))
_ROOT = Path(__file__).parents[1]
_FILE_BYTES = 4096


def _frames(data: bytes) -> None:
    buffer = FrameBuffer()
    with contextlib.suppress(ProtocolError):
        for kind, numbers, payload in [
            *buffer.feed(data[: len(data) // 2]),
            *buffer.feed(data[len(data) // 2 :]),
        ]:
            if kind == Kind.JOB:
                unpack_job(numbers, payload)
            elif kind == Kind.NEED:
                unpack_spans(payload)


def _kept_facts(data: bytes) -> None:
    Strikes.decode(data)
    ClaimRecord.decode(data)


def _redis(data: bytes) -> None:
    redis_tier._entry(_KEY, data)
    with contextlib.suppress(ValueError):
        selector = redis_log._selector(data)
        selector.matches(_KEY, _ENTRY)


def _records(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        found = record.decode(data)
        found.key_text.decode()
    with contextlib.suppress(ValueError):
        record.unseal(data)


def _values(data: bytes) -> None:
    codec = Codec(1 << 20)
    with contextlib.suppress(CorruptValueError, MissingDictionaryError):
        assert len(codec.decode(data)) <= 1 << 20
    codec.value_bytes(data)


def _chunk(data: bytes) -> None:
    with contextlib.suppress(zstandard.ZstdError):
        shelf.decode(data)


def _policy(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(data)
        file.flush()
        with contextlib.suppress(InvalidTableError):
            read_table(Path(file.name))
        with contextlib.suppress(InvalidAccessFileError):
            access = read_access_file(file.name)
            access.peer("spiffe://a/b")
            access.quota_of("acme")


def _names(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    for found in (base_name(text), sayable(text)):
        found.encode()
        assert not any(ord(each) < 32 for each in base_name(text)), found
    with contextlib.suppress(ForbiddenUriError):
        AllowedPrefixes(["https://a.example/public/", "s3://bucket/x/"]).check(text)
    with contextlib.suppress(LocalFileError):
        source = open_local(f"file://{_ROOT}/samples/{text}", [_ROOT / "samples"])
        path = Path(f"/proc/self/fd/{source.descriptor()}").resolve()
        source.close()
        assert path.is_relative_to((_ROOT / "samples").resolve()), path


def _session(data: bytes) -> None:
    """Messages of a client, one after the other; the server asks for ranges and a stream meanwhile."""
    messages, rest = [], data
    while rest and len(messages) < 64:
        size, rest = int.from_bytes(rest[:2], "big"), rest[2:]
        with contextlib.suppress(DecodeError):
            messages.append(pb.ExtractSessionRequest.FromString(rest[:size]))
        rest = rest[size:]
    asyncio.run(_play(messages))


async def _play(messages: list[pb.ExtractSessionRequest]) -> None:
    async def incoming() -> AsyncIterator[pb.ExtractSessionRequest]:
        for message in messages:
            yield message
            await asyncio.sleep(0)

    async def send(message: pb.ExtractSessionResponse) -> None:
        message.SerializeToString()

    link = SessionLink(incoming(), send, 0.05)
    file = SparseFile(Path(tempfile.gettempdir()), SpoolBudget(1 << 24, 4))
    tasks: list[asyncio.Task[None]] = []
    try:
        offer = await link.offer(Lobby(), "fuzz")
        link.attach(DistantInput(offer.name, _FILE_BYTES, file, link.fetch))
        tasks = [asyncio.create_task(link.read()), asyncio.create_task(link.write())]
        fetching = asyncio.create_task(link.fetch([Span(0, 64), Span(4000, 96)]))
        tasks.append(fetching)
        await asyncio.wait({tasks[0], fetching}, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        if fetching.done() and fetching.exception() is None:
            with StreamCredit(CreditPool(1 << 20), 1 << 16) as credit:
                spans = [Span(64, 3936)]
                link.begin_stream(Stream(spans, credit))
                link.post(link.begin_stream_request(spans, credit.grant()))
                await asyncio.wait({tasks[0]}, timeout=0.02)
                link.end_stream()
        link.enough(_FILE_BYTES)
        link.finish()
        for task in tasks:
            if task.done():
                task.result()
    except (ServiceError, SourceError):
        pass
    finally:
        for task in tasks:
            task.cancel()
        for found in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(found, Exception) and not isinstance(found, ServiceError | SourceError):
                raise found
        file.close()


def _chunk_store(data: bytes) -> None:
    """Steps of four bytes: what, which upload, where, how much. What is stored is what was sent."""
    with contextlib.closing(ChunkIndex(None)) as index:
        _play_chunks(data, index)


def _play_chunks(data: bytes, index: ChunkIndex) -> None:
    store = ChunkStore(index, MemoryShelf(), replica="r", max_bytes=1 << 20, memory_bytes=1 << 16)
    known: list[tuple[str, bytearray]] = []
    sparse: dict[int, bytes] = {}
    for step in range(0, min(len(data), 400) - 3, 4):
        kind, which, where, size = data[step : step + 4]
        upload = known[which % len(known)] if known else None
        piece = bytes([where]) * (size * 64 + 1)
        try:
            if kind % 8 == 0 or upload is None:
                owner = store.begin_upload("t", None)
                known.append((owner.name, bytearray()))
            elif kind % 8 in {1, 2, 3}:
                offset = len(upload[1]) if kind % 8 != 3 else where
                store.append("t", store.upload("t", upload[0]), offset, piece)
                upload[1][offset:] = piece
            elif kind % 8 == 4:
                digest, length = store.complete("t", upload[0], "")
                assert length == len(upload[1])
                blob = store.blob("t", digest)
                assert blob is not None
                assert b"".join(part for _, part in store.read(blob, 0, length)) == bytes(upload[1])
            elif kind % 8 == 5:
                store.abort("t", upload[0])
            elif kind % 8 == 6:
                found = store.sparse("t", "key", 1 << 20, create=True)
                assert found is not None
                if where not in sparse:
                    store.fill("t", found, where << 15, piece[: 1 << 14])
                    sparse[where] = piece[: 1 << 14]
                for _offset, part in store.read(found, where << 15, (where << 15) + len(sparse[where])):
                    assert part in sparse[where]
            else:
                store.expire(1e9, 1e9)
                store.clean_up(1.0)
        except (
            ChunkStoreFullError,
            MissingChunkError,
            UnknownUploadError,
            WrongDigestError,
            WrongOffsetError,
        ):
            continue
        assert store.stored_bytes >= 0


@functools.cache
def _disk_file() -> bytes:
    async def make(folder: Path) -> None:
        tier = await DiskTier.open(folder, Budget(1 << 20))
        await tier.put([(_KEY._replace(content_id=f"b3:{number}"), _ENTRY) for number in range(8)], 1.0)
        await tier.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(make(Path(folder)))
        return zlib.compress((Path(folder) / "results.sqlite").read_bytes())


def _disk(data: bytes) -> None:
    """A changed database file: each entry is right or missed."""

    async def read(folder: Path) -> None:
        tier = await DiskTier.open(folder, Budget(1 << 20))
        try:
            with contextlib.suppress(TierError):
                keys = [_KEY._replace(content_id=f"b3:{number}") for number in range(8)]
                for found in await tier.get(keys, 2.0):
                    assert found is None or found.entry == _ENTRY
                await tier.put([(_KEY, _ENTRY)], 3.0)
                await tier.delete(Selector(content_id="b3:2"), 100)
        finally:
            await tier.close()

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "results.sqlite").write_bytes(data)
        asyncio.run(read(Path(folder)))


def _session_seed() -> bytes:
    messages = [
        pb.ExtractSessionRequest(offer=pb.SessionOffer(name="a.fits", size_bytes=_FILE_BYTES, can_seek=True)),
        pb.ExtractSessionRequest(chunk=pb.FileChunk(offset_bytes=0, data=bytes(64))),
        pb.ExtractSessionRequest(chunk=pb.FileChunk(offset_bytes=4000, data=bytes(96))),
        pb.ExtractSessionRequest(chunk=pb.FileChunk(offset_bytes=64, data=bytes(3936))),
        pb.ExtractSessionRequest(end=pb.StreamEnd(size_bytes=_FILE_BYTES)),
        pb.ExtractSessionRequest(failure=pb.SourceFailure(message="gone")),
    ]
    parts = [message.SerializeToString() for message in messages]
    return b"".join(len(part).to_bytes(2, "big") + part for part in parts)


def protocols() -> list[tuple[str, list[bytes], Callable[[bytes], None]]]:
    """Name, seeds and function of each."""
    from extractor_service.workers.protocol import Job

    sealed = record.seal(record.encode(_KEY.text().encode(), _ENTRY))
    chunk = b"".join(shelf.encode(b"chunk" * 1000))
    toml = (
        b"ramp_ratio_per_second = 0.2\n[batch.high]\nconcurrency_ratio = 0.25\nchunk_bytes = 262144\n",
        b'[[peer]]\nspiffe = "spiffe://a/*"\nroles = ["results"]\ntenant = "*"\n[quota]\nstored_bytes = 5\n[quota.tenant.acme]\nrequests_per_minute = 6\n',
    )
    claim = json.dumps((("JPEG", "magic", ""), 5, {"blake3": "0"})).encode()
    return [
        ("worker frames", [pack_job(Job("jpeg", ("metadata",), 5, 1.0)), pack(Kind.SNAPSHOT, payload=b"x")], _frames),
        ("session protocol", [_session_seed()], _session),
        ("kept facts", [Strikes(1, 3, "m", 1.0, 2.0).encode(), claim], _kept_facts),
        ("redis records", [sealed, redis_log._text(Selector(module="m")).encode()], _redis),
        ("entry records", [sealed, sealed[: -record.SEAL_BYTES]], _records),
        ("entry values", [Codec(1 << 20).encode(b"value" * 100), b"\0plain"], _values),
        ("chunk files", [chunk], _chunk),
        ("chunk store", [bytes(range(160)), bytes([0, 0, 0, 0, 1, 0, 0, 5, 1, 0, 0, 9, 4, 0, 0, 0])], _chunk_store),
        ("disk tier", [zlib.decompress(_disk_file())], _disk),
        ("policy and access files", list(toml), _policy),
        ("names and URIs", [b"photos/a.jpg", b"..%2f..%2fetc/passwd", b"https://a.example/public/%252e%252e/x"], _names),
    ]  # fmt: skip
