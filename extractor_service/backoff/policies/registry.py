"""The policies by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extractor_service.backoff.policies.aimd import AimdPolicy
from extractor_service.backoff.policies.gradient import GradientPolicy
from extractor_service.backoff.policies.none import NoBackoffPolicy
from extractor_service.backoff.policies.proportional import ProportionalPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from extractor_service.backoff.policies.base import BackoffPolicy

POLICIES: dict[str, Callable[[], BackoffPolicy]] = {
    policy.name: policy for policy in (ProportionalPolicy, AimdPolicy, GradientPolicy, NoBackoffPolicy)
}
