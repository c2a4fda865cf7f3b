"""What a tenant is guaranteed of a store, so that all promises together are never more than there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Guarantees:
    """Shares of a budget by tenant."""

    def __init__(self, ratio_of: Callable[[str], float]) -> None:
        """`ratio_of` tells what a tenant was promised, 0 to 0.5."""
        self._ratio_of = ratio_of
        self._tenant_count = -1
        self._promised = 1.0

    def keeps(self, tenant: str, held_bytes: Mapping[str, int], budget_bytes: int) -> bool:
        """Whether a tenant holds no more than it is guaranteed, and so loses nothing to others."""
        return held_bytes[tenant] <= self.bytes_of(tenant, held_bytes, budget_bytes)

    def bytes_of(self, tenant: str, held_bytes: Mapping[str, int], budget_bytes: int) -> float:
        """What the tenant is guaranteed; -1 for one that isn't. `held_bytes`: of all who hold something."""
        ratio = self._ratio_of(tenant)
        if not ratio:
            return -1.0
        if (
            len(held_bytes) != self._tenant_count
        ):  # summed up again when somebody comes or goes, not at each look
            self._tenant_count = len(held_bytes)
            self._promised = sum(self._ratio_of(each) for each in list(held_bytes))
        return ratio / max(1.0, self._promised) * budget_bytes
