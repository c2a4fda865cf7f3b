"""Bodies, their weights, and the aspects: angles, orbs, kinds and scores. As the vectorised calculator that people had was documented."""

from __future__ import annotations

from typing import NamedTuple

BODIES = ("sun", "moon", "mercury", "venus", "mars", "jupiter", "saturn", "uranus", "neptune", "pluto")
WEIGHTS = (3.0, 3.0, 2.0, 3.0, 3.0, 2.0, 1.5, 1.0, 1.0, 1.0)
"""In the order of `BODIES`; two bodies weigh as much as their mean."""


class Aspect(NamedTuple):
    """An angle that counts."""

    name: str
    angle_degrees: int
    orb_degrees: float
    """How far beside the angle it still holds."""
    score: float
    kind: str


ASPECTS = (
    Aspect("conjunction", 0, 10.0, 4.0, "harmonious"),
    Aspect("semi_sextile", 30, 2.0, 1.0, "neutral"),
    Aspect("sextile", 60, 6.0, 2.0, "harmonious"),
    Aspect("square", 90, 8.0, -2.0, "challenging"),
    Aspect("trine", 120, 8.0, 3.0, "harmonious"),
    Aspect("quincunx", 150, 3.0, -1.0, "challenging"),
    Aspect("opposition", 180, 10.0, -3.0, "challenging"),
)
"""By their angles, which are all multiples of `STEP_DEGREES`: the nearest one is found by rounding."""
STEP_DEGREES = 30.0
PREFERRED = ("conjunction", "sextile", "square", "trine", "opposition", "quincunx", "semi_sextile")
"""Which of two aspects counts that are equally near."""
