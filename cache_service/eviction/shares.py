"""What each tenant is guaranteed of a tier, over any eviction policy.

The policy stays one for all: what is worth the least goes first, whosever it is. But a victim whose tenant holds no more than its
guarantee is set aside instead, where the policy doesn't see it, and goes when its tenant holds more. Each entry is
set aside once at most, so that an eviction costs what it cost. (A policy per tenant would take 400 KB each.)
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from cache_service.entries.fingerprints import FingerprintMap
from cache_service.eviction.guarantees import Guarantees
from cache_service.eviction.held_bytes import HeldBytes
from service_runtime.identity.principal import DEFAULT_TENANT

if TYPE_CHECKING:
    from collections.abc import Callable

    from cache_service.eviction.base import EvictionPolicy

_LOOK_EVERY = (
    1024  # victims: then all that is set aside is looked at, whose tenants' guarantees may have shrunk
)


class TenantShares:
    """Stands between a tier and its policy. Without guarantees it adds nothing but a look."""

    def __init__(
        self, policy: EvictionPolicy, guaranteed_ratio: Callable[[str], float] | None = None
    ) -> None:
        """`guaranteed_ratio` tells a tenant's share of the budget, 0 to 0.5; None: nobody has one."""
        self.policy = policy
        self._guarantees = Guarantees(guaranteed_ratio) if guaranteed_ratio is not None else None
        self._names: list[str] = [DEFAULT_TENANT]
        self._numbers: dict[str, int] = {DEFAULT_TENANT: 0}
        self._owners = FingerprintMap() if guaranteed_ratio is not None else None  # but the default tenant's
        self._aside: dict[str, OrderedDict[int, None]] = {}
        self._loose: dict[str, None] = {}  # tenants with entries set aside that hold more than is guaranteed
        self._budget_bytes = 0
        self._victims = 0
        self._generation = 0
        self.used_bytes = HeldBytes()
        """By tenant; kept where there are guarantees."""

    def admit(self, tenant: str, key: int, size_bytes: int, cost_seconds: float) -> bool:
        """Whether `key` may enter; see `EvictionPolicy.admit`."""
        if not self.policy.admit(key, size_bytes, cost_seconds):
            return False
        if self._owners is not None:
            self.used_bytes.add(tenant, size_bytes)
            if tenant != DEFAULT_TENANT:
                self._owners.set(key, self._number(tenant))
            if tenant in self._aside:
                self._loose[tenant] = None
        return True

    def record_hit(self, key: int) -> None:
        """Notes that `key` was useful."""
        if not self._aside:  # each hit comes by here
            self.policy.record_hit(key)
            return
        aside = self._aside_of(key)
        if aside is not None:
            aside.move_to_end(key)
        else:
            self.policy.record_hit(key)

    def victim(self, budget_bytes: int) -> int | None:
        """The key to evict next; it stays tracked until `forget`."""
        if self._guarantees is None:
            return self.policy.victim()
        self._victims += 1
        # Whose guarantee may have shrunk: with the budget at once, with others' coming now and then.
        is_due = self._victims % _LOOK_EVERY == 0 and self._generation != self.used_bytes.generation
        if budget_bytes != self._budget_bytes or is_due:
            self._budget_bytes, self._generation = budget_bytes, self.used_bytes.generation
            self._loose = dict.fromkeys(self._aside)
        while self._loose:
            tenant = next(iter(self._loose))
            aside = self._aside.get(tenant)
            if aside and not self._guarantees.keeps(tenant, self.used_bytes, budget_bytes):
                return next(iter(aside))
            del self._loose[tenant]
        while (key := self.policy.victim()) is not None:
            tenant = self._tenant(key)
            if not self._guarantees.keeps(tenant, self.used_bytes, budget_bytes):
                return key
            self.policy.forget(key)
            self._aside.setdefault(tenant, OrderedDict())[key] = None
        largest = max(self._aside, key=self.used_bytes.__getitem__, default=None)  # a bound by count
        return None if largest is None else next(iter(self._aside[largest]), None)

    def forget(self, key: int, size_bytes: int) -> None:
        """Stops tracking `key`, which was admitted with that size."""
        if self._owners is None:
            self.policy.forget(key)
            return
        tenant = self._tenant(key)
        aside = self._aside.get(tenant)
        if aside is not None and key in aside:
            del aside[key]
            if not aside:
                del self._aside[tenant]
        else:
            self.policy.forget(key)
        self._owners.pop(key)
        self.used_bytes.add(tenant, -size_bytes)

    def priority(self, key: int) -> float | None:
        """See `EvictionPolicy.priority`; what is set aside has none."""
        return 0.0 if self._aside_of(key) is not None else self.policy.priority(key)

    def compact(self) -> None:
        """See `EvictionPolicy.compact`."""
        self.policy.compact()

    def _aside_of(self, key: int) -> OrderedDict[int, None] | None:
        if not self._aside:
            return None
        aside = self._aside.get(self._tenant(key))
        return aside if aside is not None and key in aside else None

    def _tenant(self, key: int) -> str:
        number = self._owners.get(key) if self._owners is not None else None
        return self._names[number or 0]

    def _number(self, tenant: str) -> int:
        number = self._numbers.get(tenant)
        if number is None:
            number = self._numbers[tenant] = len(self._names)
            self._names.append(tenant)
        return number
