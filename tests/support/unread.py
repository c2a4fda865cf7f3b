"""Which listed tables of maker notes nobody reads, each with its reason; `python -m tests.support.unread` prints them with their tags.

Read is a table that the readers name, or that the generated structures lead to from one that is read.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = (
    "raw",
    "canon",
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
)
# The first that fits a table says why it isn't read.
REASONS = (
    (r"\w+::(AVI\w*|MOV\d?|MP4|WAV|DSS|PENT|PXTH|S1|Junk\d?|OLYM|PANA|thmb2?|scrn|prms|Thumbnail|NCDT|NCTG|FFMV|MMA|PMP|rtmd|SubIFD\w*AVI|ast)",
     "stands in films and sound alone"),
    (r"Kodak::(Free|frea|pose|Scrn|DcMD|MOV)|Canon::(CNTH|CTMD|Skip|CMP1)|Ricoh::(RDT\w|RMETA)|QVCI|Casio::QVCI",
     "stands in films, or behind the picture in a trailer of its own"),
    (r"NikonCustom::Settings(Z.*|D5|D500|D850|D3|D4|D40|D5\d00|D610|D7\d*0?|D8\d*0?|D90|D80)|Nikon::(Menu\w+|More\w+|Shooting\w+|ShotInfo(D780|Z\w+)|Seq\w+|Bracketing\w+|Interval\w+|Rotation\w+|Offset13\w+|Other\w+|JPGInfo\w+|Settings\w+|Portrait\w+|ISOAutoInfoD810|AutoCaptureInfo|ShotInfo\w+)",
     "lies at offsets within an enciphered block that change with the firmware; no known constant proves the place"),
    (r"Nikon::(CaptureOutput|GEM|ROC|Scan|NineEdits|VignetteInfo|RetouchInfo|UnknownInfo\d?|MakerNotes0x5\d)", "is written by software, not by cameras"),
    (r"\w+::\w*(Unknown|Unknown2|UnknownInfo)", "is unknown to ExifTool too: hidden tags"),
    (r"Sony::(AFStatus\w+|MoreInfo\w*|MoreSettings|MeterInfo9?|FaceInfoA|ExtraInfo\d?|Tag\w+|SR2\w+|SRF2?|HiddenInfo|Ericsson)",
     "has a layout of its own within enciphered or counted blocks, told by models that no sample here has"),
    (r"Kodak::(SubIFD\d|Type\d+|TextualInfo|KDC_IFD)", "of cameras before 2003 whose directories no sample here has"),
    (r"Canon::(ColorDataUnknown|FocalInfo|LogInfo|SerialInfo|VignettingCorrUnknown|SerialInfo)", "has hidden tags or one value that the reader takes itself"),
    (r"FujiFilm::(MRAW|RAFHeader|RAFData)|DNG::\w+", "is read by the raw file's reader itself, or holds other files"),
    (r"Reconyx::\w+|Google::\w+|HP::\w+|DJI::\w+|FLIR::(ParamInfo|TextInfo|MeasInfo)|Microsoft::\w+", "of trail cameras, telephones and programs that no sample here has"),
    (r"Panasonic::(DSA|Data1|SerialInfo|Subdir)|Olympus::(TextInfo|MovableInfo)|Pentax::(Type4|\w+)|Minolta::\w+|Ricoh::\w+|Sigma::\w+|Sanyo::\w+",
     "has a layout of its own that no sample here has"),
)  # fmt: skip


def _tables() -> dict[str, dict]:
    found: dict[str, dict] = {}
    for module in MODULES:
        found |= import_module(f"extractor_service.formats.tags.{module}").TABLES
    return found


def unread() -> dict[str, int]:
    """Tables that nobody reads, and how many tags each has."""
    tables = _tables()
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "extractor_service" / "formats").rglob("*.py")
        if path.parent.name != "tags"
    )
    inner = import_module("extractor_service.formats.tags.structures").TABLES
    named = {
        name
        for name in tables
        if f'"{name}"' in code or re.search(rf'["}}:]{re.escape(name.partition("::")[2])}["\d]', code)
    }
    reached, waiting = set(named), list(named)
    while waiting:
        for rows in inner.get(waiting.pop(), {}).values():
            for row in rows:
                if row[1] and row[1] not in reached:
                    reached.add(row[1])
                    waiting.append(row[1])
    return {name: len(rows) for name, rows in tables.items() if name not in reached}


def reason(table: str) -> str:
    """Why a table isn't read; "" when nobody has said."""
    return next((why for pattern, why in REASONS if re.fullmatch(pattern, table)), "")


def main() -> int:
    """Prints the list."""
    left = unread()
    for table, tags in sorted(left.items()):
        print(f"{table:36} {tags:4} tags  {reason(table) or 'NO REASON'}")
    print(f"{len(left)} of {len(_tables())} tables, {sum(left.values())} tags")
    return 0


if __name__ == "__main__":
    sys.exit(main())
