"""The corpus in two halves, by content: what was looked at while building, and what was only scored."""

from __future__ import annotations

from blake3 import blake3

SEEN, UNSEEN = "seen half", "unseen half"


def half_of(data: bytes) -> str:
    """UNSEEN for contents whose BLAKE3 ends in 8 to f."""
    return UNSEEN if blake3(data).hexdigest()[-1] in "89abcdef" else SEEN
