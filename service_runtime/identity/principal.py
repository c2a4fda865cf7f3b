"""Who a call is from, and what that caller may do. Plain values."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

DEFAULT_TENANT = "default"
ALL_TENANTS = "*"
"""The tenant of operators and extractors: whoever isn't one tenant's alone."""
# A tenant is a part of keys, of folder-like spaces and of log lines: no "/", no blanks. 63 as a DNS label.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,62}")
_MAX_SUBJECT_CHARS = 256  # as long as an e-mail address may be; it goes into logs and keys


class Role(StrEnum):
    """What a caller may do; the table is in `roles`."""

    EXTRACT = "extract"
    """Have files described."""
    RESULTS = "results"
    """Write results and chunks: an extractor at the cache. Its word on whose call it is counts."""
    ADMIN = "admin"
    """Change what is kept, of its tenant; of all tenants also the pressure."""
    OBSERVE = "observe"
    """See numbers and pressure."""


_IMPLIED = {Role.ADMIN: {Role.OBSERVE}, Role.RESULTS: {Role.OBSERVE}}


class Principal(NamedTuple):
    """A caller whose identity was verified."""

    subject: str
    """Its name; "" for somebody whom a proxy didn't name."""
    tenant: str
    plan: str = ""
    """What it may use of modules, once plans open some; "" where none was said."""
    roles: frozenset[Role] = frozenset()
    is_proxy: bool = False
    """Whether it speaks for others, and names them in its headers."""
    expires_at: float | None = None
    """Until when what it proved is good, seconds since 1970; None: as long as its connection."""

    @property
    def is_of_all(self) -> bool:
        """Whether it isn't confined to one tenant."""
        return self.tenant == ALL_TENANTS


ANYBODY = Principal("anybody", ALL_TENANTS, roles=frozenset(Role))
"""Whoever reaches a service that has no identities configured."""
NOBODY = Principal("nobody", DEFAULT_TENANT)
"""Whoever asks what everybody may know: health."""


def tenant_of_space(space: str) -> str:
    """Whose results a space has: "<kind>" is the default tenant's, "<kind>/<tenant>/…" that tenant's."""
    return space.split("/", 2)[1] if "/" in space else DEFAULT_TENANT


def roles_of(names: object) -> frozenset[Role]:
    """The roles by their names, a list or words in a text, with what they imply. Unknown names grant nothing."""
    words = names.split() if isinstance(names, str) else names if isinstance(names, list) else []
    granted = {role for role in Role if role.value in [word for word in words if isinstance(word, str)]}
    return frozenset(granted.union(*(_IMPLIED.get(role, set()) for role in granted)))


def is_tenant(name: object) -> bool:
    """Whether `name` may be a tenant's."""
    return isinstance(name, str) and _TENANT.fullmatch(name) is not None


def is_subject(name: object) -> bool:
    """Whether `name` may be a caller's."""
    return isinstance(name, str) and 0 < len(name) <= _MAX_SUBJECT_CHARS and name.isprintable()
