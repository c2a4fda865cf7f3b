"""What a client claims of a file: its digest, or a token that changes whenever the content does.

Believed for its claimant alone: results found through a claim live in a space of their own. The claimant is a verified
principal, or whoever knows a secret that can't be guessed. Everybody else's digest leads to what this server verified.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from extractor_service.formats.identification.types import UNKNOWN, Evidence, Identity, by_name
from extractor_service.results.keys import ModuleKey, verified_space
from extractor_service.serving.wire import check_digest
from extractor_service.sources.content import digest_id
from service_runtime.errors import DigestMismatchError, InvalidRequestError
from service_runtime.identity.principal import ANYBODY

if TYPE_CHECKING:
    from metaextract.extractor.v1 import extractor_pb2 as pb
    from service_runtime.telemetry import CallContext

LEAST_SECRET_CHARS = 32  # 128 bits in hexadecimal; what is shorter may be a name, which others know
_MAX_CHARS = 256  # of version and client_id, which become keys of results; a hash or path fits


class Claim(NamedTuple):
    """A name for the content that only its claimant may use."""

    space: str
    """The claimant's; "" when nobody knows who that is: nothing is kept or found under the claim."""
    content_id: str
    digest: str
    """The claimed "b3:<hex>"; "" for a version."""

    @property
    def record_key(self) -> ModuleKey:
        """Where what is known of the claimed content is kept."""
        return _record_key(self.content_id, self.space)

    def check(self, digests: dict[str, str]) -> None:
        """Raises DigestMismatchError when the content, by its digests, isn't the claimed one."""
        found = digest_id(digests["blake3"])
        if self.digest not in {"", found}:
            raise DigestMismatchError(f"the content has the digest {found}")

    @property
    def alias(self) -> tuple[str, str] | None:
        """Content id and space under which verified results are kept as well; None without a claimant."""
        return (self.content_id, self.space) if self.space else None

    @property
    def blocks_key(self) -> str:
        """The name of the sparse blob with the blocks that were pulled; "" without a claimant."""
        return f"{self.space}|{self.content_id}" if self.space else ""


class ClaimRecord(NamedTuple):
    """What is known of a claimed content."""

    identity: Identity
    """By the bytes alone."""
    size_bytes: int
    digests: dict[str, str]
    """Those that the server computed itself, over all bytes, under this claim."""

    def encode(self) -> bytes:
        """For the cache."""
        kind, evidence, charset, _ = self.identity
        return json.dumps(((kind.name, evidence.value, charset), self.size_bytes, self.digests)).encode()

    @classmethod
    def decode(cls, text: bytes | None) -> ClaimRecord | None:
        """From the cache; None when there is none, or it isn't readable."""
        try:
            (name, evidence, charset), size, digests = json.loads(text or b"")
            kind = by_name()[name] if name else UNKNOWN.type
            identity = Identity(kind, Evidence(evidence), str(charset))
            return cls(identity, int(size), {str(key): str(value) for key, value in digests.items()})
        except (ValueError, TypeError, AttributeError, KeyError, OverflowError):
            return None


def verified_key(digest: str, tenant: str) -> ModuleKey:
    """Where what is known of a content is kept whose digest this server computed."""
    return _record_key(digest, verified_space(tenant))


def claim_of(offer: pb.SessionOffer, call: CallContext) -> Claim | None:
    """The offer's claim; a digest goes before a version.

    Raises:
        InvalidRequestError: it isn't well formed.
    """
    for field, value in (("version", offer.version), ("client_id", offer.client_id)):
        if len(value) > _MAX_CHARS or not value.isprintable():
            raise InvalidRequestError(
                f"offer.{field}", f"at most {_MAX_CHARS} printable characters are allowed"
            )
    claimant = _claimant(offer.client_id, call)
    space = f"claimed/{call.tenant}/{blake3(claimant).hexdigest()[:32]}" if claimant else ""
    if offer.digest:
        check_digest("offer.digest", offer.digest)
        return Claim(space, offer.digest, offer.digest)
    if offer.version:
        if not claimant and not offer.client_id:
            raise InvalidRequestError("offer.client_id", "is required with a version")
        text = repr((offer.version, offer.size_bytes)).encode()
        return Claim(space, f"v1:{blake3(text).hexdigest()}", "") if space else None
    return None


def _claimant(client_id: str, call: CallContext) -> bytes:
    """Who claims: the verified principal with what it says of itself, or the bearer of a secret; b"" for nobody."""
    if call.principal is not ANYBODY and call.principal.subject:
        return repr((call.principal.subject, client_id)).encode()
    return client_id.encode() if len(client_id) >= LEAST_SECRET_CHARS else b""


def _record_key(content_id: str, space: str) -> ModuleKey:
    return ModuleKey(content_id, "claim", "2", "", space)
