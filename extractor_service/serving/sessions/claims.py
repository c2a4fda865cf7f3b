"""What a client claims of a file: its digest, or a token that changes whenever the content does.

Believed for that tenant and client alone: results found through a claim live in a space of their own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from extractor_service.results.keys import ModuleKey
from extractor_service.serving.wire import check_digest
from extractor_service.sources.content import digest_id
from service_runtime.errors import DigestMismatchError, InvalidRequestError

if TYPE_CHECKING:
    from metaextract.extractor.v1 import extractor_pb2 as pb

_MAX_CHARS = 256  # of version and client_id, which become keys of results; a hash or path fits


class Claim(NamedTuple):
    """A name for the content that only its claimant may use."""

    space: str
    content_id: str
    digest: str
    """The claimed "b3:<hex>"; "" for a version."""

    @property
    def record_key(self) -> ModuleKey:
        """Where what is known of the claimed content is kept."""
        return ModuleKey(self.content_id, "claim", "1", "", self.space)

    def check(self, digests: dict[str, str]) -> None:
        """Raises DigestMismatchError when the content, by its digests, isn't the claimed one."""
        found = digest_id(digests["blake3"])
        if self.digest not in {"", found}:
            raise DigestMismatchError(f"the content has the digest {found}")

    @property
    def blocks_key(self) -> str:
        """The name of the sparse blob with the blocks that were pulled."""
        return f"{self.space}|{self.content_id}"


class ClaimRecord(NamedTuple):
    """What is known of a claimed content."""

    format_name: str
    size_bytes: int
    digests: dict[str, str]
    """Those that the server computed itself, over all bytes, under this claim."""

    def encode(self) -> bytes:
        """For the cache."""
        return json.dumps(self).encode()

    @classmethod
    def decode(cls, text: bytes | None) -> ClaimRecord | None:
        """From the cache; None when there is none, or it isn't readable."""
        try:
            name, size, digests = json.loads(text or b"")
            return cls(str(name), int(size), {str(key): str(value) for key, value in digests.items()})
        except (ValueError, TypeError, AttributeError):
            return None


def claim_of(offer: pb.SessionOffer, tenant: str) -> Claim | None:
    """The offer's claim; a digest goes before a version.

    Raises:
        InvalidRequestError: it isn't well formed.
    """
    for field, value in (("version", offer.version), ("client_id", offer.client_id)):
        if len(value) > _MAX_CHARS or not value.isprintable():
            raise InvalidRequestError(
                f"offer.{field}", f"at most {_MAX_CHARS} printable characters are allowed"
            )
    client = blake3(offer.client_id.encode()).hexdigest()[:32]
    space = f"claimed/{tenant}/{client}"
    if offer.digest:
        check_digest("offer.digest", offer.digest)
        return Claim(space, offer.digest, offer.digest)
    if offer.version:
        if not offer.client_id:
            raise InvalidRequestError("offer.client_id", "is required with a version")
        text = repr((offer.version, offer.size_bytes)).encode()
        return Claim(space, f"v1:{blake3(text).hexdigest()}", "")
    return None
