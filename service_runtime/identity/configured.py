"""The gate as the settings ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_runtime.identity.gate import Gate
from service_runtime.identity.key_sets import KeySet
from service_runtime.identity.tokens import TokenVerifier

if TYPE_CHECKING:
    from service_runtime.identity.access_file import LiveAccess
    from service_runtime.settings import RuntimeSettings


def key_set_of(settings: RuntimeSettings) -> KeySet | None:
    """The issuer's keys, read where they are a file; None without an issuer.

    Raises:
        OSError, ValueError: they can't be used.
    """
    if not settings.jwt_keys:
        return None
    try:
        import jwt  # noqa: F401, PLC0415 - large, and optional
    except ImportError as error:
        raise ValueError("METAEXTRACT_JWT_KEYS needs `pip install metaextract[identity]`") from error
    keys = KeySet(settings.jwt_keys, refresh_seconds=settings.jwt_refresh_seconds)
    keys.load()
    return keys


def make_gate(
    settings: RuntimeSettings,
    access: LiveAccess,
    keys: KeySet | None,
    *,
    tenant_header: str,
    trusts_extractors: bool,
) -> Gate:
    """The gate; open while neither an issuer nor peers are configured."""
    tokens = None
    if keys is not None:
        tokens = TokenVerifier(keys, settings.jwt_issuer, settings.jwt_audience, settings.jwt_algorithms)
    return Gate(
        tokens,
        access,
        is_open=keys is None and not access.has_peers,
        tenant_header=tenant_header,
        trusts_extractors=trusts_extractors,
        opens_reflection=settings.open_reflection,
        admits_connections=bool(settings.tls_client_ca),
    )
