"""Facts of documents, archives, fonts and programs against the field's readers, which read the whole file.

Each family has a table of facts in `documents_facts.py`: its keys are the names that the oracle gives
(`documents_oracles*.py`), its values say where ours stand. The oracles run in build/oracles/venv, one process a family.
"""

from __future__ import annotations

import json
import re
import subprocess
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.documents_facts import FACTS
from tests.benchmarks.documents_ours import Ours
from tests.support import corpus
from tests.support.evidence import Evidence
from tests.tools import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PYTHON = documents.ORACLES / "venv" / "bin" / "python"
_ORACLE = Path(__file__).with_name("documents_oracles_archives.py")
_FOLDERS = ("pdf", "ooxml", "odf", "epub", "ole", "font", "exe", "archive", "email")
_SECONDS = 600
_ENDINGS = {
    "pdf": "pdf", "docx": "ooxml", "docm": "ooxml", "dotx": "ooxml", "xlsx": "ooxml", "xlsm": "ooxml",
    "xlsb": "ooxml", "xltx": "ooxml", "pptx": "ooxml",
    "pptm": "ooxml", "ppsx": "ooxml", "potx": "ooxml", "odt": "odf", "ott": "odf", "ods": "odf", "odp": "odf",
    "odg": "odf", "epub": "epub", "msg": "msg",
    "ttf": "font", "otf": "font", "ttc": "font", "woff": "font", "woff2": "font", "eml": "mail", "mbox": "mbox",
    "torrent": "torrent", "las": "las",
    "dbf": "dbf", "shp": "shp", "ply": "ply", "stl": "stl", "glb": "gltf", "gltf": "gltf", "dxf": "dxf", "tar": "tar",
    "deb": "deb", "iso": "iso",
}  # fmt: skip
_BEGINNINGS = (
    (b"\xd0\xcf\x11\xe0", "ole"), (b"PK", "zip"), (b"7z\xbc\xaf", "7z"), (b"Rar!", "rar"), (b"\x1f\x8b", "packed"),
    (b"BZh", "packed"),
    (b"\xfd7zXZ", "packed"), (b"!<arch>", "ar"), (b"!<thin>", "ar"), (b"\xed\xab\xee\xdb", "rpm"), (b"0707", "cpio"),
    (b"\xc7\x71", "cpio"), (b"MSCF", "cab"),
    (b"SQLite format 3", "sqlite"), (b"\x7fELF", "elf"), (b"MZ", "pe"), (b"\xca\xfe\xba\xbe\0\0\0\2", "macho"),
    (b"\xcf\xfa\xed\xfe", "macho"),
    (b"\xce\xfa\xed\xfe", "macho"), (b"\xfe\xed\xfa", "macho"),
)  # fmt: skip

JUDGED = {
    "tika__testAppleSingleFile.pdf": "an AppleSingle file by its first bytes; the PDF is its data fork",
    "tika__testPDF_deeplyEmbeddedAttachments.pdf: attachments": "pypdf doesn't follow Kids of Kids; pikepdf has the 20",
    "tika__testEXCEL-charts.xls: sheets": "xlrd leaves out chart sheets, which are sheets too (MS-XLS 2.4.28)",
    "poi__chinese-traditional.msg": "extract-msg decodes Big5 as Windows-1252",
    "mingw-version.exe: version strings": "pefile has the first of two string tables",
    "mingw.dll: version strings": "the same",
    "gnu-incremental.tar: names": "where POSIX has a prefix, headers of GNU have the time of the last access (Basic Tar Format)",
    "gnu-incremental.tar: kinds": "a dumped folder is a folder",
    "infozip-comments.zip: names": "Info-ZIP on Unix writes UTF-8 without the flag; zipfile takes it for code page 437",
    "infozip-streamed.zip: names": "the same",
    "rarfile__rar3-versions.rar": "rarfile hides old versions of files",
    "libarchive__test_read_format_rar_endarc_huge.rar": "there is no header that says whether it is solid",
    "libarchive__test_read_format_rar_overflow.rar": "the same; rarfile hides its member, whose header is sound",
    "libarchive__test_read_format_rar_symlink_huge.rar": "the same",
    "pigz-comment.gz": "pigz writes UTF-8, as all do by now, where RFC 1952 says Latin-1",
    "ogr.dxf: layers": "ezdxf adds its own layer, Defpoints",
    "ogr-lines.gpkg: columns": "types that SQLite's R-tree module makes up; the statement has none",
    "ogr.gpkg: columns": "the same",
}
"""Where the oracle is wrong, or knows less: a file, or one fact of it, and why. These count as equal."""


def run(name: str) -> Evidence:
    """Every fact that an oracle tells and a table names; what differs is printed."""
    evidence = Evidence(name)
    if not PYTHON.exists():
        print(f"{PYTHON} isn't there: nothing was measured")
        return evidence
    files = _files()
    for family in FACTS:
        answers = _answers(family, files.get(family, []))
        refused = sum("refused" in each for each in answers.values())
        compared = equal = judged = 0
        for path, answer in answers.items():
            if "refused" in answer:
                print(f"  {family}: {_short(path)} is refused: {answer['refused']}")
                continue
            for fact, same, what in _compared(FACTS[family], Path(path), answer["facts"]):
                why = JUDGED.get(Path(path).name) or JUDGED.get(f"{Path(path).name}: {fact}")
                compared += 1
                equal += same or why is not None
                judged += not same and why is not None
                if not same:
                    print(f"  {family}: {_short(path)}: {fact}: {what}{f' ({why})' if why else ''}")
        evidence.single(family, "files that the oracle refuses", "count", refused)
        evidence.single(family, "facts compared", "count", compared)
        if compared:
            evidence.single(family, "of which the oracle is wrong", "count", judged)
            evidence.single(family, "equal", "%", 100 * equal / compared, "== 100")
    return evidence


def _short(path: str) -> str:
    return "/".join(path.split("/")[-2:])


def _files() -> dict[str, list[Path]]:
    """All files by family: by their ending where that says it, else by their first bytes."""
    folder = corpus.corpus()
    found = [path for each in _FOLDERS for path in sorted((folder / each).iterdir())] if folder else []
    families: dict[str, list[Path]] = {}
    for path in [*found, *documents.made()]:
        ending = path.suffix.removeprefix(".").lower()
        with path.open("rb") as stream:
            head = stream.read(16)
        by_bytes = next((family for begin, family in _BEGINNINGS if head.startswith(begin)), "")
        family = _ENDINGS.get(ending, by_bytes)
        if by_bytes == "ole" and family == "ooxml":
            family = "ole"  # encrypted
        families.setdefault(family, []).append(path)
    return families


def _answers(family: str, paths: Iterable[Path]) -> dict[str, Any]:
    told = subprocess.run(
        [PYTHON, "-W", "ignore", "-B", _ORACLE, family], input="\n".join(map(str, paths)), capture_output=True,
        text=True, timeout=_SECONDS
    )  # fmt: skip
    if told.returncode:
        print(f"  {family}: {told.stderr[-500:]}")
        return {}
    return json.loads(told.stdout)


def _compared(
    facts: dict[str, Callable[[Ours], Any]], path: Path, theirs: dict[str, Any]
) -> Iterable[tuple[str, bool, str]]:
    ours = Ours(path)
    for fact, value in theirs.items():
        if fact in facts:
            mine = facts[fact](ours)
            same = _same(mine, value)
            yield fact, same, "" if same else _difference(mine, value)


def _same(mine: Any, theirs: Any) -> bool:
    """Whether they mean the same; what the oracle doesn't know of one member is no difference."""
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        return all(right is None or _same(left, right) for left, right in zip(mine, theirs, strict=True))
    return _meant(mine) == _meant(theirs)


def _difference(mine: Any, theirs: Any) -> str:
    """Of lists and tables only what differs."""
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        at = next(at for at in range(len(mine)) if theirs[at] is not None and not _same(mine[at], theirs[at]))
        if isinstance(mine[at], list):
            return f"at {at}: {_difference(mine[at], theirs[at])}"
        return f"at {at} of {len(mine)}: ours {mine[at]!r:.150}, theirs {theirs[at]!r:.150}"
    if isinstance(mine, list) and isinstance(theirs, list):
        extra, missing = (
            [each for each in one if each not in other] for one, other in ((mine, theirs), (theirs, mine))
        )
        return f"{len(mine)} against {len(theirs)}; ours alone {extra!r:.200}, theirs alone {missing!r:.200}"
    if isinstance(mine, dict) and isinstance(theirs, dict):
        return "; ".join(
            f"{key}: {_difference(mine.get(key), theirs.get(key))}"
            for key in {*mine, *theirs}
            if _meant(mine.get(key)) != _meant(theirs.get(key))
        )[:400]
    return f"ours {mine!r:.200}, theirs {theirs!r:.200}"


def _meant(value: Any) -> Any:
    """What is compared: moments in UTC, numbers rounded, texts without blanks around them, lists of words joined."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dict):
        return {key: _meant(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_meant(each) for each in value]
    if isinstance(value, (int, float)):
        return round(value, 2)
    text = str(value).strip(" \0\r\n\t") if value is not None else ""
    moment = re.match(r"(\d{4}:\d\d:\d\d \d\d:\d\d:\d\d)(?:\.\d+)?(?:([+-])(\d\d):(\d\d)|Z)?$", text)
    if moment is None:
        return round(float(text), 2) if re.fullmatch(r"-?\d{1,9}(\.\d+)?", text) else " ".join(text.split())
    try:
        shown = datetime.strptime(moment[1], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - the zone comes next
    except ValueError:
        return text
    away = timedelta(hours=int(moment[3] or 0), minutes=int(moment[4] or 0))
    return str(shown + away if moment[2] == "-" else shown - away)
