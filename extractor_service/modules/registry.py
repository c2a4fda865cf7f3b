"""All modules, in the order of running. A new one is a line here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from extractor_service.modules.base import Module

PATHS = {
    "metadata": "metadata:MetadataModule",
    "composite": "composite.module:CompositeModule",
    "common": "common:CommonModule",
    "places": "places.module:PlacesModule",
    "digests": "digests:DigestsModule",
    "content_digest": "content.module:ContentDigestModule",
    "piece_digests": "pieces:PieceDigestsModule",
    "c2pa": "provenance.c2pa:C2paModule",
    "provenance": "provenance.module:ProvenanceModule",
    "sound_facts": "sound.facts:SoundModule",
    "privacy": "privacy:PrivacyModule",
    "text_facts": "text.module:TextModule",
    "perceptual": "pixels.perceptual:PerceptualModule",
    "thumbnail": "provenance.thumbnail:ThumbnailModule",
    "exiftool": "exiftool.module:ExifToolModule",
    "charts": "charts.module:ChartsModule",
}
"""Where each is, beneath this folder."""


class Registry(Mapping[str, "Module"]):
    """Modules by name, each loaded when it is first asked for: a worker that reads photographs needs three of them."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = dict(paths)
        self._loaded: dict[str, Module] = {}

    def __getitem__(self, name: str) -> Module:
        module = self._loaded.get(name)
        if module is None:
            place, _, kind = self._paths[name].partition(":")
            found = getattr(importlib.import_module(f"extractor_service.modules.{place}"), kind)
            module = self._loaded[name] = cast("Module", found())
        return module

    def __contains__(self, name: object) -> bool:
        return name in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


BY_NAME = Registry(PATHS)
