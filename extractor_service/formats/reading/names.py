"""Names of fields that no table has: made of what the file calls them, as ExifTool makes them."""

from __future__ import annotations

import re
from typing import Final

_FORBIDDEN: Final = re.compile(r"[^-\w]", re.ASCII)
_AFTER_FORBIDDEN: Final = re.compile(r"[^\w-]+(.?)", re.ASCII | re.DOTALL)
_LABEL_WORDS: Final = re.compile(r"[^-\w]([a-z])", re.ASCII)
_JOINED: Final = re.compile(r"([a-z0-9])_([a-z])")
_WORDS: Final = re.compile(r"([a-z])[_ ]([a-z])")
_MOST_CHARS: Final = 100  # of a name that a file gives


def kept(text: str) -> str:
    """`text` without what no name has, its first letter a capital: "my tag!" is "Mytag"."""
    name = _FORBIDDEN.sub("", text[:_MOST_CHARS])
    name = name[:1].upper() + name[1:]
    return name if len(name) > 1 and name[0].isalpha() else f"Tag{name}"


def of_key(text: str) -> str:
    """Of a member of JSON or CBOR: "dc:creator" is "Dc_creator", "c2pa.hash" is "C2PAhash"."""
    text = text[:_MOST_CHARS].replace(":", "_")
    return kept("C2PA" + text[4:] if text[:4].lower() == "c2pa" else text)


def of_label(text: str) -> str:
    """Of a box by its label, capitals where words begin: "c2pa.thumbnail.claim.jpeg" is "C2PAThumbnailClaimJpeg"; "" of none."""
    name = _LABEL_WORDS.sub(lambda found: found[1].upper(), text[:_MOST_CHARS])
    name = _FORBIDDEN.sub("", name).replace("__", "_")
    if not name:
        return ""
    name = (name[:1].upper() + name[1:]).replace("C2pa", "C2PA", 1)
    return name if len(name) > 1 else f"Tag{name}"


def spoken(text: str) -> str:
    """The same, with capitals where words begin: "musicbrainz_album type" is "musicbrainzAlbumType", "ASIN" is "Asin"."""
    text = text[:_MOST_CHARS]
    if not re.search(r"[a-z]", text):
        text = text.lower().capitalize()
    return kept(_WORDS.sub(lambda found: found[1] + found[2].upper(), text))


def lowered(text: str) -> str:
    """In small letters but for the beginnings of words: "REPLAYGAIN_TRACK" is "ReplaygainTrack"."""
    name = text[:_MOST_CHARS].lower()
    name = name[:1].upper() + name[1:]
    name = _AFTER_FORBIDDEN.sub(lambda found: found[1].upper(), name)
    return _JOINED.sub(lambda found: found[1] + found[2].upper(), name) or "Tag"
