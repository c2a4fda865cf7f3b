"""What modules cost: loading, a file, and what they are compared with; and whether the content digest knows metadata from content.

Needs for its comparisons ExifTool and FFmpeg (Debian packages), and ImageHash in build/oracles/pictures; what is missing is left out, and said.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from extractor_service.document import Document
from extractor_service.modules.base import ModuleContext
from extractor_service.modules.digests import DigestsModule
from extractor_service.modules.loaded import MODULES
from extractor_service.sources.descriptor import DescriptorSource
from tests.samples import PHOTOS
from tests.support.corpus import corpus
from tests.support.evidence import ROOT, Evidence
from tests.support.modules_run import run as run_modules
from tests.support.modules_run import values

_CORPUS = corpus() or ROOT / "no corpus"
_ORACLE = ROOT / "build/oracles/pictures/bin/python"
_MIB = 2**20
_BIG_BYTES = 256 * _MIB
_ROUNDS = 5
_PICTURES = 30

_LOAD = """
import sys, time
from extractor_service.modules.registry import BY_NAME
name, *others = sys.argv[1:]
for other in others[:1]:
    BY_NAME[other].preload()
began_at = time.perf_counter()
BY_NAME[name].preload()
print(time.perf_counter() - began_at)
"""
_OURS = """
import io, sys, time
from extractor_service.document import Document
from extractor_service.modules.pixels import hashes, pdq
from extractor_service.modules.pixels.decode import Pixels
from extractor_service.sources.descriptor import BytesSource
files = [open(path, "rb").read() for path in sys.argv[2:]]
def one(data):
    image = Pixels(BytesSource(data), "image/jpeg").main(Document())
    grey = image.convert("L")
    found = [hashes.average(grey), hashes.difference(grey), hashes.frequency(grey)]
    return found + [pdq.pdq(image).hash] if sys.argv[1] == "pdq" else found
"""
_THEIRS = """
import io, sys, time
import imagehash
from PIL import Image
files = [open(path, "rb").read() for path in sys.argv[2:]]
def one(data):
    image = Image.open(io.BytesIO(data))
    return [str(make(image)) for make in (imagehash.average_hash, imagehash.dhash, imagehash.phash)]
"""
_TIMED = """
one(files[0])
began_at = time.process_time()
for data in files:
    one(data)
print((time.process_time() - began_at) / len(files))
import json
print(json.dumps([one(data) for data in files]))
"""


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    _loading(evidence)
    _digests(evidence)
    _content(evidence)
    _hashes(evidence)
    return evidence


def _loading(evidence: Evidence) -> None:
    for module in MODULES:
        if module.unavailable():
            print(f"  {module.name}: {module.unavailable()}")
            continue
        others = [
            each.name
            for each in MODULES
            if each.worker_kind == module.worker_kind and each is not module and not each.unavailable()
        ]
        told = subprocess.run(
            [sys.executable, "-c", _LOAD, module.name, *others], capture_output=True, text=True, check=True
        )
        first = "" if others else " (the first of its kind)"
        evidence.single(
            module.name, f"loading{first}", "ms", float(told.stdout) * 1000, "" if first else "<= 50"
        )


def _digests(evidence: Evidence) -> None:
    """The set against the command that is the slowest of its parts alone, in turns."""
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as file:
        block = os.urandom(_MIB)
        for _ in range(_BIG_BYTES // _MIB):
            file.write(block)
        file.flush()
        all_of_them = ("sha256", "sha512", "md5", "sha1", "xxh3", "crc32")
        for names, command, goal in (
            (("sha256",), "sha256sum", ">= 0.9"),
            (("sha512",), "sha512sum", ">= 0.9"),
            (all_of_them, "sha256sum", ">= 0.9"),  # the slowest alone of these
            (all_of_them, "sha512sum", ""),
            ((), "b3sum", ">= 0.9"),
        ):
            if shutil.which(command) is None:
                print(f"  {command} isn't installed")
                continue
            ours, theirs = [], []
            for _ in range(_ROUNDS):
                began_at = time.perf_counter()
                DigestsModule().run(
                    DescriptorSource(file.fileno(), _BIG_BYTES), Document(), ModuleContext(None, names)
                )
                ours.append(_BIG_BYTES / _MIB / (time.perf_counter() - began_at))
                began_at = time.perf_counter()
                subprocess.run([command, file.name], stdout=subprocess.DEVNULL, check=True)
                theirs.append(_BIG_BYTES / _MIB / (time.perf_counter() - began_at))
            case = f"{', '.join(('blake3', *names))}, beside {command}"
            evidence.paired(
                case,
                "digests",
                "MiB/s",
                ours,
                theirs,
                f"{command} alone",
                goal,
            )


def _content(evidence: Evidence) -> None:
    """Pairs that other programs made: ExifTool, FFmpeg and pikepdf write other metadata, or other content."""
    if shutil.which("exiftool") is None or shutil.which("ffmpeg") is None:
        print("  exiftool or ffmpeg isn't installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        alike = [_digest_of(one) == _digest_of(other) != "" for one, other in _same(Path(folder))]
        unlike = [_digest_of(one) != _digest_of(other) for one, other in _different(Path(folder))]
    evidence.single(
        "pairs that differ in metadata alone",
        f"equal, of {len(alike)}",
        "pairs",
        sum(alike),
        f"== {len(alike)}",
    )
    evidence.single(
        "pairs that differ in content",
        f"told apart, of {len(unlike)}",
        "pairs",
        sum(unlike),
        f"== {len(unlike)}",
    )


def _digest_of(path: Path) -> str:
    document = run_modules(path.read_bytes(), "content_digest", name=path.name)
    return str(values(document, "content").get("ContentDigest", ""))


def _originals(folder: Path) -> list[Path]:
    found = [Path(path) for path in sorted(PHOTOS)[:5]]
    for kind, pattern in (
        ("jpeg", "*.jpg"),
        ("png", "*.png"),
        ("gif", "*.gif"),
        ("webp", "*.webp"),
        ("tiff", "*.tif*"),
        ("pdf", "*.pdf"),
    ):
        taken = [
            path for path in sorted((_CORPUS / kind).glob(pattern)) if 2000 < path.stat().st_size < 5_000_000
        ]
        found += taken[: 7 if kind != "jpeg" else 12]
    for name, words in {
        "a.mp4": "-f lavfi -i testsrc=d=1:s=160x120 -f lavfi -i sine=d=1 -c:v mpeg4 -c:a aac",
        "a.mov": "-f lavfi -i testsrc2=d=1:s=160x120 -c:v mjpeg", "a.mkv": "-f lavfi -i testsrc=d=1:s=160x120 -c:v mpeg4",
        "a.mp3": "-f lavfi -i sine=d=2 -c:a libmp3lame", "a.flac": "-f lavfi -i sine=d=1", "a.ogg": "-f lavfi -i sine=d=1 -c:a libvorbis",
        "a.opus": "-f lavfi -i sine=d=1 -c:a libopus", "a.m4a": "-f lavfi -i sine=d=1 -c:a aac", "a.wav": "-f lavfi -i sine=d=1", "a.aiff": "-f lavfi -i sine=d=1",
        "a.webm": "-f lavfi -i testsrc=d=1:s=160x120 -c:v libvpx", "a.avi": "-f lavfi -i testsrc=d=1:s=160x120 -c:v mpeg4",
    }.items():  # fmt: skip
        path = folder / name
        if (
            subprocess.run(
                ["ffmpeg", "-v", "error", "-y", *words.split(), str(path)], capture_output=True
            ).returncode
            == 0
        ):
            found.append(path)
    return found


def _same(folder: Path) -> list[tuple[Path, Path]]:
    pairs = []
    for number, path in enumerate(_originals(folder)):
        other = folder / f"same-{number}{path.suffix}"
        if path.suffix in {".mp3", ".flac", ".ogg", ".opus", ".mkv", ".webm", ".wav", ".avi", ".aiff"}:
            command = [
                "ffmpeg",
                "-v",
                "error",
                "-y",
                "-i",
                str(path),
                "-c",
                "copy",
                "-metadata",
                "title=another title",
                str(other),
            ]
        else:
            command = [
                "exiftool",
                "-q",
                "-q",
                "-m",
                "-Title=another title",
                "-Author=somebody",
                "-XMP-dc:Subject=changed",
                "-o",
                str(other),
                str(path),
            ]
        done = subprocess.run(command, capture_output=True)
        if (
            done.returncode == 0
            and other.exists()
            and other.read_bytes() != path.read_bytes()
            and _digest_of(path)
        ):
            pairs.append((path, other))
    return pairs


def _different(folder: Path) -> list[tuple[Path, Path]]:
    """The same kinds, each with another one, and with itself after a change of content."""
    originals = [path for path in _originals(folder) if _digest_of(path)]
    pairs = list(zip(originals, originals[1:]))
    for number, path in enumerate(originals):
        other = folder / f"different-{number}{path.suffix}"
        if path.suffix in {".mp4", ".mov", ".mkv", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".wav", ".aiff"}:
            command = ["ffmpeg", "-v", "error", "-y", "-i", str(path), "-t", "0.5", str(other)]
            if subprocess.run(command, capture_output=True).returncode == 0:
                pairs.append((path, other))
        elif path.suffix in {".jpg", ".png"} and (changed := _painted(path)):
            other.write_bytes(changed)
            pairs.append((path, other))
    return pairs


def _painted(path: Path) -> bytes:
    from PIL import Image

    try:
        image = Image.open(path).convert("RGB")
        image.putpixel((image.width // 2, image.height // 2), (255, 0, 255))
        file = io.BytesIO()
        image.save(file, "JPEG" if path.suffix == ".jpg" else "PNG", quality=95)
    except (OSError, ValueError, SyntaxError):
        return b""
    return file.getvalue()


def _hashes(evidence: Evidence) -> None:
    """Our hashes of the corpus's photographs against ImageHash: bits and CPU; and what is left of a picture's hash after changes."""
    files = [
        str(path)
        for path in sorted((_CORPUS / "jpeg").glob("*.jp*g"))
        if path.stat().st_size > 100_000 and _painted(path)
    ][:_PICTURES]
    if not _ORACLE.exists() or not files:
        print("  ImageHash isn't in build/oracles/pictures, or there is no corpus")
        return
    ours, both, theirs, bits = [], [], [], []
    for _ in range(_ROUNDS):
        mine, found = _timed(sys.executable, _OURS, "three", files)
        with_pdq, _ = _timed(sys.executable, _OURS, "pdq", files)
        other, expected = _timed(str(_ORACLE), _THEIRS, "three", files)
        ours.append(mine * 1000)
        both.append(with_pdq * 1000)
        theirs.append(other * 1000)
        bits = [
            64 - (int(a, 16) ^ int(b, 16)).bit_count()
            for mine_, other_ in zip(found, expected)
            for a, b in zip(mine_, other_)
        ]
    evidence.paired("pHash, dHash, aHash of a photograph", "CPU", "ms", ours, theirs, "ImageHash", "<= 0.5")
    evidence.paired("and PDQ", "CPU", "ms", both, theirs, "ImageHash without PDQ")
    evidence.single("the same three", "equal bits", "%", 100 * statistics.mean(bits) / 64, ">= 99")
    _table(evidence, files[:12])


def _timed(python: str, code: str, what: str, files: list[str]) -> tuple[float, list[list[str]]]:
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    told = subprocess.run(
        [python, "-c", code + _TIMED, what, *files],
        capture_output=True,
        text=True,
        check=True,
        env=environ,
        cwd=ROOT,
    )
    seconds, found = told.stdout.splitlines()
    return float(seconds), json.loads(found)


def _table(evidence: Evidence, files: list[str]) -> None:
    """How many bits change when a picture is changed, on average."""
    from PIL import Image, ImageDraw

    from extractor_service.modules.pixels import hashes, pdq

    def crop(image):
        w, h = image.size
        return image.crop((w * 5 // 200, h * 5 // 200, w - w * 5 // 200, h - h * 5 // 200))

    def mark(image):
        image = image.copy()
        ImageDraw.Draw(image).text(
            (image.width * 6 // 10, image.height * 8 // 10),
            "WATERMARK",
            fill=(255, 255, 255),
            font_size=image.height // 12,
        )
        return image

    def again(image):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=50)
        return Image.open(file).convert("RGB")

    changes = {"JPEG 50": again, "half the size": lambda image: image.resize((image.width // 2, image.height // 2)), "5 % cropped": crop, "grey": lambda image: image.convert("L").convert("RGB"), "watermark": mark}  # fmt: skip
    pictures = [Image.open(path).convert("RGB") for path in files]
    for name, change in changes.items():
        away = {"pHash": [], "dHash": [], "aHash": [], "PDQ": []}
        for image in pictures:
            other = change(image)
            for key, make in (
                ("pHash", hashes.frequency),
                ("dHash", hashes.difference),
                ("aHash", hashes.average),
            ):
                away[key].append(
                    (int(make(image.convert("L")), 16) ^ int(make(other.convert("L")), 16)).bit_count()
                )
            away["PDQ"].append((int(pdq.pdq(image).hash, 16) ^ int(pdq.pdq(other).hash, 16)).bit_count())
        for key, found in away.items():
            evidence.single(
                f"{key} after: {name}", "bits that change, on average", "bits", statistics.mean(found)
            )
