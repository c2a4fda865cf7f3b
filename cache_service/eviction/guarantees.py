"""What a tenant is guaranteed of a store, so that all promises together are never more than there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cache_service.eviction.held_bytes import HeldBytes


class Guarantees:
    """Shares of a budget by tenant."""

    def __init__(self, ratio_of: Callable[[str], float]) -> None:
        """`ratio_of` tells what a tenant was promised, 0 to 0.5."""
        self._ratio_of = ratio_of
        self._generation = -1
        self._promised = 1.0

    def keeps(self, tenant: str, held_bytes: HeldBytes, budget_bytes: int) -> bool:
        """Whether a tenant holds no more than it is guaranteed, and so loses nothing to others."""
        return held_bytes[tenant] <= self.bytes_of(tenant, held_bytes, budget_bytes)

    def bytes_of(self, tenant: str, held_bytes: HeldBytes, budget_bytes: int) -> float:
        """What the tenant is guaranteed; -1 for one that isn't. `held_bytes`: of all who hold something."""
        ratio = self._ratio_of(tenant)
        if not ratio:
            return -1.0
        if held_bytes.generation != self._generation:  # summed up again when somebody has come or gone
            self._generation = held_bytes.generation
            self._promised = sum(self._ratio_of(each) for each in list(held_bytes))
        return ratio / max(1.0, self._promised) * budget_bytes
