"""Certificates and key sets are rotated under 200 calls a second, at both services and at the clients: no call fails."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import Counter
from pathlib import Path

from metaextract_client import NEVER, AsyncExtractorClient, MetaExtractError, Security
from metaextract_client.cli.development import Claims
from tests.support.evidence import Evidence
from tests.support.identities import SPIFFE, Realm
from tests.support.processes import start_cache, start_extractor

_RATE = 200
_SECONDS = 40.0
_EVERY_SECONDS = 2.0
_OVERLAP_SECONDS = 4.0  # a key stays in the set for as long after the last token that it signed was replaced
_ACCESS = f"""
[[peer]]
spiffe = "{SPIFFE}/server"
roles = ["results"]
tenant = "*"
"""


class Load:
    """Calls at a steady rate; every tenth opens a connection of its own, which shakes hands anew."""

    def __init__(self, address: str, security: Security) -> None:
        self._address = address
        self._security = security
        self.outcomes: Counter[str] = Counter()
        self.handshakes = 0
        self.is_over = False

    async def run(self) -> None:
        async with AsyncExtractorClient(self._address, NEVER, self._security) as client:
            calls: set[asyncio.Task[None]] = set()
            number, begun = 0, time.monotonic()
            while not self.is_over:
                task = asyncio.create_task(self._call(client, number))
                calls.add(task)
                task.add_done_callback(calls.discard)
                number += 1
                await asyncio.sleep(max(0.0, begun + number / _RATE - time.monotonic()))
            await asyncio.gather(*calls)

    async def _call(self, client: AsyncExtractorClient, number: int) -> None:
        try:
            if number % 10:
                await client.get_capabilities(timeout=20)
            else:
                async with AsyncExtractorClient(self._address, NEVER, self._security) as own:
                    await own.extract_bytes(f"text {number}".encode(), "a.txt", timeout=20)
                self.handshakes += 1
        except MetaExtractError as error:
            self.outcomes[f"{error.code.name} {error.reason} {error}"[:120]] += 1
        else:
            self.outcomes["OK"] += 1


class Rotation:
    """Replaces what can be replaced, in the order in which operators do it."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._old_keys: list[tuple[float, str]] = []
        self.certificates = 0
        self.keys = 0
        self.removed_keys = 0

    def step(self) -> None:
        realm = self._realm
        realm.authority.issue("server", spiffe=f"{SPIFFE}/server")
        realm.authority.issue("client", spiffe=f"{SPIFFE}/client")
        self.certificates += 2
        self._old_keys.append((time.monotonic(), realm.issuer.key_id))
        realm.issuer.rotate()  # into the set first, then it signs
        self.keys += 1
        (realm.folder / "client.token").write_text(realm.token("acme"))
        (realm.folder / "extractor.token").write_text(
            realm.issuer.token(Claims("extractor", "*", ("results",)))
        )
        self._remove_old()

    def _remove_old(self) -> None:
        now = time.monotonic()
        gone = {key for at, key in self._old_keys if now - at > _OVERLAP_SECONDS}
        path = self._realm.folder / "jwks.json"
        listed = json.loads(path.read_bytes())["keys"]
        kept = [each for each in listed if each["kid"] not in gone]
        partial = path.with_suffix(".new")
        partial.write_text(json.dumps({"keys": kept}))
        partial.replace(path)
        self.removed_keys += len(listed) - len(kept)


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    with tempfile.TemporaryDirectory() as folder:
        realm = Realm(Path(folder) / "realm")
        settings = {
            **realm.tls(clients=True),
            **realm.tokens(),
            "METAEXTRACT_ACCESS_FILE": realm.access_file(_ACCESS),
        }
        token = realm.folder / "client.token"
        token.write_text(realm.token("acme"))
        security = realm.certificate("client", f"{SPIFFE}/client")._replace(token_file=str(token))
        with (
            start_cache(Path(folder) / "cache", **settings) as cache,
            start_extractor(cache.address, **settings) as extractor,
        ):
            load, rotation = Load(extractor.address, security), Rotation(realm)
            seconds = asyncio.run(_both(load, rotation))
            warnings = [line for line in extractor.log + cache.log if '"error"' in line]
    calls = load.outcomes.total()
    for outcome, count in load.outcomes.most_common():
        print(f"  {count:>6}  {outcome}")
    for line in warnings[:5]:
        print(f"  {line[:200]}")
    case = f"{_RATE} calls a second for {seconds:.0f} s"
    evidence.single(case, "calls", "count", calls, f">= {_RATE * seconds * 0.95:.0f}")
    evidence.single(case, "failed", "count", calls - load.outcomes["OK"], "== 0")
    evidence.single(case, "connections made meanwhile", "count", load.handshakes, "> 100")
    evidence.single(case, "certificates replaced", "count", rotation.certificates, "> 10")
    evidence.single(case, "keys of the issuer replaced", "count", rotation.keys, "> 5")
    evidence.single(case, "keys taken out of the set", "count", rotation.removed_keys, "> 3")
    evidence.single(case, "errors in the services' logs", "count", len(warnings), "== 0")
    return evidence


async def _both(load: Load, rotation: Rotation) -> float:
    begun = time.monotonic()
    running = asyncio.create_task(load.run())
    while time.monotonic() - begun < _SECONDS:
        await asyncio.sleep(_EVERY_SECONDS)
        rotation.step()
    load.is_over = True
    seconds = time.monotonic() - begun
    await running
    return seconds
