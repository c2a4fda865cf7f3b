"""Leases: who may compute a result now. Tokens grow with every lease, so that a late holder can be told from the next
one (a fencing token: Kleppmann, "How to do distributed locking", 2016). Pure; time is passed in.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple, Protocol

_SWEEP_EVERY = 1024  # acquisitions: a sweep looks at all leases, and so costs each call little
_MAX_RELEASED = 10_000  # names; a late holder of an older one isn't recognized as late


class Lease(NamedTuple):
    """A lease: its holder alone computes what `name` stands for."""

    name: str
    token: int
    expires_at: float
    holder: str = ""


class LeaseBook(Protocol):
    """Gives out leases, one per name. `now` is wall time."""

    async def acquire(self, name: str, holder: str, seconds: float, now: float) -> Lease | None:
        """A new lease, or None while another one is held."""
        ...

    async def renew(self, name: str, token: int, seconds: float, now: float) -> Lease | None:
        """The lease with a later end; None when it was lost."""
        ...

    async def release(self, name: str, token: int) -> bool:
        """Whether it was still held; the name is free now."""
        ...

    async def is_lost(self, name: str, token: int, now: float) -> bool:
        """Whether a newer lease of `name` was given out."""
        ...


class LocalLeases:
    """The leases of one replica."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}
        self._released: OrderedDict[str, int] = OrderedDict()  # the last tokens of names that are free
        self._last_token = 0
        self._operations = 0
        self.expired = 0

    async def acquire(self, name: str, holder: str, seconds: float, now: float) -> Lease | None:
        """See `LeaseBook.acquire`."""
        self._sweep(now)
        held = self._leases.get(name)
        if held is not None and held.expires_at > now:
            return None
        self.expired += held is not None
        # From the clock, so that tokens also grow over a restart.
        self._last_token = max(self._last_token + 1, int(now * 1_000_000))
        lease = self._leases[name] = Lease(name, self._last_token, now + seconds, holder)
        return lease

    async def renew(self, name: str, token: int, seconds: float, now: float) -> Lease | None:
        """See `LeaseBook.renew`; one that lapsed but wasn't given to another is held again."""
        held = self._leases.get(name)
        if held is None or held.token != token:
            return None
        lease = self._leases[name] = held._replace(expires_at=now + seconds)
        return lease

    async def release(self, name: str, token: int) -> bool:
        """See `LeaseBook.release`."""
        held = self._leases.get(name)
        if held is None or held.token != token:
            return False
        del self._leases[name]
        self._released[name] = token
        self._released.move_to_end(name)
        while len(self._released) > _MAX_RELEASED:
            self._released.popitem(last=False)
        return True

    async def is_lost(self, name: str, token: int, now: float) -> bool:
        """See `LeaseBook.is_lost`."""
        held = self._leases.get(name)
        is_held_by_another = held is not None and held.token > token and held.expires_at > now
        return is_held_by_another or self._released.get(name, 0) > token

    def _sweep(self, now: float) -> None:
        """Forgets what lapsed and nobody asked for again, now and then."""
        self._operations += 1
        if self._operations % _SWEEP_EVERY == 0:
            lapsed = [name for name, lease in self._leases.items() if lease.expires_at <= now]
            self.expired += len(lapsed)
            for name in lapsed:
                del self._leases[name]
