"""Builds what a service's settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service_runtime.memory.classifier import Classifier
from service_runtime.memory.levels import Thresholds
from service_runtime.memory.monitor import MemoryMonitor
from service_runtime.memory.sampler import Sampler
from service_runtime.memory.signals.registry import discover
from service_runtime.memory.signals.surroundings import Surroundings

if TYPE_CHECKING:
    from service_runtime.settings import RuntimeSettings


def thresholds_of(settings: RuntimeSettings) -> Thresholds:
    """Where levels begin."""
    return Thresholds(
        settings.pressure_elevated_ratio, settings.pressure_high_ratio, settings.pressure_critical_ratio
    )


def make_monitor(settings: RuntimeSettings) -> MemoryMonitor:
    """A monitor of this process's container, by the thresholds, hold and release band of `settings`."""
    classifier = Classifier(
        thresholds_of(settings),
        hold_seconds=settings.pressure_hold_seconds,
        release_ratio=settings.pressure_release_ratio,
    )
    sampler = Sampler(discover(Surroundings(process_limit_bytes=settings.process_memory_bytes)))
    return MemoryMonitor(
        sampler, classifier, settings.pressure_sample_seconds, kernel_events=settings.pressure_kernel_events
    )
