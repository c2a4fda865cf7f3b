"""Public keys of a token issuer: a JSON Web Key Set (RFC 7517) in a file or behind a URL, cached and rotated.

A key that isn't known is looked for once more, but not on anybody's word more often than every few seconds. A set that
can't be had leaves the last one in force, for a day.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from service_runtime.addresses import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    from jwt import PyJWK

_log = logging.getLogger(__name__)


class Limits:
    """Of `KeySet` and `parse`."""

    max_set_bytes = 1024 * 1024  # hundreds of keys; a URL mustn't fill the memory
    max_keys = 256  # issuers have two or three; every one more is a key that may sign
    fetch_seconds = 5.0  # of a URL that doesn't answer; callers with a new key wait for it
    look_seconds = 0.2  # between two looks at a file's time: what was rotated in is found by its first token
    ask_again_seconds = 5.0  # between two fetches of a URL that an unknown key led to
    max_stale_seconds = (
        86_400.0  # a day: an issuer's outage is shorter, and a key that leaked isn't good for ever
    )
    retry_seconds = 2.0  # after a failed fetch
    least_rsa_bits = 2048  # NIST SP 800-131A; shorter keys are ignored


class KeysUnavailableError(Exception):
    """There are no keys to check anything with, for now."""


class VerifyingKey(NamedTuple):
    """A public key and the only algorithm that it is for."""

    key: PyJWK
    algorithm: str


class KeySet:
    """The keys by id. `run` refreshes them until cancelled.

    Attributes:
        generation: changes with the set: what was verified by another one has to be verified again.
    """

    def __init__(
        self,
        location: str,
        *,
        refresh_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`location`: a path, or a URL: https, or http on this machine.

        Raises:
            ValueError: a URL that can't be trusted.
        """
        self._location = location
        self._is_url = "://" in location
        parts = urlsplit(location)
        if self._is_url and not (
            parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        ):
            raise ValueError(f"keys come from a file or https://, not {parts.scheme}://{parts.hostname}")
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._keys: dict[str, VerifyingKey] = {}
        self._raw: bytes | None = None
        self._fetched_at = -1e9
        self._looked_at = -1e9
        self._state: tuple[int, int, int] | None = None
        self._is_good = True
        self._said = ""
        self._fetching: asyncio.Task[None] | None = None
        self.generation = 0

    def check(self) -> None:
        """Looks whether a file has changed; raises KeysUnavailableError when there is no set, or it is too old."""
        if not self._is_url:
            self._look()
        if self._clock() - self._fetched_at > Limits.max_stale_seconds:
            raise KeysUnavailableError("the issuer's keys can't be had")

    def known(self, key_id: str) -> VerifyingKey | None:
        """The key of that id, as far as it is known here and now; raises KeysUnavailableError."""
        self.check()
        return self._keys.get(key_id)

    async def find(self, key_id: str) -> VerifyingKey | None:
        """The key of that id, fetched where it may be a new one; raises KeysUnavailableError."""
        if key_id not in self._keys:
            if not self._is_url:
                self._look(is_due=True)  # a token of a new key may be quicker than the next look
            elif self._may_ask():
                await self._fetch()
        return self.known(key_id)

    async def run(self) -> None:
        """Keeps the set fresh until cancelled. Files are looked at when they are needed."""
        while self._is_url:
            await self._fetch()
            is_fresh = self._clock() - self._fetched_at < self._refresh_seconds
            await asyncio.sleep(self._refresh_seconds if is_fresh else Limits.retry_seconds)

    def load(self) -> None:
        """Reads a file now; raises OSError or ValueError when there is no set in it. A URL is fetched later."""
        if not self._is_url:
            self._take(Path(self._location).read_bytes())

    def _may_ask(self) -> bool:
        is_running = self._fetching is not None and not self._fetching.done()
        return is_running or self._clock() - self._looked_at > Limits.ask_again_seconds

    async def _fetch(self) -> None:
        """One fetch at a time; whoever comes meanwhile waits for the same."""
        if self._fetching is None or self._fetching.done():
            self._looked_at = self._clock()
            self._fetching = asyncio.create_task(self._download())
        await asyncio.shield(self._fetching)

    async def _download(self) -> None:
        import aiohttp  # noqa: PLC0415 - large, and of no use without a URL

        timeout = aiohttp.ClientTimeout(total=Limits.fetch_seconds)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(self._location, allow_redirects=False) as answer,
            ):
                if answer.status != 200:  # redirects included: only the named place is trusted
                    raise ValueError(f"status {answer.status}")
                raw = b""
                async for piece in answer.content.iter_chunked(65_536):
                    raw += piece
                    if len(raw) > Limits.max_set_bytes:
                        break
                self._take(raw)
        except Exception as error:  # noqa: BLE001 - whatever a server answers: the keys before stay in force
            _log.warning("the issuer's keys can't be fetched", extra={"error": repr(error)})

    def _look(self, *, is_due: bool = False) -> None:
        """Reads the file again when it has changed; one that can't be read leaves the keys as they are."""
        now = self._clock()
        if now - self._looked_at < Limits.look_seconds and not is_due:
            return
        self._looked_at = now
        try:
            status = Path(self._location).stat()
            state = (status.st_mtime_ns, status.st_size, status.st_ino)
            if state != self._state:
                self._state = state  # also of one that can't be used: it isn't read again at each token
                self._is_good = False
                self._take(Path(self._location).read_bytes())
                self._is_good = True
            if self._is_good:
                self._fetched_at = now
        except Exception as error:  # noqa: BLE001 - as above
            if repr(error) != self._said:
                self._said = repr(error)
                _log.warning("the issuer's keys can't be read", extra={"error": self._said})
        else:
            self._said = ""

    def _take(self, raw: bytes) -> None:
        if len(raw) > Limits.max_set_bytes:
            raise ValueError("a key set has more than 1 MiB")
        if raw != self._raw:
            self._keys, self._raw = parse(raw), raw
            self.generation += 1
            _log.info("issuer's keys", extra={"key_ids": sorted(self._keys)})
        self._fetched_at = self._clock()


def parse(raw: bytes) -> dict[str, VerifyingKey]:
    """The usable keys of a set by id: public, asymmetric, for signatures. An id that stands for two is nobody's.

    Raises:
        ValueError: it isn't a key set, or none of its keys is usable.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey  # noqa: PLC0415 - large
    from jwt import PyJWK  # noqa: PLC0415 - large

    try:
        listed = json.loads(raw)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("not a JSON Web Key Set") from None
    found: dict[str, VerifyingKey] = {}
    twice: set[str] = set()
    for each in listed[: Limits.max_keys] if isinstance(listed, list) else []:
        if not isinstance(each, dict) or each.get("kty") not in ("RSA", "EC", "OKP"):
            continue  # a shared secret in a public place is none
        key_id = each.get("kid")
        if not isinstance(key_id, str) or not key_id or each.get("use", "sig") != "sig":
            continue
        public = {
            name: value for name, value in each.items() if name not in {"d", "p", "q", "dp", "dq", "qi"}
        }
        try:
            key = PyJWK(public)
        except Exception:  # noqa: BLE001, S112 - PyJWK raises nearly anything; the other keys are still good
            continue
        if isinstance(key.key, RSAPublicKey) and key.key.key_size < Limits.least_rsa_bits:
            continue
        if key_id in found:
            twice.add(key_id)
        found[key_id] = VerifyingKey(key, key.algorithm_name)
    for key_id in twice:
        del found[key_id]
    if not found:
        raise ValueError("a key set without a usable key")
    return found
