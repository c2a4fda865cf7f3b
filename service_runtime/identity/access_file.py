"""The access file: which certificates are whose, and how much each tenant may use. TOML; read once at the start.

[[peer]]
spiffe = "spiffe://example.org/extractor"   # a whole URI, or one that ends in "/*"
roles = ["results"]                         # extract, results, admin, observe
tenant = "*"                                # "default" where it isn't said
plan = "super"
proxy = false                               # whether its headers name whom it speaks for

[quota]                                     # of each tenant; what isn't said has no bound
requests_per_minute = 6000
cpu_seconds_per_minute = 120
inflight_bytes = 268435456
stored_bytes = 1073741824
guaranteed_ratio = 0.1                      # share of the cache that others can't push it out of

[quota.tenant.acme]                         # instead of all of the above, for one
requests_per_minute = 60000
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING

from service_runtime.identity.principal import (
    ALL_TENANTS,
    DEFAULT_TENANT,
    Principal,
    Role,
    is_subject,
    is_tenant,
    roles_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service_runtime.settings import RuntimeSettings

_DOTS = re.compile(r"/\.\.?(/|$)")
_PEER_FIELDS = frozenset({"spiffe", "roles", "tenant", "plan", "proxy"})
_MAX_GUARANTEE_RATIO = 0.5  # with more than that each, two tenants would promise away everything


class InvalidAccessFileError(ValueError):
    """The file isn't what it should be; the text names the place."""


@dataclass(frozen=True)
class Quota:
    """What one tenant may use; 0: no bound."""

    requests_per_minute: float = 0.0
    cpu_seconds_per_minute: float = 0.0
    inflight_bytes: int = 0
    stored_bytes: int = 0
    guaranteed_ratio: float = 0.0


NO_QUOTA = Quota()


def no_quota(tenant: str) -> Quota:
    """What every tenant may use where nothing is configured."""
    del tenant
    return NO_QUOTA


@dataclass(frozen=True)
class AccessFile:
    """What the file says."""

    peers: Sequence[tuple[str, Principal]] = ()
    """SPIFFE URIs, maybe ending in "/*", and who they are; the first that fits counts."""
    quota: Quota = NO_QUOTA
    quotas: Mapping[str, Quota] = field(default_factory=dict)

    def quota_of(self, tenant: str) -> Quota:
        """What the tenant may use."""
        return self.quotas.get(tenant, self.quota)

    def peer(self, uri: str) -> Principal | None:
        """Who presents a certificate with that SPIFFE URI; None: nobody that is listed."""
        if _DOTS.search(uri):  # a path that leads elsewhere than it begins
            return None
        for pattern, principal in self.peers:
            if uri == pattern or (pattern.endswith("/*") and uri.startswith(pattern[:-1])):
                return principal._replace(subject=uri)
        return None


def read_access_file(path: str) -> AccessFile:
    """What the file at `path` says; "" is no file, and says nothing.

    Raises:
        InvalidAccessFileError: it can't be read, or has what isn't known.
    """
    if not path:
        return AccessFile()
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidAccessFileError(f"{path}: {error}") from error
    unknown = content.keys() - {"peer", "quota"}
    if unknown:
        raise InvalidAccessFileError(f"{path}: unknown {sorted(unknown)}; [[peer]] and [quota] are known")
    try:
        peers = [_peer(each) for each in content.get("peer", [])]
        table = dict(content.get("quota", {}))
        each = {str(name): _quota(values) for name, values in dict(table.pop("tenant", {})).items()}
        quota = _quota(table) if table else NO_QUOTA
    except (TypeError, AttributeError, ValueError) as error:
        raise InvalidAccessFileError(f"{path}: {error}") from error
    for name in each:
        if not is_tenant(name):
            raise InvalidAccessFileError(f"{path}: {name!r} isn't a name for a tenant")
    return AccessFile(peers, quota, each)


def access_of(settings: RuntimeSettings) -> AccessFile:
    """The access file; raises InvalidAccessFileError, also where its peers could never prove who they are."""
    access = read_access_file(settings.access_file)
    if access.peers and not settings.tls_client_ca:
        raise InvalidAccessFileError(
            f"{settings.access_file}: peers are known by their certificates, which METAEXTRACT_TLS_CLIENT_CA asks for"
        )
    if settings.tls_client_ca and not settings.jwt_keys and not access.peers:
        raise InvalidAccessFileError(
            f"{settings.access_file}: METAEXTRACT_TLS_CLIENT_CA says who may connect, and no [[peer]] what they may do"
        )
    return access


class LiveAccess:
    """The access file as it is now: `reload` reads it again."""

    def __init__(self, settings: RuntimeSettings) -> None:
        """Raises InvalidAccessFileError."""
        self._settings = settings
        self._file = access_of(settings)

    @property
    def has_peers(self) -> bool:
        """Whether anybody is known by a certificate."""
        return bool(self._file.peers)

    @property
    def has_quotas(self) -> bool:
        """Whether tenants may have quotas, now or after a reload."""
        return bool(self._settings.access_file)

    def quota_of(self, tenant: str) -> Quota:
        """See `AccessFile.quota_of`."""
        return self._file.quota_of(tenant)

    def peer(self, uri: str) -> Principal | None:
        """See `AccessFile.peer`."""
        return self._file.peer(uri)

    def reload(self) -> None:
        """Takes over what the file says now.

        Raises:
            InvalidAccessFileError: it can't be used, or whether anybody has to prove who he is would change by it.
        """
        file = access_of(self._settings)
        if bool(file.peers) != self.has_peers:
            raise InvalidAccessFileError(
                f"{self._settings.access_file}: first and last peers count after a restart"
            )
        self._file = file


def _peer(values: Mapping[str, object]) -> tuple[str, Principal]:
    unknown = values.keys() - _PEER_FIELDS
    if unknown:
        raise ValueError(f"unknown {sorted(unknown)} in [[peer]]")
    uri, tenant = values.get("spiffe"), values.get("tenant", DEFAULT_TENANT)
    if not is_subject(uri) or not str(uri).startswith("spiffe://"):
        raise ValueError(f"spiffe = {uri!r}: a spiffe:// URI is expected")
    if not is_tenant(tenant) and tenant != ALL_TENANTS:
        raise ValueError(f"tenant = {tenant!r}: letters, digits and . _ : @ - are expected, or *")
    named = values.get("roles", [])
    if not isinstance(named, list) or not all(name in list(Role) for name in named):
        raise ValueError(f"roles = {named!r}: a list of {', '.join(Role)} is expected")
    plan, is_proxy = values.get("plan", ""), values.get("proxy", False)
    if (type(plan), type(is_proxy)) != (str, bool):
        raise ValueError("plan is a text, proxy true or false")
    return str(uri), Principal(str(uri), str(tenant), str(plan), roles_of(named), is_proxy is True)


def _quota(values: Mapping[str, object]) -> Quota:
    known = {each.name: each.type for each in fields(Quota)}
    for name, value in values.items():
        if name not in known:
            raise ValueError(f"unknown {name} in [quota]; {', '.join(known)} are known")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise ValueError(f"{name} = {value!r}: a number from 0 is expected")
    quota = Quota(**values)  # type: ignore[arg-type]  # checked above
    if quota.guaranteed_ratio > _MAX_GUARANTEE_RATIO:
        raise ValueError(f"guaranteed_ratio = {quota.guaranteed_ratio}: at most {_MAX_GUARANTEE_RATIO}")
    return quota
