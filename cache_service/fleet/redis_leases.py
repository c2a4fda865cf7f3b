"""Leases that span cache replicas: keys in Redis that expire by themselves. Without Redis, each replica's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3

from cache_service.fleet.redis_connection import FleetUnavailableError
from cache_service.leases import Lease, LocalLeases

if TYPE_CHECKING:
    from cache_service.fleet.redis_connection import FleetConnection

_ACQUIRE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class FleetLeases:
    """See `LeaseBook`. When Redis fails, work may be done once per replica: slower, never wrong.

    Tokens come from this replica's clock: those of one name grow as far as the replicas' clocks agree, and the key in
    Redis decides who holds the lease.
    """

    def __init__(self, connection: FleetConnection) -> None:
        self._connection = connection
        self.local = LocalLeases()

    async def acquire(self, name: str, holder: str, seconds: float, now: float) -> Lease | None:
        """See `LeaseBook.acquire`."""
        lease = await self.local.acquire(name, holder, seconds, now)
        if lease is None:
            return None
        try:
            taken = await self._eval(_ACQUIRE, name, str(lease.token), int(seconds * 1000))
        except FleetUnavailableError:
            return lease
        except BaseException:  # the caller has gone
            await self.local.release(name, lease.token)
            raise
        if taken:
            return lease
        await self.local.release(name, lease.token)
        return None

    async def renew(self, name: str, token: int, seconds: float, now: float) -> Lease | None:
        """See `LeaseBook.renew`."""
        try:
            kept = await self._eval(_RENEW, name, str(token), int(seconds * 1000))
            if not kept and not await self._eval(_ACQUIRE, name, str(token), int(seconds * 1000)):
                return None
        except FleetUnavailableError:
            return await self.local.renew(name, token, seconds, now)
        return await self.local.renew(name, token, seconds, now) or Lease(name, token, now + seconds)

    async def release(self, name: str, token: int) -> bool:
        """See `LeaseBook.release`."""
        was_held = await self.local.release(name, token)
        try:
            return bool(await self._eval(_RELEASE, name, str(token))) or was_held
        except FleetUnavailableError:
            return was_held

    async def is_lost(self, name: str, token: int, now: float) -> bool:
        """See `LeaseBook.is_lost`."""
        if await self.local.is_lost(name, token, now):
            return True
        try:
            held = await self._connection.run(lambda client: client.get(self._key(name)), object)
        except FleetUnavailableError:
            return False
        return isinstance(held, bytes) and int(held) > token

    async def _eval(self, script: str, name: str, *arguments: str | int) -> int:
        return await self._connection.run(
            lambda client: client.eval(script, 1, self._key(name), *arguments), int
        )

    def _key(self, name: str) -> str:
        return self._connection.key("l", blake3(name.encode()).hexdigest(length=16))
