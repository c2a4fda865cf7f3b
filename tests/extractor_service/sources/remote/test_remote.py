"""Distant URIs: a real HTTP server with ranges, redirects and lies; fsspec's memory file system; what isn't allowed."""

from __future__ import annotations

import http.server
import re
import threading
from pathlib import Path

import pytest

from extractor_service.sources.base import SourceError
from extractor_service.sources.remote.allowed import AllowedPrefixes, ForbiddenUriError, is_private
from extractor_service.sources.remote.store import MissingUriError
from extractor_service.sources.remote.stores import RemoteStores
from extractor_service.sources.spans import Span
from extractor_service.sources.sparse import SparseFile
from extractor_service.sources.spool import SpoolBudget
from metaextract_client import NEVER, ExtractorClient, ForbiddenError, NotFoundError
from metaextract_client.render import cache_status_name
from tests.support import large_files
from tests.support.processes import start_cache, start_extractor

BODY = bytes(range(256)) * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server
        path = self.path.partition("?")[0]
        server.asked.append((path, self.headers.get("Range")))
        if path.startswith("/to/"):
            return self.answer(302, b"", Location=server.redirects[path])
        if path not in server.files:
            return self.answer(404, b"")
        body, etag = server.files[path]
        match = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if match is None or path.endswith(".noranges"):
            return self.answer(200, body, ETag=etag)
        first, last = int(match[1]), min(int(match[2]), len(body) - 1)
        if first >= len(body):
            return self.answer(416, b"", **{"Content-Range": f"bytes */{len(body)}"})
        piece = body[first : last + 1]
        self.answer(206, piece, ETag=etag, **{"Content-Range": f"bytes {first}-{last}/{len(body)}"})
        return None

    def answer(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.redirects = [], {}
    server.files = {
        "/ok/a.bin": (BODY, '"1"'),
        "/ok/empty": (b"", '"e"'),
        "/secret": (b"x", '"s"'),
        "/ok/b.noranges": (BODY, '"n"'),
    }
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
async def opened(web, tmp_path):
    stores = RemoteStores(
        AllowedPrefixes([f"{web.url}/ok/", f"{web.url}/to/", "memory://bucket/", "http://localhost:1/"]),
        timeout_seconds=5,
        may_be_private=False,
    )
    sources = []

    async def open_uri(uri):
        file = SparseFile(tmp_path, SpoolBudget(10**8, 100))
        try:
            sources.append(await stores.open(uri, file))
        except BaseException:
            file.close()
            raise
        return sources[-1]

    yield open_uri
    for source in sources:
        source.close()
    await stores.close()


async def test_ranges_are_fetched_as_needed(web, opened):
    source = await opened(f"{web.url}/ok/a.bin?x=1")
    assert source.size_bytes == len(BODY) and source.name == "a.bin" and source.may_be_cached
    assert source.head == BODY[:16384]
    await source.supply([Span(100_000, 10), Span(200_000, 50)])
    assert source.file.read(200_000, 50) == BODY[200_000:200_050]
    first, *others = [ranges for _, ranges in web.asked]
    assert first == "bytes=0-65535"
    assert sorted(others) == ["bytes=100000-100009", "bytes=200000-200049"], "both at once, in any order"
    assert (await opened(f"{web.url}/ok/empty")).size_bytes == 0
    assert (await opened(f"{web.url}/ok/b.noranges")).file.read(0, 5) == BODY[:5]


async def test_a_change_is_noticed(web, opened):
    source = await opened(f"{web.url}/ok/a.bin")
    web.files["/ok/a.bin"] = (BODY[::-1], '"2"')
    with pytest.raises(SourceError, match="changed"):
        await source.supply([Span(100_000, 10)])
    assert source.has_changed()
    assert (await opened(f"{web.url}/ok/a.bin")).content_id != source.content_id


async def test_redirects_must_be_allowed(web, opened):
    web.redirects = {
        "/to/good": "/ok/a.bin",
        "/to/secret": "/secret",
        "/to/private": "http://169.254.169.254/latest/meta-data",
        "/to/loop": "/to/loop",
        "/to/file": "file:///etc/passwd",
    }
    assert (await opened(f"{web.url}/to/good")).size_bytes == len(BODY)
    for name in ("secret", "private", "file"):
        with pytest.raises(ForbiddenUriError):
            await opened(f"{web.url}/to/{name}")
    with pytest.raises(SourceError, match="redirects"):
        await opened(f"{web.url}/to/loop")


async def test_what_isn_t_there_or_can_t_be_reached(web, opened):
    with pytest.raises(MissingUriError):
        await opened(f"{web.url}/ok/none")
    with pytest.raises(SourceError):
        await opened("http://localhost:1/x")  # a public name with a private address


@pytest.mark.parametrize(
    "path",
    ["/secret", "/ok/../secret", "/ok/%2e%2e/secret", "/okay/a", "/ok\\..\\secret", "//evil/ok/a.bin"],
)
async def test_only_beneath_the_prefixes(web, opened, path):
    with pytest.raises(ForbiddenUriError):
        await opened(web.url + path)
    assert web.asked == []


@pytest.mark.parametrize(
    "uri",
    [
        "http://user@127.0.0.1/ok/a", "ftp://example.org/a", "memory://other/a", "gopher://x", "http:///ok/", "nonsense",
        "simplecache::memory://bucket/a",
    ],
)  # fmt: skip
async def test_other_uris_are_denied(opened, uri):
    with pytest.raises(ForbiddenUriError):
        await opened(uri)


def test_nothing_is_allowed_by_default():
    allowed = AllowedPrefixes([])
    assert not allowed
    with pytest.raises(ForbiddenUriError):
        allowed.check("https://example.org/")


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("8.8.8.8", False), ("2606:4700::1111", False), ("127.0.0.1", True), ("10.1.2.3", True), ("169.254.169.254", True),
        ("::1", True), ("::ffff:10.0.0.1", True), ("fe80::1%eth0", True), ("0.0.0.0", True), ("224.0.0.1", True), ("100.64.0.1", True),
    ],
)  # fmt: skip
def test_private_addresses(address, private):
    assert is_private(address) is private


async def test_other_stores_through_fsspec(opened):
    import fsspec

    system = fsspec.filesystem("memory")
    system.pipe_file("/bucket/x.bin", BODY)
    source = await opened("memory://bucket/x.bin")
    await source.supply([Span(1000, 5)])
    assert source.size_bytes == len(BODY) and source.file.read(1000, 5) == BODY[1000:1005]
    with pytest.raises(MissingUriError):
        await opened("memory://bucket/none")


@pytest.mark.servers
def test_over_grpc(web, tmp_path):
    path = Path(tmp_path) / "far.fits"
    large_files.write_fits(path, 4 * 2**20)
    web.files["/ok/far.fits"] = (path.read_bytes(), '"f"')
    with (
        start_cache(tmp_path / "c") as cache,
        start_extractor(cache.address, METAEXTRACT_REMOTE_PREFIXES=f"{web.url}/ok/") as extractor,
        ExtractorClient(extractor.address, NEVER) as client,
    ):
        answer = client.extract_uri(f"{web.url}/ok/far.fits")
        assert answer.document.common.title == "Large field" and answer.document.file.name == "far.fits"
        assert len(web.asked) <= 3
        again = client.extract_uri(f"{web.url}/ok/far.fits")
        assert cache_status_name(again.info.cache_status) == "HIT"
        with pytest.raises(NotFoundError):
            client.extract_uri(f"{web.url}/ok/no")
        with pytest.raises(ForbiddenError):
            client.extract_uri(f"{web.url}/secret")
