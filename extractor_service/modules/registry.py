"""All modules, in the order of running. A new one is a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.modules.charts.module import ChartsModule
from extractor_service.modules.common import CommonModule
from extractor_service.modules.composite.module import CompositeModule
from extractor_service.modules.content.module import ContentDigestModule
from extractor_service.modules.digests import DigestsModule
from extractor_service.modules.exiftool.module import ExifToolModule
from extractor_service.modules.metadata import MetadataModule
from extractor_service.modules.pixels.perceptual import PerceptualModule
from extractor_service.modules.places.module import PlacesModule
from extractor_service.modules.privacy import PrivacyModule
from extractor_service.modules.provenance.c2pa import C2paModule
from extractor_service.modules.provenance.module import ProvenanceModule
from extractor_service.modules.provenance.thumbnail import ThumbnailModule
from extractor_service.modules.sound.facts import SoundModule
from extractor_service.modules.text.module import TextModule

if TYPE_CHECKING:
    from extractor_service.modules.base import Module

MODULES: tuple[Module, ...] = (
    MetadataModule(),
    CompositeModule(),
    CommonModule(),
    PlacesModule(),
    DigestsModule(),
    ContentDigestModule(),
    C2paModule(),
    ProvenanceModule(),
    SoundModule(),
    PrivacyModule(),
    TextModule(),
    PerceptualModule(),
    ThumbnailModule(),
    ExifToolModule(),
    ChartsModule(),
)
BY_NAME: dict[str, Module] = {module.name: module for module in MODULES}
