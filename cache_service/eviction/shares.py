"""What each tenant is guaranteed of a tier, over any eviction policy.

The policy stays one for all: what is worth the least goes first, whosever it is. But a victim whose tenant holds no more than its
guarantee is set aside instead, where the policy doesn't see it, and goes only when its own tenant needs the room. Each
entry is set aside once at most, so that an eviction costs what it cost. (A policy per tenant would be fairer still, and take 400 KB each.)
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

from cache_service.entries.fingerprints import FingerprintMap
from service_runtime.identity.principal import DEFAULT_TENANT

if TYPE_CHECKING:
    from collections.abc import Callable

    from cache_service.eviction.base import EvictionPolicy


class TenantShares:
    """Stands between a tier and its policy. Without guarantees it adds nothing but a look."""

    def __init__(
        self, policy: EvictionPolicy, guaranteed_ratio: Callable[[str], float] | None = None
    ) -> None:
        """`guaranteed_ratio` tells a tenant's share of the budget, 0 to 0.5; None: nobody has one."""
        self.policy = policy
        self._ratio = guaranteed_ratio
        self._names: list[str] = [DEFAULT_TENANT]
        self._numbers: dict[str, int] = {DEFAULT_TENANT: 0}
        self._owners = FingerprintMap() if guaranteed_ratio is not None else None  # but the default tenant's
        self._aside: dict[str, OrderedDict[int, None]] = {}
        self.used_bytes: Counter[str] = Counter()
        """By tenant; kept where there are guarantees."""

    def admit(self, tenant: str, key: int, size_bytes: int, cost_seconds: float) -> bool:
        """Whether `key` may enter; see `EvictionPolicy.admit`."""
        if not self.policy.admit(key, size_bytes, cost_seconds):
            return False
        if self._owners is not None:
            self.used_bytes[tenant] += size_bytes
            if tenant != DEFAULT_TENANT:
                self._owners.set(key, self._number(tenant))
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

    def victim(self, budget_bytes: int, incoming: str = "") -> int | None:
        """The key to evict next, for an entry of the tenant `incoming`, or for a smaller budget."""
        if self._owners is None:
            return self.policy.victim()
        for tenant, aside in self._aside.items():
            if aside and not self._is_guaranteed(tenant, budget_bytes, incoming):
                return next(iter(aside))
        while (key := self.policy.victim()) is not None:
            tenant = self._tenant(key)
            if not self._is_guaranteed(tenant, budget_bytes, incoming):
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
        self.used_bytes[tenant] -= size_bytes
        if self.used_bytes[tenant] <= 0:
            del self.used_bytes[tenant]

    def priority(self, key: int) -> float | None:
        """See `EvictionPolicy.priority`; what is set aside has none."""
        return 0.0 if self._aside_of(key) is not None else self.policy.priority(key)

    def compact(self) -> None:
        """See `EvictionPolicy.compact`."""
        self.policy.compact()

    def _is_guaranteed(self, tenant: str, budget_bytes: int, incoming: str) -> bool:
        """Whether a tenant's entries must stay: it holds no more than its guarantee, and asks for no room itself."""
        if tenant == incoming or self._ratio is None:
            return False
        share = min(self._ratio(tenant), 1 / max(1, len(self.used_bytes)))
        return self.used_bytes[tenant] <= share * budget_bytes

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
