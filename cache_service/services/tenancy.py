"""What the caller of the current RPC may see: its tenant's alone, unless it is all tenants'."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_runtime.errors import TenantForbiddenError
from service_runtime.identity.principal import ALL_TENANTS, tenant_of_space
from service_runtime.telemetry import current_call

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cache_service.entries.entry import Key


def scope() -> str | None:
    """The only tenant whose data the caller may see; None: all."""
    tenant = current_call.get().principal.tenant
    return None if tenant == ALL_TENANTS else tenant


def check_keys(keys: Iterable[Key]) -> None:
    """Raises TenantForbiddenError when a key is another tenant's. Says the same of what exists and what doesn't."""
    mine = current_call.get().principal.tenant
    if mine != ALL_TENANTS and any(tenant_of_space(space) != mine for space in {key.space for key in keys}):
        raise TenantForbiddenError("a key's space is another tenant's")


def check_all_tenants() -> None:
    """Raises TenantForbiddenError when the caller is one tenant's: what is asked for concerns everybody."""
    if scope() is not None:
        raise TenantForbiddenError("this concerns all tenants, and needs an admin of all")


def chosen(tenant: str) -> str | None:
    """The tenant that is meant: of a caller who belongs to one, always that; None: everybody.

    Raises:
        TenantForbiddenError: another one is named.
    """
    mine = scope()
    if mine is not None and tenant not in {"", mine}:
        raise TenantForbiddenError("another tenant's data is named")
    return mine or tenant or None
