"""All modules, loaded, in the order of running: for the front, which plans with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.modules.registry import BY_NAME

if TYPE_CHECKING:
    from extractor_service.modules.base import Module

MODULES: tuple[Module, ...] = tuple(BY_NAME.values())
