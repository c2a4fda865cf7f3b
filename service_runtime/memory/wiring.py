"""Builds the classifier that a service's settings ask for; the sampler needs none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_runtime.memory.classifier import Classifier
from service_runtime.memory.levels import Thresholds

if TYPE_CHECKING:
    from service_runtime.settings import RuntimeSettings


def make_classifier(settings: RuntimeSettings) -> Classifier:
    """A classifier with the thresholds, hold and release band of `settings`."""
    thresholds = Thresholds(
        settings.pressure_elevated_ratio, settings.pressure_high_ratio, settings.pressure_critical_ratio
    )
    return Classifier(
        thresholds,
        hold_seconds=settings.pressure_hold_seconds,
        release_ratio=settings.pressure_release_ratio,
    )
