"""Boxes of films: which of those that mp4box.js finds are walked, at the same place and size; which say something.

mp4box.js is no dependency: `npm install --prefix build/oracles mp4box` puts it where this looks.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

from extractor_service.document import Document
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.containers.isobmff import mp4
from extractor_service.formats.reading import boxes
from extractor_service.sources.descriptor import BytesSource
from tests.support import corpus
from tests.support.evidence import ROOT, Evidence
from tests.tools import media

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from extractor_service.formats.reading.reader import Reader

_ORACLES = ROOT / "build" / "oracles"
_FOLDERS = ("mp4", "mov", "fmp4", "m4a", "m4b", "3gp", "3g2", "f4v")
_TOLD = ("ftyp", "mvhd", "tkhd", "mdhd", "hdlr", "vmhd", "smhd", "avc1", "hvc1", "hev1", "mp4a", "mp4v", "pasp", "btrt", "colr", "clap", "fiel", "mfhd", "mdat", "tmcd", "gmin", "hmhd", "chap", "elng")  # fmt: skip
"""Kinds whose content becomes fields with a place; tables of samples and what only adds to a stream aren't counted."""
_SCRIPT = """
const fs = require('fs'), MP4Box = require('mp4box');
for (const path of process.argv.slice(1)) {
  try {
    const data = fs.readFileSync(path), buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    buffer.fileStart = 0;
    const file = MP4Box.createFile(true), found = [], seen = new Set();
    file.onError = () => {};
    file.appendBuffer(buffer);
    file.flush();
    const walk = (list, parent) => {
      for (const box of list || []) {
        if (!box || !box.type || box.start === undefined || seen.has(box)) continue;
        seen.add(box);
        found.push([box.type, box.start, box.size, parent]);
        for (const [key, value] of Object.entries(box)) {
          if (key === 'parent' || !value) continue;
          if (Array.isArray(value)) walk(value.filter(each => each && each.start !== undefined), box.type);
          else if (value.type && value.start !== undefined) walk([value], box.type);
        }
      }
    };
    walk(file.boxes, '');
    console.log(JSON.stringify([path, found]));
  } catch (error) { console.log(JSON.stringify([path, null])); }
}
"""


def run(name: str) -> Evidence:
    """Over the corpus and the made films; what differs is printed by kind."""
    evidence = Evidence(name)
    if shutil.which("node") is None or not (_ORACLES / "node_modules" / "mp4box").is_dir():
        print("node or mp4box.js isn't there: nothing was measured")
        return evidence
    for case, files in (
        ("the corpus", [path for path in corpus.media_files() if path.parent.name == "mp4"]),
        ("made by ffmpeg", [path for path in media.made() if path.parent.name in _FOLDERS]),
    ):
        theirs = walked = told = meant = 0
        missed, silent = Counter[str](), Counter[str]()
        for path, found in _mp4box(files):
            ours, places = _ours(path)
            for kind, start, size, parent in found:
                theirs += 1
                if any((kind, start + head, start + size) in ours for head in (8, 16)):
                    walked += 1
                else:
                    missed[f"{kind} in {parent}"] += 1
                if kind in _TOLD:
                    meant += 1
                    says = any(start <= place < start + size for place in places)
                    told += says
                    silent[kind] += not says
        evidence.single(case, "films", "count", len(files))
        evidence.single(case, "boxes of mp4box.js", "count", theirs)
        evidence.single(case, "walked, place and size equal", "%", 100 * walked / max(1, theirs), ">= 100")
        evidence.single(case, "boxes of kinds that say something", "count", meant)
        evidence.single(case, "of these, with a field out of them", "%", 100 * told / max(1, meant), ">= 95")
        print(f"  {case}: not walked {missed.most_common(20)}; without a field {(+silent).most_common(20)}")
    truths = list((corpus.corpus() or ROOT).glob("_truth/*_gpac.json"))
    evidence.single("conformance films", "truths by GPAC", "count", len(truths))
    here = [path for path in corpus.media_files() if path.name.startswith("mpeg__")]
    evidence.single(
        "conformance films", "films that are here, and not only their pointers", "count", len(here)
    )
    return evidence


def _mp4box(files: list[Path]) -> Iterator[tuple[Path, list]]:
    done = subprocess.run(
        ["node", "-e", _SCRIPT, *map(str, files)], capture_output=True, text=True, cwd=_ORACLES,
    )  # fmt: skip
    by_name = {str(path): path for path in files}
    for line in done.stdout.splitlines():
        if line.startswith("["):
            path, found = json.loads(line)
            if found:
                yield by_name[path], found


def _ours(path: Path) -> tuple[set[tuple[str, int, int]], list[int]]:
    """The boxes that our walk met, by kind, beginning and end of the content; places of all fields."""
    met: set[tuple[str, int, int]] = set()
    plain = boxes.walk

    def noting(reader: Reader, start: int, end: int) -> Iterator[boxes.Box]:
        for box in plain(reader, start, end):
            at = reader.base + box.offset
            met.add((box.kind.decode("latin-1"), at, at + box.length))
            yield box

    document = Document()
    boxes.walk = noting
    try:
        with contextlib.suppress(CorruptFileError):
            mp4.parse(BytesSource(path.read_bytes()), document)
    finally:
        boxes.walk = plain
    fields = (field for section in document.sections.values() for field in section)
    return met, [field.origin.offset_bytes for field in fields if field.origin is not None]
