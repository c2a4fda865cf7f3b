"""Bearer tokens: JSON Web Tokens (RFC 7519) of one issuer, for one audience, by named algorithms (RFC 8725).

What was verified once is remembered until it expires or the keys change: a signature costs as much as a cached file.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from blake3 import blake3

from service_runtime.identity.principal import ALL_TENANTS, Principal, is_subject, is_tenant, roles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service_runtime.identity.key_sets import KeySet, VerifyingKey

_MAX_TOKEN_CHARS = 8192  # as much as servers commonly take for a header; tokens have one or two KB
_MAX_REMEMBERED = 10_000  # 300 bytes each; the next one is verified again
_LEEWAY_SECONDS = 5.0  # between the issuer's clock and ours; NTP keeps them within a second
_REQUIRED = ["exp", "iss", "aud", "sub"]


class BadTokenError(Exception):
    """The token proves nothing."""


class ExpiredTokenError(BadTokenError):
    """It proved something once."""


class _Remembered(NamedTuple):
    principal: Principal
    generation: int


class TokenVerifier:
    """Turns tokens into principals."""

    def __init__(
        self,
        keys: KeySet,
        issuer: str,
        audience: str,
        algorithms: Sequence[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = tuple(algorithms)
        self._clock = clock
        self._remembered: OrderedDict[bytes, _Remembered] = OrderedDict()

    def recall(self, token: str) -> Principal | None:
        """The principal of a token that was verified before, by the keys of today; None: `verify` it.

        Raises:
            KeysUnavailableError: there are no keys of today.
        """
        self._keys.check()
        name = _name(token)
        found = self._remembered.get(name)
        if found is None:
            return None
        if found.generation != self._keys.generation or (found.principal.expires_at or 0) <= self._clock():
            del self._remembered[name]
            return None
        return found.principal

    async def verify(self, token: str) -> Principal:
        """Who the token is about.

        Raises:
            BadTokenError: it proves nothing.
            KeysUnavailableError: it can't be checked now.
        """
        import jwt  # noqa: PLC0415 - large

        if len(token) > _MAX_TOKEN_CHARS:
            raise BadTokenError
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise BadTokenError from None
        key_id, algorithm = header.get("kid"), header.get("alg")
        # Everything else that a header may say (jku, x5u, jwk …) is the sender's word, and isn't looked at.
        if not isinstance(key_id, str) or algorithm not in self._algorithms or "crit" in header:
            raise BadTokenError
        key = await self._keys.find(key_id)
        if key is None or key.algorithm != algorithm:
            raise BadTokenError
        generation = self._keys.generation
        claims = self._claims(token, key)
        principal = _principal(claims)
        self._remembered[_name(token)] = _Remembered(principal, generation)
        while len(self._remembered) > _MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return principal

    def _claims(self, token: str, key: VerifyingKey) -> dict[str, Any]:
        import jwt  # noqa: PLC0415 - large

        try:
            return jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredTokenError from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
            raise BadTokenError from None


def _principal(claims: dict[str, Any]) -> Principal:
    """Who the claims are about: `sub`, `tenant`, `plan` and `roles`; a tenant isn't guessed."""
    tenant, plan = claims.get("tenant"), claims.get("plan", "")
    if not is_subject(claims["sub"]) or not (is_tenant(tenant) or tenant == ALL_TENANTS):
        raise BadTokenError
    return Principal(
        claims["sub"],
        str(tenant),
        plan if is_tenant(plan) else "",
        roles_of(claims.get("roles", [])),
        expires_at=float(claims["exp"]),
    )


def _name(token: str) -> bytes:
    return blake3(token.encode("utf-8", "surrogateescape")).digest(length=16)
