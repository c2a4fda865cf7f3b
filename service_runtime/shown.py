"""Text from strangers, made fit for logs, headers and terminals."""

from __future__ import annotations

import re

# Control characters, the directional ones of Unicode TR #9 (a name's ending could read as another), lone surrogates.
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shown(text: str, max_chars: int, ending_chars: int = 0) -> str:
    """`text` with at most `max_chars`, of which the last `ending_chars` are its own ending; what would move a cursor or turn a
    line around is "\ufffd".
    """
    if len(text) > max_chars:
        head = text[: max_chars - ending_chars - 1]
        text = f"{head}\u2026{text[-ending_chars:] if ending_chars else ''}"
    return text if text.isascii() and text.isprintable() else _UNSHOWABLE.sub("\ufffd", text)
