"""Who uses how much of what all share: the heavy wait for the light, and nobody waits while nobody else wants it.

A caller is light when it has used less than half of what each would have in equal parts. `CpuShares` go by CPU time of late, since
one costly file is worth a thousand cheap ones; `PlaceShares` by places held. Pure; the clock is passed in.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple, Protocol

from service_runtime.identity.caller import EXEMPT

if TYPE_CHECKING:
    from collections.abc import Callable

_HALF_LIFE_SECONDS = 10.0  # what was used a minute ago counts a sixty-fourth
_REMEMBERED_SECONDS = 30.0  # three halvings: an eighth of what it was
_MAX_CALLERS = 10_000  # 300 bytes each; the one unseen for longest begins anew, as light
_LIGHT_RATIO = 0.5  # of its part: who is close to it is neither light nor heavy, and waits like everybody
_FORGOTTEN_SECONDS = 1e-3  # of CPU in all: below, shares of it say nothing


class Shares(Protocol):
    """How one thing is shared."""

    def see(self, caller: str) -> None:
        """It asks for something."""
        ...

    def enter(self, caller: str) -> float:
        """One of the caller's requests has got a place; the moment, for `leave`."""
        ...

    def leave(self, caller: str, entered_at: float) -> None:
        """It has given it back."""
        ...

    def load(self, caller: str) -> float:
        """How much the caller uses: who has less goes first."""
        ...

    def is_light(self, caller: str) -> bool:
        """Whether it uses less than half of its equal part, while others use theirs."""
        ...


class PlaceShares:
    """Shares of places: of uploads, or of sessions."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}
        self._total = 0

    def see(self, caller: str) -> None:
        """See `Shares`."""

    def enter(self, caller: str) -> float:
        """See `Shares`."""
        self.held[caller] = self.held.get(caller, 0) + 1
        self._total += 1
        return 0.0

    def leave(self, caller: str, entered_at: float = 0.0) -> None:
        """See `Shares`."""
        del entered_at
        self._total -= 1
        left = self.held.get(caller, 0) - 1
        if left > 0:
            self.held[caller] = left
        else:
            self.held.pop(caller, None)

    def load(self, caller: str) -> float:
        """Places held."""
        return float(self.held.get(caller, 0))

    def is_light(self, caller: str) -> bool:
        """See `Shares`."""
        own = self.held.get(caller, 0)
        if own == self._total:
            return caller == EXEMPT
        count = len(self.held) + (own == 0)
        return caller == EXEMPT or own * count < _LIGHT_RATIO * self._total


class CallerUse(NamedTuple):
    """What one caller has used."""

    caller: str
    in_flight: int
    recent_cpu_seconds: float
    share_ratio: float
    refused_total: int


class _Use:
    """One caller's; times are of the clock."""

    __slots__ = ("at", "began", "cpu_seconds", "refused", "running", "seen_at")

    def __init__(self, now: float) -> None:
        self.at = self.seen_at = now
        self.cpu_seconds = 0.0
        self.running = 0
        self.began = 0.0
        """The sum of the moments at which those running began."""
        self.refused = 0

    def settle(self, now: float) -> None:
        """Lets what is past fade."""
        if now > self.at:
            self.cpu_seconds *= 0.5 ** ((now - self.at) / _HALF_LIFE_SECONDS)
            self.at = now

    def load(self, now: float) -> float:
        """CPU seconds of late, those of what still runs as if it had had a CPU all the time."""
        self.settle(now)
        return self.cpu_seconds + max(0.0, self.running * now - self.began)


class CpuShares:
    """Shares of CPU time, charged when a file is done, and counted while it isn't."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._uses: OrderedDict[str, _Use] = OrderedDict()
        self._all = _Use(clock())

    @property
    def is_contended(self) -> bool:
        """Whether more than one caller has been seen of late."""
        self._forget(self._clock())
        return len(self._uses) > 1

    def see(self, caller: str) -> None:
        """It asks for something."""
        if caller != EXEMPT:
            self._use(caller)

    def enter(self, caller: str) -> float:
        """See `Shares`."""
        now = self._clock()
        if caller != EXEMPT:
            for use in (self._use(caller), self._all):
                use.running += 1
                use.began += now
        return now

    def leave(self, caller: str, entered_at: float) -> None:
        """See `Shares`."""
        if caller != EXEMPT:
            for use in (self._use(caller), self._all):
                use.running -= 1
                use.began -= entered_at

    def charge(self, caller: str, seconds: float) -> None:
        """CPU time that a file of the caller's took."""
        if caller == EXEMPT:
            return
        now = self._clock()
        for use in (self._use(caller), self._all):
            use.settle(now)
            use.cpu_seconds += seconds

    def refuse(self, caller: str) -> None:
        """A request of the caller's was refused."""
        if caller != EXEMPT:
            self._use(caller).refused += 1

    def load(self, caller: str) -> float:
        """CPU seconds of late; of the exempt as much as of others on average: they are bound by nothing, and go before nobody."""
        if caller == EXEMPT:
            return self._all.load(self._clock()) / max(1, len(self._uses))
        use = self._uses.get(caller)
        return 0.0 if use is None else use.load(self._clock())

    def is_light(self, caller: str) -> bool:
        """See `Shares`."""
        if caller == EXEMPT:
            return True
        now = self._clock()
        self._forget(now)
        count = len(self._uses) + (caller not in self._uses)
        if count < 2:
            return False
        return self.load(caller) * count < _LIGHT_RATIO * self._all.load(now)

    def heaviest(self, count: int) -> list[CallerUse]:
        """Those that use the most."""
        now = self._clock()
        self._forget(now)
        total = max(_FORGOTTEN_SECONDS, self._all.load(now))
        uses = [
            CallerUse(name, use.running, load := use.load(now), min(1.0, load / total), use.refused)
            for name, use in self._uses.items()
        ]
        return sorted(uses, key=lambda use: use.recent_cpu_seconds, reverse=True)[:count]

    def _use(self, caller: str) -> _Use:
        now = self._clock()
        use = self._uses.get(caller)
        if use is None:
            use = self._uses[caller] = _Use(now)
            self._forget(now)
        else:
            use.seen_at = now
            self._uses.move_to_end(caller)
        return use

    def _forget(self, now: float) -> None:
        """Drops who hasn't been seen for long, and has nothing running."""
        for _ in range(len(self._uses)):
            name, use = next(iter(self._uses.items()))
            if now - use.seen_at <= _REMEMBERED_SECONDS and len(self._uses) <= _MAX_CALLERS:
                return
            if use.running:
                self._uses.move_to_end(name)
            else:
                del self._uses[name]
