"""Modules whose results are kept by place: files from one place share them, in every tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from extractor_service.modules.base import ModuleContext
from extractor_service.results.keys import ModuleKey
from metaextract.document.v1 import document_pb2

if TYPE_CHECKING:
    from extractor_service.modules.base import Module

SOURCE = "common"
"""The module that knows where the content was created."""
_DIGITS = 4  # of a degree: 11 m at the equator, as exact as a telephone's position


def position_of(fragment: bytes | None) -> tuple[float, float] | None:
    """Latitude and longitude, rounded, of the fragment of `SOURCE`; None where it has none."""
    if not fragment:
        return None
    try:
        common = document_pb2.Document.FromString(fragment).common
    except DecodeError:
        return None
    if not common.HasField("position"):
        return None
    place = common.position
    return round(place.latitude_degrees, _DIGITS) + 0.0, round(place.longitude_degrees, _DIGITS) + 0.0


def key(module: Module, position: tuple[float, float], space: str) -> ModuleKey:
    """By what a module's result for a place is kept."""
    place = f"geo:{position[0]:.{_DIGITS}f},{position[1]:.{_DIGITS}f}"
    return ModuleKey(place, module.name, module.version, module.options(ModuleContext(None)), space)
