"""Who may call what: the caller's identity, by token or certificate, against the role that the RPC needs.

Once any identity is configured, everything is refused that isn't allowed. Where none is, whoever reaches the address
may do everything: the default is for one machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_runtime.errors import (
    CallerUnknownError,
    IdentityUnavailableError,
    RoleMissingError,
    TenantForbiddenError,
    TokenExpiredError,
    TokenInvalidError,
)
from service_runtime.identity.key_sets import KeysUnavailableError
from service_runtime.identity.principal import (
    ALL_TENANTS,
    ANYBODY,
    DEFAULT_TENANT,
    NOBODY,
    Principal,
    Role,
    is_subject,
    is_tenant,
)
from service_runtime.identity.roles import OPEN, REFLECTION, ROLES
from service_runtime.identity.tokens import BadTokenError, ExpiredTokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from service_runtime.identity.access_file import AccessFile, LiveAccess
    from service_runtime.identity.tokens import TokenVerifier

AUTHORIZATION = "authorization"
SUBJECT_HEADER = "x-metaextract-subject"
PLAN_HEADER = "x-metaextract-plan"
_BEARER = "bearer "
TWICE = "\n"
"""Stands for a header that came more than once: no name, no token, nothing that is believed."""
_SPIFFE = "peer_spiffe_id"
Headers = dict[str, str]


class Gate:
    """Lets calls in, or raises the typed error that says why not."""

    def __init__(
        self,
        tokens: TokenVerifier | None = None,
        access: LiveAccess | AccessFile | None = None,
        *,
        is_open: bool = True,
        tenant_header: str = "",
        trusts_extractors: bool = False,
        opens_reflection: bool = True,
        admits_connections: bool = False,
    ) -> None:
        """`is_open`: no identity is configured. `tenant_header`: by it a proxy names whose call it is, and an extractor,
        where `trusts_extractors` says so. `opens_reflection`: anybody may list the services. `admits_connections`: only
        certificates of ours can connect at all.
        """
        self.is_open = is_open
        self.admits_connections = admits_connections
        self._tokens = tokens
        self._access = access
        self._tenant_header = tenant_header
        self._trusts_extractors = trusts_extractors
        self._open = {*OPEN, *(f"/{each}/ServerReflectionInfo" for each in REFLECTION if opens_reflection)}
        self.headers = frozenset({AUTHORIZATION, SUBJECT_HEADER, PLAN_HEADER, tenant_header} - {""})
        """The metadata that `admit` looks at."""

    async def admit(
        self, method: str, headers: Headers, peer: Callable[[], Mapping[str, Iterable[bytes]]]
    ) -> Principal:
        """Who calls, and may. `peer` tells what is known of the connection, and is only asked where that counts.

        Raises:
            CallerUnknownError: nobody known does.
            RoleMissingError: somebody does who mustn't.
            IdentityUnavailableError: it can't be found out now.
        """
        if self.is_open:
            return self.unproven(headers)
        if method in self._open:
            return NOBODY
        principal = self._named(await self._identify(headers, peer), headers)
        role = ROLES.get(method)
        if role is None or role not in principal.roles:
            raise RoleMissingError(
                f"this needs the role {role.value}" if role else "no role allows this",
                role=role.value if role else "",
            )
        return principal

    def unproven(self, headers: Headers) -> Principal:
        """Whoever calls an open service: an extractor there may name the tenant."""
        return self._named(ANYBODY, headers) if headers else ANYBODY

    async def _identify(
        self, headers: Headers, peer: Callable[[], Mapping[str, Iterable[bytes]]]
    ) -> Principal:
        """By the token, where there is one: it is the caller's own, and the connection may be a proxy's."""
        presented = headers.get(AUTHORIZATION, "")
        if presented and self._tokens is not None:
            if presented[: len(_BEARER)].lower() != _BEARER:
                raise TokenInvalidError("a bearer token is expected")
            return await self._by_token(self._tokens, presented[len(_BEARER) :].strip())
        uris = list(peer().get(_SPIFFE, ()))
        if self._access is not None and len(uris) == 1:
            principal = self._access.peer(uris[0].decode("utf-8", "replace"))
            if principal is not None:
                return principal
        raise CallerUnknownError("a token or a known certificate is needed")

    @staticmethod
    async def _by_token(tokens: TokenVerifier, token: str) -> Principal:
        known = tokens.recall(token)
        if known is not None:
            return known
        try:
            return await tokens.verify(token)
        except ExpiredTokenError:
            raise TokenExpiredError("the token has expired") from None
        except BadTokenError:  # not a word of why: that would help who tries
            raise TokenInvalidError("the token isn't valid here") from None
        except KeysUnavailableError as error:
            raise IdentityUnavailableError(str(error)) from None

    def _named(self, principal: Principal, headers: Headers) -> Principal:
        """The principal, or whom it speaks for. Everybody else's headers are words."""
        speaks = principal.is_proxy or (
            self._trusts_extractors and Role.RESULTS in principal.roles and principal.is_of_all
        )
        tenant = headers.get(self._tenant_header, "") if speaks and self._tenant_header else ""
        if tenant and not is_tenant(tenant):
            raise CallerUnknownError("the tenant's name isn't one")
        if tenant and not principal.is_of_all and tenant != principal.tenant:
            raise TenantForbiddenError("this proxy speaks for another tenant")
        if principal.is_proxy:
            subject, plan = headers.get(SUBJECT_HEADER, ""), headers.get(PLAN_HEADER, "")
            if (subject and not is_subject(subject)) or (plan and not is_tenant(plan)):
                raise CallerUnknownError("the subject's or plan's name isn't one")
            # Without a subject it may be anybody of the tenant: nobody whose claims could be told from others'.
            principal = principal._replace(subject=subject, plan=plan or principal.plan)
        return principal._replace(tenant=tenant) if tenant else principal


def tenant_of(principal: Principal) -> str:
    """The tenant whose data a call reads and writes."""
    return DEFAULT_TENANT if principal.tenant == ALL_TENANTS else principal.tenant
