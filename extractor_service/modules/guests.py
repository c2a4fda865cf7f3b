"""Modules of other packages: named by an entry point, described to the front, and run in workers of their own.

The front never imports them: the process from which their workers are forked does, and tells what they say of themselves.
"""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

from extractor_service.depth import Depth
from extractor_service.modules.base import GUEST_PREFIX, CostClass, Lifetime, Module

if TYPE_CHECKING:
    from collections.abc import Mapping

    from extractor_service.document import Document
    from extractor_service.modules.base import ModuleContext
    from extractor_service.sources.base import ByteSource

ENTRY_POINTS = "metaextract.modules"
"""The group in which a package names its modules: `name = "package.module:Class"`."""
_MAX_TEXT_CHARS = 512  # of what it says of itself: parts of keys may have as many (result.proto)
_MAX_NAMES = 64  # sections, formats or modules that it names


class GuestError(Exception):
    """A module of another package can't be used."""


def load(name: str) -> Module:
    """The module that a package has registered by that name; raises GuestError, or whatever its import does."""
    found = list(importlib.metadata.entry_points(group=ENTRY_POINTS, name=name))
    if len(found) != 1:
        raise GuestError(f"{len(found)} packages have a module {name!r} (group {ENTRY_POINTS})")
    module = found[0].load()()
    if not isinstance(module, Module) or module.name != name:
        raise GuestError(f"{found[0].value} isn't a Module of the name {name!r}")
    return module


def describe(module: Module) -> dict[str, Any]:
    """What the front has to know of it, for JSON."""
    return {
        "name": module.name,
        "version": module.version,
        "description": module.description,
        "writes": list(module.writes) if isinstance(module.writes, tuple) else [],
        "formats": list(getattr(module, "formats", ())),
        "reads": list(module.reads),
        "cost_class": module.cost_class.value,
        "needs_whole_file": module.needs_whole_file,
        "needs_pixels": module.needs_pixels,
        "lifetime": module.lifetime.value,
        "least_depth": module.least_depth.value,
        "unavailable": module.unavailable(),
    }


class Guest(Module):
    """What the front knows of a module that runs elsewhere."""

    def __init__(self, name: str, told: Mapping[str, Any], reason: str = "") -> None:
        """`told`: what `describe` said; empty, with a reason, where it couldn't be loaded.

        Raises:
            GuestError: it says of itself what can't be.
        """
        self.name = name
        self.worker_kind = f"{GUEST_PREFIX}{name}"
        self.version = _text(told, "version", "0")
        self.description = _text(told, "description", "A module of another package that couldn't be loaded.")
        self.writes = _texts(told, "writes")
        self.reads = _texts(told, "reads")
        self.needs_whole_file = bool(told.get("needs_whole_file", False))
        self.needs_pixels = bool(told.get("needs_pixels", False))
        self._formats = frozenset(_texts(told, "formats"))
        self._reason = reason or str(told.get("unavailable", ""))[:_MAX_TEXT_CHARS]
        try:
            self.cost_class = CostClass(told.get("cost_class", CostClass.RANGES.value))
            self.lifetime = Lifetime(told.get("lifetime", Lifetime.MODULE.value))
            self.least_depth = Depth(told.get("least_depth", Depth.FAST.value))
        except ValueError as error:
            raise GuestError(f"{name}: {error}") from error

    def applies(self, context: ModuleContext) -> bool:
        """To files of the formats that it names, or of any."""
        return context.format is not None and (not self._formats or context.format.name in self._formats)

    def unavailable(self) -> str:
        """What its loading came to."""
        return self._reason

    def run(self, source: ByteSource, document: Document, context: ModuleContext) -> None:
        """Never here."""
        raise NotImplementedError(f"{self.name} runs in workers of its own")


def _text(told: Mapping[str, Any], name: str, default: str) -> str:
    text = str(told.get(name, default))
    if not text or len(text) > _MAX_TEXT_CHARS or not text.isprintable():
        raise GuestError(f"its {name} isn't 1 to {_MAX_TEXT_CHARS} printable characters")
    return text


def _texts(told: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = told.get(name, [])
    if (
        not isinstance(texts, list)
        or len(texts) > _MAX_NAMES
        or not all(isinstance(each, str) for each in texts)
    ):
        raise GuestError(f"its {name} aren't at most {_MAX_NAMES} names")
    return tuple(texts)
