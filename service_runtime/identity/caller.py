"""Whose share a call uses: callers are told apart by tenant, by principal, or by address where nobody proves who he is."""

from __future__ import annotations

import functools
import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import unquote

from service_runtime.identity.principal import ANYBODY, DEFAULT_TENANT, Role

if TYPE_CHECKING:
    from service_runtime.identity.principal import Principal

EXEMPT = ""
"""The caller that no share binds: an extractor of ours, or a proxy that doesn't say for whom it speaks."""
_NETWORK_BITS = 64  # of an IPv6 address: what one customer gets, and can fill with addresses


def caller_of(principal: Principal, tenant: str, peer: str) -> str:
    """The caller's name; `peer` is gRPC's word for the connection's other end."""
    is_known = principal.subject != ANYBODY.subject
    if is_known and Role.RESULTS in principal.roles:
        return EXEMPT
    if tenant != DEFAULT_TENANT:
        return f"tenant:{tenant}"
    if is_known and principal.subject:
        return principal.subject
    if principal.is_proxy:
        return EXEMPT
    return address_of(peer.rpartition(":")[0] or peer)


@functools.lru_cache(maxsize=4096)
def address_of(peer: str) -> str:
    """An IPv4 address as it is, of an IPv6 address its network."""
    kind, _, address = peer.partition(":")
    if kind != "ipv6":
        return peer[:64] or "anybody"
    try:
        parsed = ipaddress.IPv6Address(unquote(address).strip("[]").partition("%")[0])
    except ValueError:
        return peer[:64]
    if parsed.ipv4_mapped is not None:
        return f"ipv4:{parsed.ipv4_mapped}"
    network = ipaddress.IPv6Network((parsed, _NETWORK_BITS), strict=False)
    return f"ipv6:{network.network_address}"
