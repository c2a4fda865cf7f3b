"""Names and value representations of elements. DICOM PS3.6; private ones by their creator (PS3.5, 7.8)."""

from __future__ import annotations

from functools import cache, lru_cache

from extractor_service.formats.tags import dicom

_AMBIGUOUS = {"US/SS": ("US", "SS"), "US/SS/OW": ("US", "SS"), "OB/OW": ("OW", "OW"), "US/OW": ("OW", "OW")}


def tag_text(tag: int) -> str:
    """As the standard writes tags."""
    return f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def of(tag: int, creator: str) -> str:
    """The keyword; "Private_" or "Unknown_" and the tag where there is none."""
    told = _public(tag)
    if told:
        return told.partition(" ")[2]
    del creator
    if tag >> 16 & 1:
        return f"Private_{tag >> 16:04X}_{tag & 0xFFFF:04X}"
    return f"Unknown_{tag >> 16:04X}_{tag & 0xFFFF:04X}"


def note(tag: int, representation: str, creator: str) -> str:
    """Tag and representation, and of a private element its name, where its creator is known."""
    name = _private(tag, creator).partition(" ")[2] if creator else ""
    return f"{tag_text(tag)} {representation}{f' {name}' if name and name != 'Unknown' else ''}"


def uid(value: str) -> str:
    """What a unique identifier stands for; "" for those that aren't registered."""
    told: str = dicom.UIDS.get(value, "")
    return told


def representation(tag: int, creator: str, *, is_signed: bool) -> str:
    """By the dictionary; "UN" where it knows none. Of those that may be either: what the pixels are."""
    if tag & 0xFFFF == 0:
        return "UL"
    if tag >> 16 & 1:
        if 0x10 <= tag & 0xFFFF <= 0xFF:
            return "LO"
        told = _private(tag, creator).partition(" ")[0] if creator else ""
    else:
        told = _public(tag).partition(" ")[0]
    if told in _AMBIGUOUS:
        return _AMBIGUOUS[told][is_signed]
    return told or "UN"


@lru_cache(maxsize=4096)
def _public(tag: int) -> str:
    told: str | None = dicom.ELEMENTS.get(tag)
    if told is None and not tag >> 16 & 1:
        digits = f"{tag:08x}"
        for mask, text in _masks().get(digits[:2], ()):
            if all(one in ("x", other) for one, other in zip(mask, digits, strict=True)):
                return text
    return told or ""


@cache
def _masks() -> dict[str, list[tuple[str, str]]]:
    """By their first two digits, which none leaves open."""
    found: dict[str, list[tuple[str, str]]] = {}
    for mask, text in dicom.REPEATERS.items():
        found.setdefault(mask[:2].lower(), []).append((mask.lower(), text))
    return found


@lru_cache(maxsize=4096)
def _private(tag: int, creator: str) -> str:
    from extractor_service.formats.tags.dicom_private import PRIVATE  # noqa: PLC0415 - large, and few files need it

    table = PRIVATE.get(creator)
    if table is None:
        return ""
    digits = f"{tag:08x}"
    told: str = table.get(f"{digits[:4]}xx{digits[6:]}", "") or table.get(
        f"{digits[:4]}xx{digits[6:].upper()}", ""
    )
    return told
