"""A million pairs of charts: against the scalar loop, against the whole matrix at once, and the memory against the estimate."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np

from extractor_service.modules.charts import engine
from extractor_service.modules.charts.table import ASPECTS, WEIGHTS
from tests.extractor_service.modules.test_charts import scalar
from tests.support.evidence import Evidence

_SIDE = 1000
_SCALAR_PAIRS = 300
_NAIVE_SIDE = 300  # of the whole matrix at once: a million pairs would take 10 GiB
_ROUNDS = 5
_MIB = 2**20


def run(name: str) -> Evidence:
    evidence = Evidence(name)
    rng = np.random.default_rng(1)
    first, second = rng.uniform(0, 360, (_SIDE, 10)), rng.uniform(0, 360, (_SIDE, 10))
    calculator = engine.Calculator(np)
    ours, loop, naive, mine = [], [], [], []
    for _ in range(_ROUNDS):
        began_at = time.perf_counter()
        calculator.summary(first, second, 10)
        ours.append(_SIDE**2 / (time.perf_counter() - began_at))
        began_at = time.perf_counter()
        for at in range(_SCALAR_PAIRS):
            scalar(first[at], second[at])
        loop.append(_SCALAR_PAIRS / (time.perf_counter() - began_at))
        began_at = time.perf_counter()
        _whole(first[:_NAIVE_SIDE], second[:_NAIVE_SIDE])
        naive.append(_NAIVE_SIDE**2 / (time.perf_counter() - began_at))
        began_at = time.perf_counter()
        calculator.summary(first[:_NAIVE_SIDE], second[:_NAIVE_SIDE], 10)
        mine.append(_NAIVE_SIDE**2 / (time.perf_counter() - began_at))
    evidence.paired("a million pairs", "speed", "pairs/s", ours, loop, "the scalar loop", ">= 30")
    evidence.paired(f"{_NAIVE_SIDE}² pairs", "speed", "pairs/s", mine, naive, "all at once")
    for side in (100, 1000):
        needs = engine.estimate(side, side)
        tracemalloc.start()
        engine.Calculator(np).summary(first[:side], second[:side], 10)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        evidence.single(
            f"{side}² pairs", "peak", "MiB", peak / _MIB, f"<= {engine.BUDGET_BYTES / _MIB * 1.05:g}"
        )
        evidence.single(f"{side}² pairs", "peak / estimate", "ratio", peak / needs.piece_bytes, ">= 0.8")
        evidence.single(
            f"{side}² pairs", "peak / estimate, not above", "ratio", peak / needs.piece_bytes, "<= 1.2"
        )
    return evidence


def _whole(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """As one would write it at first: every aspect over the whole matrix."""
    away = np.abs(first[:, None, :, None] - second[None, :, None, :])
    separation = np.minimum(away, 360 - away)
    best = np.full(separation.shape, np.inf)
    scores = np.zeros(separation.shape)
    for aspect in ASPECTS:
        orb = np.abs(separation - aspect.angle_degrees)
        holds = (orb <= aspect.orb_degrees) & (orb < best)
        best = np.where(holds, orb, best)
        scores = np.where(holds, aspect.score * (1 - orb / aspect.orb_degrees), scores)
    weights = (np.asarray(WEIGHTS)[:, None] + np.asarray(WEIGHTS)[None, :]) / 2
    return (scores * weights).sum(axis=(2, 3))
