"""Bytes that tenants hold, and whether somebody has come or gone."""

from __future__ import annotations


class HeldBytes(dict[str, int]):
    """By tenant; who holds nothing isn't there.

    Attributes:
        generation: changes when a tenant comes or goes.
    """

    generation = 0

    def add(self, tenant: str, count: int) -> None:
        """Counts for or, with a negative `count`, against a tenant."""
        held = self.get(tenant, 0) + count
        if held <= 0:
            if self.pop(tenant, None) is not None:
                self.generation += 1
            return
        if tenant not in self:
            self.generation += 1
        self[tenant] = held

    def total(self) -> int:
        """Of all together."""
        return sum(self.values())

    def __missing__(self, tenant: str) -> int:
        return 0
