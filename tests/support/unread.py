"""What the listing of maker notes has and nobody reads: tables and single tags, each with its reason.

`python -m tests.support.unread` writes the list (`unread.tsv`: table, id, name, reason) and prints how long it is. Read is a
table that the readers name, or that the generated structures lead to from one that is read.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
LISTED = Path(__file__).with_suffix(".tsv")
MODULES = (
    "raw",
    "canon",
    "canon_vrd",
    "nikon",
    "sony",
    "minolta",
    "olympus",
    "panasonic",
    "pentax",
    "fujifilm",
    "casio",
    "kodak",
    "others",
    "qualcomm",
)
# The first that fits a table says why it isn't read.
REASONS = (
    (r"Nikon::(NCTG|ast)|Olympus::(DSS|OLYM|WAV|Thumbnail|prms)|Pentax::S1|Sanyo::Thumbnail|Sony::(PMP|rtmd)|Canon::(CMP1|CTMD|Skip)|Kodak::(Free|frea|Scrn)",
     "stands in films and sound alone, which are read by what they are in (issue 16)"),
    (r"Ricoh::(RDT\w|RMETA)", "stands behind the picture and in films of Ricoh's Theta: not built"),
    (r"Nikon::(CaptureOutput|NineEdits|VignetteInfo)", "edits by Nikon's software, in a tree of their own within the note: not built"),
    (r"Nikon::\w+Unknown\d?", "is one hidden version of a block that ExifTool doesn't know either"),
    (r"Sony::SRF2?", "of two cameras of 2003 and 2004 (SRF), enciphered by a key that lies elsewhere in the file: not built"),
    (r"Sony::Ericsson", "a preview's place in telephones of 2005: not built"),
    (r"Kodak::(TextualInfo|KDC_IFD)", "texts of DCS and directories of KDC files of before 2003, behind places in private tags: not built"),
    (r"Canon::(FocalInfo|LogInfo)", "a focal length within CRW, and the log of old PowerShots: not built"),
    (r"FujiFilm::(MRAW|RAFHeader)|DNG::\w+", "is read by the raw file's own reader, or holds another file"),
    (r"Google::\w+", "protocol buffers, packed and enciphered by a key of their own: not built"),
    (r"FLIR::\w+", "measurements and texts within thermal records, in lists of their own layout: not built"),
    (r"Microsoft::Stitch", "a block that one program of 2008 wrote into panoramas: not built"),
    (r"Olympus::TextInfo", "a text of names and numbers of the first Olympus cameras: not built"),
    (r"Panasonic::(Data1|Subdir)|Ricoh::(FirmwareInfo|Subdir)",
     "directories within tags of Leica's X and M and of Ricoh's R10, whose offsets count from places that differ by camera: not built"),
    (r"Samsung::APP5", "read by the segment's reader under its own name"),
)  # fmt: skip
_NO_FORMULA = "its meaning is no formula of the stored value, and the table is one that nobody has looked at"
_NO_CONDITION = "it is there under a condition that can't be answered from the note"


def _tables() -> dict[str, dict]:
    found: dict[str, dict] = {}
    for module in MODULES:
        found |= import_module(f"extractor_service.formats.tags.{module}").TABLES
    return found


def _named(tables: dict[str, dict]) -> set[str]:
    """Tables that the readers' code names."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "extractor_service" / "formats").rglob("*.py")
        if path.parent.name != "tags"
    )
    return {
        name
        for name in tables
        if f'"{name}"' in code or re.search(rf'["}}:]{re.escape(name.partition("::")[2])}["\d]', code)
    }


def _reached(named: set[str]) -> set[str]:
    inner = import_module("extractor_service.formats.tags.structures").TABLES
    reached, waiting = set(named), list(named)
    while waiting:
        for rows in inner.get(waiting.pop(), {}).values():
            for row in rows:
                if row[1] and row[1] not in reached:
                    reached.add(row[1])
                    waiting.append(row[1])
    return reached


def unread() -> dict[str, int]:
    """Tables that nobody reads, and how many tags each has."""
    tables = _tables()
    reached = _reached(_named(tables))
    return {name: len(rows) for name, rows in tables.items() if name not in reached}


def reason(table: str) -> str:
    """Why a table isn't read; "" when nobody has said."""
    return next((why for pattern, why in REASONS if re.fullmatch(pattern, table)), "")


def rows() -> list[tuple[str, str, str, str]]:
    """(table, id, name, reason) of every tag of the listing that no document has: of unread tables all, of read ones some."""
    from extractor_service.formats.embedded.makernotes import tables as readers

    tables = _tables()
    named = _named(tables)
    reached = _reached(named)
    found = []
    for table, tags in sorted(tables.items()):
        if table not in reached:
            why = reason(table) or "NO REASON"
            found += [(table, str(key), row[0], why) for key, each in tags.items() for row in each[:1]]
        elif table not in named:
            found += _left_out(table, tags, readers)
    return sorted(found)


def _left_out(table: str, tags: dict, readers: object) -> list[tuple[str, str, str, str]]:
    """Of a table that only structures lead to: tags whose meaning or condition isn't known, by the facts that the reader asks."""
    from extractor_service.formats.reading import meanings
    from extractor_service.formats.reading.tagset import module_of

    module = module_of(table)
    conversions = _conversions(module)
    known = meanings.meanings(table)
    short = table.partition("::")[2]
    found = []
    for key, each in tags.items():
        facts = known.get(key, ())
        name = each[0][0]
        if not facts or f"{short}.{name}" in conversions or name in conversions:
            continue
        if all(fact.formula == "?" for fact in facts):
            found.append((table, str(key), name, _NO_FORMULA))
        elif all(part[0] == "?" for fact in facts[:1] for part in fact.condition[:1]) and facts[0].condition:
            found.append((table, str(key), name, _NO_CONDITION))
    return found


def _conversions(module: str) -> set[str]:
    package = "extractor_service.formats.embedded.makernotes."
    for name in (module, "small"):
        try:
            found = import_module(package + name)
        except ModuleNotFoundError:
            continue
        vendor = getattr(found, "VENDOR", None)
        if vendor is not None:
            return set(vendor.conversions)
        if hasattr(found, "CONVERSIONS"):
            return set(found.CONVERSIONS)
    return set()


def text() -> str:
    """The list as it is committed."""
    return "".join("\t".join(each) + "\n" for each in rows())


def main() -> int:
    """Writes the list."""
    LISTED.write_text(text(), encoding="utf-8")
    left, tables = unread(), _tables()
    tags = sum(len(each) for each in tables.values())
    print(f"{len(left)} of {len(tables)} tables unread; {len(rows())} of {tags} tags on the list")
    return 0


if __name__ == "__main__":
    sys.exit(main())
