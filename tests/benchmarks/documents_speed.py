"""Documents per CPU second: the engine against the fastest reader of each family, and against ExifTool over all of them.

The readers live in build/oracles/venv (`python -m tests.tools.documents` says what belongs there); none is a dependency
but pikepdf, which reads PDF for us.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from extractor_service.document import Document, LimitExceededError
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import identify_source, named
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import DescriptorSource
from extractor_service.workers.template import quiet_collector
from tests.benchmarks.photographs import StayOpen
from tests.support import corpus
from tests.support.evidence import ROOT, Evidence
from tests.tools import documents

if TYPE_CHECKING:
    from pathlib import Path

_ROUNDS, _PASSES = 5, 3
_PYTHON = ROOT / "build" / "oracles" / "venv" / "bin" / "python"
_ZIPPED = """
import zipfile
from xml.etree import ElementTree
def one(path):
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        wanted = [name for name in names if name in {"meta.xml", "META-INF/manifest.xml"} or name.startswith("docProps/") and name.endswith(".xml")]
        return [[element.text for element in ElementTree.fromstring(archive.read(name)).iter()] for name in wanted], [info.file_size for info in archive.infolist()]
"""
# By family: the corpus folders, the made ones, the reader, our goal, and what it does with a file: all that it has.
_FAMILIES = {
    "pdf": (("pdf",), ("pdf",), "pikepdf", ">= 0.8", """
import pikepdf
def one(path):
    with pikepdf.open(path) as pdf:
        return [str(value) for value in pdf.docinfo.values()], len(pdf.pages), pdf.pdf_version, pdf.is_linearized, [str(page.mediabox) for page in list(pdf.pages)[:200]], pdf.attachments.keys(), "/Metadata" in pdf.Root and pdf.Root.Metadata.read_bytes()
"""),
    "ooxml, odf": (("ooxml", "odf"), ("docx", "xlsx", "pptx", "odt", "ods", "odp"), "zipfile and ElementTree", ">= 1", _ZIPPED),
    "ole": (("ole",), ("doc", "xls", "ppt", "msg"), "olefile", ">= 1", """
import olefile
def one(path):
    with olefile.OleFileIO(path) as file:
        told = file.get_metadata()
        return vars(told), file.listdir(), [file.getproperties(name, convert_time=True) for name in (["\\x05DocumentSummaryInformation"],) if file.exists(name)]
"""),
    "fonts": (("font",), ("ttf", "otf", "ttc", "woff"), "fontTools", ">= 1", """
from fontTools.ttLib import TTCollection, TTFont
def one(path):
    with open(path, "rb") as stream:
        many = stream.read(4) == b"ttcf"
    found = []
    for font in (TTCollection(path, lazy=True).fonts if many else [TTFont(path, lazy=True)]):
        found += [str(record) for record in font["name"].names] + [font["OS/2"].usWeightClass, font["head"].unitsPerEm, font["maxp"].numGlyphs, len(font.getBestCmap() or ())]
    return found
"""),
    "ELF": ((), ("elf",), "pyelftools", ">= 1", """
from elftools.elf.elffile import ELFFile
def one(path):
    with open(path, "rb") as stream:
        file = ELFFile(stream)
        return file.header, [section.name for section in file.iter_sections()], [tag.needed for segment in file.iter_segments() if segment.header.p_type == "PT_DYNAMIC" for tag in segment.iter_tags() if tag.entry.d_tag == "DT_NEEDED"]
"""),
    "PE": ((), ("pe",), "pefile", ">= 1", """
import pefile
def one(path):
    with pefile.PE(path) as file:
        return len(file.sections), getattr(file, "FileInfo", None), len(getattr(file, "DIRECTORY_ENTRY_IMPORT", ()))
"""),
    "zip": ((), ("zip", "jar", "whl"), "zipfile", ">= 1", """
import zipfile
def one(path):
    with zipfile.ZipFile(path) as archive:
        return [(info.filename, info.file_size, info.date_time, info.CRC) for info in archive.infolist()], archive.comment
"""),
    "tar": ((), ("tar",), "tarfile", ">= 1", """
import tarfile
def one(path):
    with tarfile.open(path) as archive:
        return [(each.name, each.size, each.mtime, each.uname) for each in archive.getmembers()]
"""),
    "mail": (("email",), ("eml",), "email", ">= 1", """
import email, email.policy
def one(path):
    with open(path, "rb") as stream:
        message = email.message_from_binary_file(stream, policy=email.policy.default)
    return list(message.items()), [(part.get_filename(), part.get_content_type(), len(part.get_payload(decode=True) or b"")) for part in message.walk()]
"""),
}  # fmt: skip
_LOOP = """
import sys, time
paths, passes = sys.argv[2:], int(sys.argv[1])
good = []
for path in paths:
    try:
        one(path)
    except Exception:
        continue
    good.append(path)
started = time.process_time()
for _ in range(passes):
    for path in good: one(path)
print((time.process_time() - started) / passes)
print("\\n".join(good))
"""


def run(name: str) -> Evidence:
    """Interleaved rounds; every reader in a warm process, over the files that it reads."""
    evidence = Evidence(name)
    quiet_collector()  # as in a worker
    everything: list[Path] = []
    for family, (folders, made, reader, goal, code) in _FAMILIES.items():
        files = _files(folders, made)
        everything += files
        if not files or not _PYTHON.exists():
            print(
                f"{family}: not compared with {reader}: {'no files' if not files else 'it is not in build/oracles/venv'}"
            )
            continue
        readable = their_pass(code, files, 1, _PYTHON)[1]
        if not readable:
            print(f"{family}: {reader} reads none")
            continue
        chosen = [path for path in files if str(path) in set(readable)]
        read_all(chosen)
        ours, theirs = [], []
        for _ in range(_ROUNDS):
            ours.append(rate(chosen))
            theirs.append(len(chosen) / max(their_pass(code, chosen, _PASSES, _PYTHON)[0], 1e-9))
        evidence.paired(
            f"{family}, {len(chosen)} files", "files per CPU second", "1/s", ours, theirs, reader, goal
        )
    if everything and corpus.exiftool():
        ours, theirs = [], []
        with StayOpen() as stay_open:
            stay_open.read(everything)
            for _ in range(_ROUNDS):
                ours.append(rate(everything))
                theirs.append(len(everything) / stay_open.read(everything))
        evidence.paired(
            f"all, {len(everything)} files",
            "files per CPU second",
            "1/s",
            ours,
            theirs,
            "exiftool -stay_open",
            ">= 10",
        )
    return evidence


def _files(folders: tuple[str, ...], made: tuple[str, ...]) -> list[Path]:
    found = [path for path in documents.made() if path.parent.name in made and path.stat().st_size < 2**21]
    return [*corpus.document_files(folders), *found]


def read_all(files: list[Path]) -> None:
    """Reads every file into a document, as a worker does, its type by its directory and its name."""
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            source = BlockCachedSource(DescriptorSource(descriptor, os.fstat(descriptor).st_size))
            found = named(identify_source(source), path.name).format
            if found is not None:
                with contextlib.suppress(CorruptFileError, LimitExceededError):
                    found.load()(source, Document())
        finally:
            os.close(descriptor)


def rate(files: list[Path], passes: int = _PASSES) -> float:
    """Our files per CPU second."""
    started = time.process_time()
    for _ in range(passes):
        read_all(files)
    return len(files) * passes / (time.process_time() - started)


def their_pass(code: str, files: list[Path], passes: int, python: Path) -> tuple[float, list[str]]:
    """CPU seconds of one pass, and the files that it reads."""
    done = subprocess.run(
        [str(python), "-W", "ignore", "-c", code + _LOOP, str(passes), *map(str, files)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print(done.stderr[-500:], file=sys.stderr)
        return 0.0, []
    seconds, *good = done.stdout.splitlines()[-len(files) - 1 :]
    return float(seconds), good
