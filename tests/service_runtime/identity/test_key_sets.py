"""Key sets behind URLs: fetched, refreshed, found by an unknown key, bounded, and old ones kept through an outage."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from service_runtime.identity import key_sets
from service_runtime.identity.key_sets import KeySet, KeysUnavailableError


def entry(kid):
    key = ec.generate_private_key(ec.SECP256R1())
    return {**ECAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid}


class Site:
    """A web server with a key set that a test changes."""

    def __init__(self) -> None:
        self.keys = [entry("one")]
        self.status = 200
        self.body: bytes | None = None
        self.hits = 0

    async def __aenter__(self) -> Site:
        async def answer(request):
            self.hits += 1
            body = self.body if self.body is not None else json.dumps({"keys": self.keys}).encode()
            return web.Response(body=body, status=self.status)

        async def elsewhere(request):
            return web.Response(status=302, headers={"location": "/keys"})

        app = web.Application()
        app.router.add_get("/keys", answer)
        app.router.add_get("/elsewhere", elsewhere)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def test_a_new_key_is_fetched_once_for_all_who_ask(monkeypatch):
    async with Site() as site:
        keys = KeySet(f"{site.url}/keys", refresh_seconds=300)
        found = await asyncio.gather(*(keys.find("one") for _ in range(20)))
        assert all(found) and site.hits == 1
        site.keys.append(entry("two"))
        assert await keys.find("two") is None, "asked a moment ago"
        monkeypatch.setattr(key_sets.Limits, "ask_again_seconds", 0.0)
        assert await keys.find("two") is not None and site.hits == 2


async def test_strangers_can_t_make_it_fetch(monkeypatch):
    async with Site() as site:
        keys = KeySet(f"{site.url}/keys", refresh_seconds=300)
        for number in range(200):
            assert await keys.find(f"guess {number}") is None
        assert site.hits == 1


async def test_an_outage_leaves_the_keys_in_force_but_not_for_ever(monkeypatch):
    now = [1e6]
    async with Site() as site:
        keys = KeySet(f"{site.url}/keys", refresh_seconds=300, clock=lambda: now[0])
        with pytest.raises(KeysUnavailableError):
            keys.known("one")
        assert await keys.find("one") is not None
        for status, body in ((503, None), (200, b"<html>"), (200, b'{"keys": []}'), (200, b"x" * (2 << 20))):
            site.status, site.body = status, body
            now[0] += 10
            assert await keys.find("new") is None
            assert keys.known("one") is not None
        now[0] += 86_401
        with pytest.raises(KeysUnavailableError):
            keys.known("one")


async def test_a_redirect_isn_t_followed_and_plain_http_is_only_for_this_machine():
    async with Site() as site:
        keys = KeySet(f"{site.url}/elsewhere", refresh_seconds=300)
        with pytest.raises(KeysUnavailableError):
            await keys.find("one")
    for location in ("http://issuer.example/keys", "ftp://issuer.example/keys", "http://127.0.0.1.example/k"):
        with pytest.raises(ValueError, match="https"):
            KeySet(location, refresh_seconds=300)


async def test_the_loop_finds_what_was_rotated(monkeypatch):
    monkeypatch.setattr(key_sets.Limits, "retry_seconds", 0.02)
    async with Site() as site:
        site.status = 500
        keys = KeySet(f"{site.url}/keys", refresh_seconds=0.05)
        task = asyncio.create_task(keys.run())
        await asyncio.sleep(0.05)
        site.status = 200
        async with asyncio.timeout(5):
            while "one" not in keys._keys:
                await asyncio.sleep(0.01)
            site.keys[:] = [entry("three")]
            while "three" not in keys._keys:
                await asyncio.sleep(0.01)
        assert keys.known("one") is None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_a_file_that_goes_leaves_its_keys(tmp_path):
    path = tmp_path / "jwks.json"
    with pytest.raises(OSError, match="jwks"):
        KeySet(str(path), refresh_seconds=60).load()
    path.write_text(json.dumps({"keys": [entry("one")]}))
    now = [0.0]
    keys = KeySet(str(path), refresh_seconds=60, clock=lambda: now[0])
    keys.load()
    path.unlink()
    now[0] += 10
    assert keys.known("one") is not None


async def test_the_first_token_of_a_new_key_finds_it_in_the_file_at_once(tmp_path):
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [entry("one")]}))
    keys = KeySet(str(path), refresh_seconds=60)
    keys.load()
    for number in range(20):
        assert keys.known("one") or number, "looked at a moment ago"
        path.write_text(json.dumps({"keys": [entry("one"), entry(f"new {number}")]}))
        assert await keys.find(f"new {number}") is not None


async def test_a_set_that_comes_in_pieces_is_read_to_its_end():
    async def answer(request):
        response = web.StreamResponse()
        await response.prepare(request)
        body = json.dumps({"keys": [entry("one")]}).encode()
        for start in range(0, len(body), 40):
            await response.write(body[start : start + 40])
            await asyncio.sleep(0.005)
        return response

    app = web.Application()
    app.router.add_get("/keys", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = site._server.sockets[0].getsockname()[1]
        keys = KeySet(f"http://127.0.0.1:{port}/keys", refresh_seconds=300)
        assert await keys.find("one") is not None
    finally:
        await runner.cleanup()
