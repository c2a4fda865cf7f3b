"""All modules, in the order of running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.modules.common import CommonModule
from extractor_service.modules.composite.module import CompositeModule
from extractor_service.modules.digests import DigestsModule
from extractor_service.modules.metadata import MetadataModule

if TYPE_CHECKING:
    from extractor_service.modules.base import Module

MODULES: tuple[Module, ...] = (MetadataModule(), CompositeModule(), CommonModule(), DigestsModule())
BY_NAME: dict[str, Module] = {module.name: module for module in MODULES}
