import io
import json
import math
import random
import tracemalloc

import numpy as np
import pytest

from extractor_service.formats.base import CorruptFileError
from extractor_service.modules.charts import documents, engine
from extractor_service.modules.charts.table import ASPECTS, BODIES
from extractor_service.sources.descriptor import BytesSource
from tests.support.modules_run import run, values

# Apart from the module's tables: as the original was documented.
ORIGINAL = [("conjunction", 0, 10, 4), ("sextile", 60, 6, 2), ("square", 90, 8, -2), ("trine", 120, 8, 3), ("opposition", 180, 10, -3), ("quincunx", 150, 3, -1), ("semi_sextile", 30, 2, 1)]  # fmt: skip
WEIGHTS = [3, 3, 2, 3, 3, 2, 1.5, 1, 1, 1]


def scalar(one, other, orb=None):
    """Score and aspects of a pair, body by body."""
    score, aspects = 0.0, {}
    for i in range(10):
        for j in range(10):
            away = abs(one[i] - other[j]) % 360
            separation = min(away, 360 - away)
            best = None
            for name, angle, limit, worth in ORIGINAL:
                limit = limit if orb is None else orb
                off = abs(separation - angle)
                if off <= limit and (best is None or off < best[1]):
                    best = name, off, worth, limit
            if best:
                aspects[i, j] = best[:2]
                score += (WEIGHTS[i] + WEIGHTS[j]) / 2 * best[2] * (1 - best[1] / best[3] if best[3] else 1)
    return score, aspects


@pytest.mark.parametrize("orb", [None, 8.0, 3.0, 14.9, 15.0, 20.0, 0.0])
@pytest.mark.parametrize("is_coarse", [False, True])
def test_scores_and_aspects_equal_a_scalar_reference(orb, is_coarse):
    rng = np.random.default_rng(5)
    first, second = rng.uniform(0, 360, (20, 10)), rng.uniform(0, 360, (10, 10))
    if is_coarse:  # exact angles, exact limits and ties
        first, second = (np.round(charts / 5) * 5 % 360 for charts in (first, second))
    calculator = engine.Calculator(np, orb, budget_bytes=300_000)  # several pieces
    scores = calculator.scores(first, second)
    for i, j in ((i, j) for i in range(20) for j in range(10)):
        expected, aspects = scalar(first[i], second[j], orb)
        assert scores[i, j] == pytest.approx(expected, abs=1e-9)
        codes, orbs = calculator.aspects(first[i], second[j])
        found = {
            tuple(map(int, at)): (ASPECTS[codes[tuple(at)]].name, orbs[tuple(at)])
            for at in np.argwhere(codes != engine.NOTHING)
        }
        assert found.keys() == aspects.keys()
        assert all(
            found[at][0] == name and found[at][1] == pytest.approx(off, abs=1e-9)
            for at, (name, off) in aspects.items()
        )


def test_the_summary_is_that_of_the_matrix_whatever_the_pieces():
    rng = np.random.default_rng(6)
    first, second = rng.uniform(0, 360, (37, 10)), rng.uniform(0, 360, (53, 10))
    told = []
    whole = engine.Calculator(np).scores(first, second)
    for budget in (200_000, 1_000_000, 1 << 26):
        summary = engine.Calculator(np, budget_bytes=budget).summary(
            first, second, 5, lambda done, total: told.append((done, total))
        )
        assert summary.pair_count == whole.size and summary.score_sum == pytest.approx(whole.sum())
        assert (summary.score_min, summary.score_max) == pytest.approx((whole.min(), whole.max()))
        assert summary.deviation == pytest.approx(whole.std())
        order = np.argsort(-whole, axis=None)[:5]
        assert [(best.first, best.second) for best in summary.best] == [divmod(int(at), 53) for at in order]
    assert told[-1] == (whole.size, whole.size) and len(told) > 5


@pytest.mark.parametrize("pairs", [(1, 1), (30, 40), (300, 500), (1, 2000)])
def test_the_estimate_is_what_is_measured(pairs):
    rng = np.random.default_rng(7)
    first, second = rng.uniform(0, 360, (pairs[0], 10)), rng.uniform(0, 360, (pairs[1], 10))
    calculator, needs = engine.Calculator(np), engine.estimate(*pairs)
    tracemalloc.start()
    calculator.summary(first, second, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= engine.BUDGET_BYTES * 1.05 and abs(peak - needs.piece_bytes) <= max(
        0.2 * needs.piece_bytes, 128 * 1024
    )


def chart(rng, bodies=BODIES):
    return {body: rng.uniform(0, 360) for body in bodies}


def as_json(**fields):
    return json.dumps(fields).encode()


def test_a_document_is_answered_with_counts_scores_and_best():
    rng = random.Random(1)
    charts = [chart(rng) for _ in range(7)]
    document = run(as_json(charts1=charts, charts2=charts[:3], best=2), "charts", name="a.json")
    told = {(field.group, field.name): field.value for field in document.sections["charts"]}
    scores = [[scalar(list(one.values()), list(other.values()))[0] for other in charts[:3]] for one in charts]
    assert told["Scores", "PairCount"] == 21 and told["Scores", "ScoreSum"] == pytest.approx(
        sum(map(sum, scores))
    )
    assert told["Best 1", "Score"] == pytest.approx(max(map(max, scores))) and ("Best 3", "Score") not in told
    assert told["Calculation", "Strategy"] == "one piece" and not document.problems


def test_a_single_pair_is_told_in_full():
    one, other = {"Sun": 0.0, "MOON": 90.0}, {"sun": 365.0, "moon": -180.0}
    document = run(as_json(charts1=[one], charts2=[other], orb=8.0), "charts", name="a.json")
    pairs = {
        field.name: dict(field.value.entries)
        for field in document.sections["charts"]
        if field.group == "Pair"
    }
    assert pairs["sun-sun"] == {"aspect": "conjunction", "orb": 5.0, "type": "harmonious"}
    assert pairs["sun-moon"] == {"aspect": "opposition", "orb": 0.0, "type": "challenging"}
    assert set(pairs) == {"sun-sun", "sun-moon", "moon-sun", "moon-moon"}
    assert any(
        "has no pluto" in problem.message for problem in document.problems
    )  # nothing is ignored without a word


def test_a_part_of_the_matrix_comes_as_numbers():
    rng = random.Random(2)
    charts = [chart(rng) for _ in range(9)]
    document = run(as_json(charts1=charts, charts2=charts, part=[2, 4, 3, 5]), "charts", name="a.json")
    data = values(document, "charts")["Scores"]
    numbers = np.frombuffer(data, dtype="<f8").reshape(3, 5)
    assert numbers[1, 2] == pytest.approx(scalar(list(charts[3].values()), list(charts[6].values()))[0])


def test_archives_say_the_same_as_json():
    rng = np.random.default_rng(3)
    first, second = rng.uniform(0, 360, (4, 10)), rng.uniform(0, 360, (5, 10))
    file = io.BytesIO()
    np.savez_compressed(file, charts1=first, charts2=second)
    listed = [[dict(zip(BODIES, row.tolist())) for row in charts] for charts in (first, second)]
    answers = [
        {
            (field.group, field.name): field.value
            for field in run(data, "charts", name=name).sections["charts"]
        }
        for data, name in (
            (file.getvalue(), "a.npz"),
            (as_json(charts1=listed[0], charts2=listed[1]), "a.json"),
        )
    ]
    assert answers[0] == answers[1]


def test_the_hash_knows_equal_charts():
    def hashed(charts):
        return documents.content_hash(documents.read(BytesSource(as_json(charts1=charts, charts2=charts))))

    one = {"sun": 0.0, "moon": 10.0}
    assert hashed([one]) == hashed([{"Moon": 370.0, "Sun": 360.0}]) == hashed([{"sun": -360, "moon": 10}])
    assert hashed([one]) != hashed([{"sun": 0.1, "moon": 10.0}]) != hashed([one, one])


@pytest.mark.parametrize(
    "fields",
    [
        {"charts1": [], "charts2": [{}]}, {"charts1": [3], "charts2": [{}]}, {"charts1": [{}], "charts2": [{}], "orb": -1}, {"charts1": [{}], "charts2": [{}], "orb": "x"},
        {"charts1": [{}], "charts2": [{}], "best": 100_000}, {"charts1": [{}], "charts2": [{}], "part": [1, 2]}, {"charts1": [{}], "charts2": [{}], "arrays": "torch"},
    ],
)  # fmt: skip
def test_what_cant_be_is_refused(fields):
    with pytest.raises(CorruptFileError):
        documents.read(BytesSource(as_json(**fields)))


def test_hostile_archives_are_refused():
    file = io.BytesIO()
    np.savez(file, charts1=np.zeros((2, 10)), charts2=np.array([{"a": 1}], dtype=object))
    with pytest.raises(CorruptFileError):
        documents.read(BytesSource(file.getvalue()))
    data = bytearray(file.getvalue())
    at = data.index(b"(2, 10)")
    data[at : at + 7] = b"(9**9,)"
    with pytest.raises(CorruptFileError):
        documents.read(BytesSource(bytes(data)))
    assert documents.read(BytesSource(b'{"a": 1}')) is None


def test_values_that_are_no_longitudes_take_no_part_and_are_named():
    one = {"sun": "x", "moon": math.inf, "vulcan": 3.0, "mars": True, "venus": 10.0}
    data = b'{"charts1": [%s], "charts2": [{"venus": 10.0}], "extra": 1}' % json.dumps(one).encode()
    document = run(data, "charts", name="a.json")
    messages = " ".join(problem.message for problem in document.problems)
    assert all(
        word in messages
        for word in ("sun is no longitude", "moon is no longitude", "'vulcan'", "mars is no", "'extra'")
    )
    pairs = [field.name for field in document.sections["charts"] if field.group == "Pair"]
    assert pairs == ["venus-venus"]
