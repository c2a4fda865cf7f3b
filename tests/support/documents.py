"""Encoded documents of real and golden files, made by the engine without a service: what extractors store."""

from __future__ import annotations

import functools

from extractor_service.modules.base import Part
from extractor_service.sources.blocks import BlockCachedSource
from extractor_service.sources.descriptor import BytesSource
from extractor_service.workers import encode
from tests.golden.documents import parse
from tests.golden.samples import SAMPLES
from tests.samples import PHOTOS
from tests.support import corpus


@functools.cache
def fragments(*, has_corpus: bool = False) -> list[bytes]:
    """A fragment per photograph and golden file, and per image of the corpus, where there is one and it is wanted."""
    contents = [path.read_bytes() for path in (*PHOTOS, *(corpus.image_files() if has_corpus else ()))]
    contents += [make() for name, make in SAMPLES.items()]
    found = []
    for data in contents:
        filled = parse(BlockCachedSource(BytesSource(data)))
        found.append(encode.encode_part(Part.SECTIONS, filled, filled.problems))
    return found
