"""Names of results: which module's, of which content, in whose space (design, "Keys")."""

from __future__ import annotations

from typing import NamedTuple

from metaextract.cache.v1 import result_pb2
from service_runtime.identity.principal import DEFAULT_TENANT

VERIFIED = "verified"
"""The space of results whose content id this server computed itself, of the default tenant."""


def verified_space(tenant: str) -> str:
    """The space of a tenant's results by content. Not shared: a hit would tell that another tenant has the file."""
    return VERIFIED if tenant == DEFAULT_TENANT else f"{VERIFIED}/{tenant}"


class ModuleKey(NamedTuple):
    """Names a module's result for one content."""

    content_id: str
    module: str
    version: str
    options: str
    space: str = VERIFIED


def key_to_wire(key: ModuleKey) -> result_pb2.ResultKey:
    """The key as the cache takes it."""
    return result_pb2.ResultKey(
        space=key.space,
        content_id=key.content_id,
        module=key.module,
        version=key.version,
        options=key.options,
    )
