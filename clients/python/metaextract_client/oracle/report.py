"""Tables of agreement: per family and maker, and the worst differences first."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from metaextract_client.oracle.compare import Score

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from metaextract_client.oracle.compare import Comparison, Difference

_WIDTH = 44  # characters of a value; two of them and a path fit one wide line


def table(scores: Mapping[str, Score], files: Mapping[str, int]) -> str:
    """One line per family: how many of its fields are there, of those how many equal, and how many are invented."""
    lines = [
        f"{'family':<16}{'files':>6}{'fields':>8}{'present':>10}{'equal':>9}{'printed':>9}{'invented':>10}"
    ]
    for name in sorted(scores, key=lambda each: -scores[each].theirs):
        score = scores[name]
        if score.theirs or score.invented:
            parts = (
                ratio(score.present, score.theirs),
                ratio(score.equal, score.present),
                ratio(score.printed_equal, score.printed),
            )
            shown = "".join(f"{part:>{width}.1%}" for part, width in zip(parts, (10, 9, 9), strict=True))
            lines.append(f"{name:<16}{files.get(name, 0):>6}{score.theirs:>8}{shown}{score.invented:>10}")
    return "\n".join(lines)


def headline(scores: Mapping[str, Score]) -> str:
    """One line over all families, file facts, calculated and invented fields among them: what is wrong must be seen."""
    total = total_of(scores)
    wrong = total.present - total.equal
    return (
        f"{total.theirs} fields: {ratio(total.present, total.theirs):.1%} present, {wrong} wrong"
        f" ({ratio(total.equal, total.present):.1%} equal), {total.invented} invented"
        f" ({ratio(total.invented, max(1, total.present + total.invented)):.1%} of ours)"
    )


def total_of(scores: Mapping[str, Score]) -> Score:
    """All families together."""
    total = Score()
    for each in scores.values():
        total.add(each)
    return total


def ratio(part: int, whole: int) -> float:
    """The share; 1 of nothing."""
    return part / whole if whole else 1.0


def worst(differences: Iterable[tuple[str, Difference]], limit: int = 40) -> str:
    """The differences that occur most, with one example each; `differences` come with their file."""
    counts: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], tuple[str, Difference]] = {}
    for path, each in differences:
        key = (each.kind, each.family, each.name)
        counts[key] += 1
        examples.setdefault(key, (path, each))
    lines = []
    for key, count in counts.most_common(limit):
        path, each = examples[key]
        theirs, ours = (repr(value)[:_WIDTH] for value in (each.theirs, each.ours))
        lines.append(
            f"{count:>5}  {key[0]:<9}{key[1]}:{key[2]:<30} exiftool {theirs:<{_WIDTH}} ours {ours:<{_WIDTH}} {path}"
        )
    return "\n".join(lines)


class Tally:
    """Adds up comparisons of many files."""

    def __init__(self) -> None:
        self.scores: dict[str, Score] = defaultdict(Score)
        self.files: Counter[str] = Counter()
        self.differences: list[tuple[str, Difference]] = []

    def add(self, path: str, comparison: Comparison, rename: Mapping[str, str] | None = None) -> None:
        """Adds one file's comparison; families may be counted under another name, as maker notes are by maker."""
        for family, score in comparison.scores.items():
            name = (rename or {}).get(family, family)
            self.scores[name].add(score)
            self.files[name] += score.theirs > 0
        self.differences += [(path, each) for each in comparison.differences]

    def join(self, other: Tally) -> None:
        """Adds another tally."""
        for name, score in other.scores.items():
            self.scores[name].add(score)
        self.files.update(other.files)
        self.differences += other.differences
