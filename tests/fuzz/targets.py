"""All targets: every reader of the registry, identification, and what else takes bytes from elsewhere."""

from __future__ import annotations

import io
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from extractor_service.document import Document, LimitExceededError, ProblemKind
from extractor_service.formats.base import CorruptFileError
from extractor_service.formats.identification.identify import by_the_name, identify, identify_source, named
from extractor_service.formats.registry import FORMATS
from extractor_service.modules.base import READER, ModuleContext
from extractor_service.modules.loaded import MODULES
from extractor_service.modules.registry import BY_NAME
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from tests.fuzz import protocols
from tests.golden.samples import SAMPLES
from tests.support import modules_run
from tests.tools import traces
from tests.tools.credentials import with_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.formats.base import Format

_SAMPLES = Path(__file__).parents[1] / "samples"
_WHOLE = frozenset(
    [
        "jpeg",
        "png",
        "gif",
        "webp",
        "tiff",
        "heic",
        "mp4",
        "mkv",
        "avi",
        "mp3",
        "flac",
        "ogg",
        "wav",
        "rf64",
        "aiff",
        "pdf",
        "jp2",
        "jxl",
    ]
)
_MAX_SEED_BYTES = 96 * 1024
_MOST_SEEDS = 24


class Target(NamedTuple):
    """One thing that takes bytes."""

    name: str
    seeds: list[bytes]
    run: Callable[[bytes], None]
    """Raises what is a finding."""


class DefectError(Exception):
    """A reader survived something that it shouldn't have met."""


def reader(each: Format) -> Callable[[bytes], None]:
    """Reads as a worker does, without its patience: an exception that isn't about the file is a finding."""
    context = ModuleContext(each)

    def run(data: bytes) -> None:
        document = Document(limits=context.depth.limits)
        source = BlockCachedSource(BytesSource(data))
        for module in MODULES:
            if not module.applies(context) or module.needs_whole_file or module.worker_kind != READER:
                continue
            try:
                module.run(source, document, context)
            except (CorruptFileError, LimitExceededError) as error:
                cause = error.__cause__ or error.__context__
                if type(cause) is MemoryError:
                    raise DefectError("out of memory") from error
            encode.encode_part(module.writes, document, document.problems)
        for problem in document.problems:
            if problem.kind is ProblemKind.READER:
                raise DefectError(problem.message)

    return run


def _identification(data: bytes) -> None:
    identity = identify_source(BytesSource(data))
    identify(data[:4096], len(data))
    for name in ("a.txt", "b.csv", "c", data[:64].decode("latin-1")):
        by_the_name(identity, name)
        named(identity, name)


def all_targets() -> list[Target]:
    """Every target, readers first."""
    seeds: dict[str, list[bytes]] = defaultdict(list)
    heads = []
    for name, data in _samples():
        found = named(identify_source(BytesSource(data)), name).type.reader
        seeds[found].append(data)
        heads.append(data[:2048])
    targets = [
        Target(each.name, sorted(seeds[each.name], key=len)[:_MOST_SEEDS], reader(each)) for each in FORMATS
    ]
    targets.append(Target("identification", heads, _identification))
    targets += modules_targets(seeds)
    targets += [Target(name, found, run) for name, found, run in protocols.protocols()]
    return [target for target in targets if target.seeds]


def modules_targets(seeds: dict[str, list[bytes]]) -> list[Target]:
    """What modules read beside the readers: whole files for their content and their past, credentials, words, pictures, charts."""
    jpeg = traces.jpeg()
    chart = b'{"charts1": [{"sun": 1.5, "moon": 200}], "charts2": [{"mars": 77}], "orb": 8, "best": 3, "part": [0, 0, 1, 1]}'
    credentialed = [
        with_credentials(jpeg),
        with_credentials(jpeg, spoil="assertion", source_type="composite"),
    ]
    whole = [min(each, key=len) for name, each in sorted(seeds.items()) if name in _WHOLE and each]
    return [
        Target("module content", [*whole, jpeg], _module("content_digest")),
        Target(
            "module provenance",
            [jpeg, *(data for _, data, _ in traces.planted())],
            _module("provenance", "thumbnail", "privacy"),
        ),
        Target("module c2pa", credentialed, _module("c2pa")),
        Target(
            "module perceptual",
            [jpeg, traces.png(), *(min(seeds[name], key=len) for name in ("gif", "webp", "bmp", "tiff"))],
            _module("perceptual"),
        ),
        Target(
            "module text",
            [min(seeds[name], key=len) for name in ("docx", "odt", "epub", "html", "rtf", "text", "pdf")],
            _module("text_facts"),
        ),
        Target("module charts", [chart, _chart_archive()], _module("charts")),
        Target(
            "module sound",
            [min(seeds[name], key=len) for name in ("mp3", "ogg", "flac")],
            _module("sound_facts"),
        ),
    ]


def _chart_archive() -> bytes:
    file = io.BytesIO()
    np.savez(file, charts1=np.zeros((2, 10)), charts2=np.ones((1, 10)))
    return file.getvalue()


def _module(*names: str) -> Callable[[bytes], None]:
    """Runs modules with all that they read, as a worker does."""

    def run(data: bytes) -> None:
        document = modules_run.run(data, *names)
        for name in names:
            encode.encode_part(BY_NAME[name].writes, document, document.problems)

    return run


def _samples() -> list[tuple[str, bytes]]:
    found = [(name, make()) for name, make in SAMPLES.items()]
    for path in sorted(_SAMPLES.rglob("*")):
        if path.is_file() and path.suffix != ".py" and path.stat().st_size <= _MAX_SEED_BYTES:
            found.append((path.name, path.read_bytes()))
    return [(name, data) for name, data in found if len(data) <= _MAX_SEED_BYTES]
